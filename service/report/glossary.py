"""Glossary of a report."""

from service.skill.scores import FSS_SCORES, PROBABILITY_SCORES, SCORES, Score


def entry(score: Score) -> str:
    """Meaning of a score, and its value for a perfect forecast."""
    return f"{score.meaning} {score.best:g} is perfect."


TERMS = {
    "Forecast field": (
        "One lead of one forecast, compared cell by cell (5 km) with the radar frame of its "
        "time, where both have data. No data counts nowhere: it is not dry."
    ),
    **{score.title: entry(score) for score in (SCORES | FSS_SCORES).values()},
    "Persistence, advection, S-PROG": (
        "What everybody can do: leave the rain where it is, move it on as it moves, or let its "
        "details fade as well. A model that is no better is not worth its electricity."
    ),
    "Same forecasts": (
        "Models are compared over the starts and cells that all of them have. Counts are summed "
        "up first and scored last; scores are never averaged."
    ),
    "Bold": (
        "In tables of scores the best of each lead; in differences those that a bootstrap over "
        "blocks of six hours calls more than chance (90 %)."
    ),
    "\N{EN DASH}": "Not defined: there was nothing of the kind, so there is no score. It is not 0.",
}
PROBABILITY_TERMS = {
    "Reliability diagram": (
        "Observed frequency of the event against the forecast probability, by bins of 0.1. On the "
        "diagonal the probabilities are reliable."
    ),
    **{score.title: entry(score) for score in PROBABILITY_SCORES.values()},
}
"""Entries on exceedance probabilities, for reports with such forecasts."""
