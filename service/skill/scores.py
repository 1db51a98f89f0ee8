"""Registry of the verification scores that the service computes and shows.

A new score takes a function in `verification` and a line in `SCORES` or `PROBABILITY_SCORES`:
tables, the API schema and its example, metrics, dashboards, curves, the report and its glossary
follow.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from xarray import DataArray, Dataset

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


SCORES: dict[str, Score] = {
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
"""Scores of contingency tables, by the name of their columns, fields and labels."""
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
