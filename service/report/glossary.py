"""Glossary of a report."""

from service.skill.scores import FSS_SCORES, PROBABILITY_SCORES, SCORES, Score


def entry(score: Score) -> str:
    """Return the meaning of a score, and its value for a perfect forecast."""
    return f"{score.meaning} {score.best:g} is perfect."


TERMS = {
    "Forecast field": (
        "One lead time of a forecast, compared cell by cell (5 km) with the radar frame of its "
        "valid time. Cells without data are left out; they do not count as dry."
    ),
    **{score.title: entry(score) for score in (SCORES | FSS_SCORES).values()},
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
PROBABILITY_TERMS = {
    "Reliability diagram": (
        "Observed frequency of the event against the forecast probability, by bins of 0.1. On the "
        "diagonal the probabilities are reliable."
    ),
    **{score.title: entry(score) for score in PROBABILITY_SCORES.values()},
}
"""Entries on exceedance probabilities, for reports with such forecasts."""
