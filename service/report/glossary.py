"""Glossary of a report."""

from collections.abc import Iterator

from service.report.language import number, translate
from service.skill.scores import FSS_SCORES, PROBABILITY_SCORES, SCORES, Score


def entry(score: Score) -> str:
    """Return the meaning of a score, and its value for a perfect forecast."""
    meaning, best = translate(score.meaning), number(score.best, "g")
    return f"{meaning} {translate('{best} is perfect.', best=best)}"


def terms(*, with_probabilities: bool) -> Iterator[tuple[str, str]]:
    """Yield terms and what they mean, in the current language.

    Args:
        with_probabilities: Whether those of probabilities are among them.
    """
    meant = TERMS | (PROBABILITY_TERMS if with_probabilities else {})
    for term, meaning in meant.items():
        if isinstance(meaning, Score):
            yield term, entry(meaning)
        else:
            yield translate(term), translate(meaning)


TERMS: dict[str, str | Score] = {
    "Forecast field": (
        "One lead time of a forecast, compared cell by cell (5 km) with the radar frame of its "
        "valid time. Cells without data are left out; they do not count as dry."
    ),
    **{score.title: score for score in (SCORES | FSS_SCORES).values()},
    "Persistence, advection, S-PROG": (
        "Baselines: the newest frame unchanged, advected by its motion, or advected while its "
        "small scales decay. A model should be better."
    ),
    "Same forecasts": (
        "Models are compared over the issue times and cells that all of them have. Scores are "
        "computed from summed counts and never averaged."
    ),
    "Bold": (
        "In tables of scores, the best of each lead time; in tables of differences, those whose "
        "90 % interval, from a bootstrap over blocks of six hours, excludes 0."
    ),
    "\N{EN DASH}": "Undefined: there were no such events, so there is no score. It is not 0.",
}
PROBABILITY_TERMS: dict[str, str | Score] = {
    "Reliability diagram": (
        "Observed frequency of the event against the forecast probability, by bins of 0.1. On the "
        "diagonal the probabilities are reliable."
    ),
    **{score.title: score for score in PROBABILITY_SCORES.values()},
}
"""Entries on exceedance probabilities, for reports with such forecasts."""
