"""Registry of the verification scores that the service computes and shows.

A new score takes a function in `verification` and a line in `SCORES` or `PROBABILITY_SCORES`:
tables, the API schema and its example, metrics, dashboards, curves, the report and its glossary
follow. Installed packages add scores of contingency tables by entry points of the group
`nowcast.scores` (`ingest.plugins`).
"""

import logging
import math
import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from xarray import DataArray, Dataset

from ingest import plugins
from verification import (
    brier,
    brier_skill,
    csi,
    ets,
    far,
    fbias,
    fss,
    hss,
    pod,
    window_cells,
)

log = logging.getLogger(__name__)

FRACTION_SCALES_KM = (5.0, 10.0, 20.0, 40.0)
"""Widths of the neighbourhoods of the fractions skill score."""
CELL_KM = 5.0


class Score(NamedTuple):
    """A verification score.

    Attributes:
        function: Computes it from counts or sums; NaN where it is undefined.
        title: Heading of tables and panels.
        meaning: One sentence for readers, in the field's words.
        best: Value of a perfect forecast.
        is_ratio: Whether half as much and twice as much are equally wrong.
        has_curve: Whether the report draws it by lead.
    """

    function: Callable[[Dataset], DataArray]
    title: str
    meaning: str
    best: float = 1.0
    is_ratio: bool = False
    has_curve: bool = False

    def departure(self, value: float) -> float:
        """Distance of a value from that of a perfect forecast, for ranking."""
        if self.is_ratio:
            return abs(math.log(value / self.best)) if value > 0 else math.inf
        return abs(value - self.best)


OWN_SCORES: dict[str, Score] = {
    "csi": Score(
        csi, "CSI", "Critical success index: hits per hit, miss and false alarm.", has_curve=True
    ),
    "hss": Score(
        hss, "HSS", "Heidke skill score: correct forecasts, relative to those of random forecasts."
    ),
    "pod": Score(pod, "POD", "Probability of detection: share of events that were forecast."),
    "far": Score(far, "FAR", "False alarm ratio: share of false alarms in forecasts.", best=0.0),
    "fbias": Score(
        fbias, "FBIAS", "Frequency bias: forecast events per event.", is_ratio=True, has_curve=True
    ),
    "ets": Score(ets, "ETS", "Equitable threat score: CSI adjusted for hits by chance."),
}
FSS_NAMES = {window_cells(km, CELL_KM): f"fss_{km:g}km" for km in FRACTION_SCALES_KM}
"""Names of the fractions skill scores by the width of their neighbourhood in cells."""
FSS_SCORES: dict[str, Score] = {
    f"fss_{km:g}km": Score(
        fss,
        f"FSS {km:g} km",
        f"Fractions skill score: 1 where fractions of rain within {km:g} km are equal.",
        has_curve=km == 20,
    )
    for km in FRACTION_SCALES_KM
}
"""Scores of fractions in neighbourhoods."""
PROBABILITY_SCORES: dict[str, Score] = {
    "brier": Score(brier, "Brier score", "Mean squared error of the probability.", best=0.0),
    "brier_skill": Score(
        brier_skill, "Brier skill", "Brier skill score against the climatology of the sample."
    ),
}
"""Scores of exceedance probabilities."""

COLUMN = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""Names of scores, which are fields of the API and labels of metrics."""
TAKEN = [
    "base_rate",
    "correct_negatives",
    "false_alarms",
    "forecast_rate",
    "hits",
    "issue",
    "lead_minutes",
    "misses",
    "model",
    "n_valid",
    "threshold",
    "valid",
]
"""Names of other columns beside scores."""
SAMPLES = Dataset(
    {
        "hits": ("row", [790, 0, 3]),
        "misses": ("row", [210, 0, 0]),
        "false_alarms": ("row", [292, 0, 0]),
        "correct_negatives": ("row", [30708, 32400, 0]),
    }
)
"""Contingency tables of a common, a dry and a wet case."""


def accepted_score(name: str, given: object) -> Score:
    """Return the score that an entry point refers to, with a function that never raises.

    Raises:
        TypeError: It is no `Score`, or does not compute a value for each table.
        ValueError: Its name is no name of a column.
    """
    if not isinstance(given, Score):
        raise TypeError(f"{given!r} should be a service.skill.scores.Score")
    if not COLUMN.fullmatch(name):
        raise ValueError(f"the name should match {COLUMN.pattern}")
    with np.errstate(all="ignore"):
        found = given.function(SAMPLES)
    if not isinstance(found, DataArray) or found.dims != ("row",):
        raise TypeError("its function should return a value for each table, without a loop")
    return given._replace(function=partial(computed, name, given.function))


def computed(name: str, function: Callable[[Dataset], DataArray], counts: Dataset) -> DataArray:
    """Compute a package's score of counts of any shape, and in their shape.

    NaN where it is undefined, and all NaN where it raises, with a warning in the log.
    """
    try:
        with np.errstate(all="ignore"):
            values = function(counts).astype(np.float64)
        return values.where(np.isfinite(values))
    except Exception as error:  # noqa: BLE001  a package may raise anything
        log.warning("the score %s is left out: %s: %s", name, type(error).__name__, error)
        return counts["hits"] * np.nan


SCORES = plugins.Registry(
    OWN_SCORES,
    lambda: plugins.load(
        plugins.SCORES, (*OWN_SCORES, *FSS_SCORES, *PROBABILITY_SCORES, *TAKEN), accepted_score
    ),
)
"""Scores of contingency tables, by the name of their columns, fields and labels."""
