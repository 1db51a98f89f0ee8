"""What events of the past say of a network's probabilities, and of how rain areas change.

Two tables travel in a checkpoint. `coefficients` put probabilities right by a logistic regression
(Platt scaling, conditional on how much of the field is wet); `growth` is the factor by which the
area of each threshold is larger in a forecast than in the field whose amounts it takes (that of
S-PROG, or the newest frame). They are chosen by `model_zoo.training.calibration`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

WET = 0.1
"""mm/h from which a cell is wet."""
DRIEST = 1e-3
"""Share of wet cells that drier fields are taken to have."""
SMALLEST = 1e-6
"""Probabilities are taken as at least this far from 0 and 1."""
IDENTITY = (0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Calibration:
    """Tables by lead and threshold; without a table nothing changes.

    Beyond the known leads that of the last one holds.
    """

    coefficients: tuple[tuple[tuple[float, float, float], ...], ...] = ()
    """(lead, threshold, 3): intercept, factor of the logit of the probability, factor of the wet
    share (`wetness`)."""
    growth: tuple[tuple[float, ...], ...] = ()
    """(lead, threshold)."""
    expects: bool = False
    """Whether `growth` is what is left beside the change of area that the probabilities expect
    (`rain_amounts.expected_change`); not so in checkpoints of before December 2026."""

    def probabilities(self, raw: Array, newest: Array, thresholds: Sequence[float]) -> Array:
        """Calibrated probabilities (lead, threshold, y, x), falling with the threshold.

        Args:
            raw: (lead, threshold, y, x), NaN where unknown.
            newest: The newest frame (y, x) in mm/h, NaN for no data.
            thresholds: In mm/h, as many as `raw` has.

        Raises:
            ValueError: The table is of another number of thresholds.
        """
        if not self.coefficients:
            return raw
        wet = wetness(newest)
        table = [
            self.coefficients[min(lead, len(self.coefficients) - 1)] for lead in range(len(raw))
        ]
        a, b, c = np.moveaxis(np.array(table, np.float32), -1, 0)[..., None, None]
        if a.shape[1] != len(thresholds):
            raise ValueError(f"{a.shape[1]} thresholds are calibrated, {len(thresholds)} are there")
        logits = a + b * logit(raw) + c * np.float32(wet)
        # NaN stays NaN in a running minimum, and is so at all thresholds or none
        falling: Array = np.minimum.accumulate(1 / (1 + np.exp(-logits)), axis=1)
        return falling

    def growth_of(self, lead: int, thresholds: int) -> tuple[float, ...]:
        """The growth of each threshold at a lead, counted from 0."""
        if not self.growth:
            return (1.0,) * thresholds
        return self.growth[min(lead, len(self.growth) - 1)]

    def fits(self, thresholds: int) -> bool:
        """Whether the tables are of so many thresholds, or empty."""
        rows = [*self.coefficients, *self.growth]
        return all(len(row) == thresholds for row in rows)

    def as_dict(self) -> dict[str, Any]:
        """The tables as JSON has them."""
        return {
            "coefficients": self.coefficients,
            "growth": self.growth,
            "expects": self.expects,
        }

    @classmethod
    def from_dict(cls, tables: Mapping[str, Any]) -> "Calibration":
        """The calibration of such tables.

        Raises:
            ValueError: They are ragged, or not of finite numbers; `expects` is not true or false.
        """
        coefficients = np.array(tables.get("coefficients", ()), float)
        growth = np.array(tables.get("growth", ()), float)
        for table, depth in ((coefficients, 3), (growth, 2)):
            if table.size and (table.ndim != depth or (depth == 3 and table.shape[-1] != 3)):
                raise ValueError(f"a table of a calibration has shape {table.shape}")
        if not (np.isfinite(coefficients).all() and np.isfinite(growth).all()):
            raise ValueError("a calibration should be of finite numbers")
        expects = tables.get("expects", False)
        if not isinstance(expects, bool):
            raise ValueError(f"expects of a calibration is {expects!r}, not true or false")
        return cls(
            tuple(tuple(map(tuple, of_lead)) for of_lead in coefficients.tolist()),
            tuple(map(tuple, growth.tolist())),
            expects,
        )


def wetness(newest: Array) -> float:
    """Decimal logarithm of the share of known cells that are wet, at least that of `DRIEST`."""
    known = np.count_nonzero(~np.isnan(newest))
    share = np.count_nonzero(newest >= WET) / known if known else 0.0
    return math.log10(max(share, DRIEST))


def logit(probability: Array) -> Array:
    """Logarithm of the odds; NaN stays NaN."""
    bounded = np.clip(probability, np.float32(SMALLEST), np.float32(1 - SMALLEST))
    odds: Array = np.log(bounded / (1 - bounded))
    return odds
