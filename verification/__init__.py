"""Forecasts against what came, in numbers.

First `match` the frames to a forecast's valid times and give all forecasts their `common_mask`;
then make counts (`count`) and sums (`error_sums`, `fraction_sums`, `chance_sums`), which add up
over time and are what is stored; scores are made of them last, and `interval` says how sure they
are.
"""

from verification.bootstrap import Interval, interval
from verification.categorical import count, csi, ets, far, fbias, hss, pod
from verification.continuous import bias, error_sums, mae, rmse
from verification.errors import (
    BadResample,
    BadThreshold,
    BadWindow,
    DifferentGrids,
    VerificationError,
)
from verification.fractions import fraction_sums, fss, window_cells
from verification.matching import common_mask, match, missing
from verification.probabilistic import brier, brier_skill, chance_sums, climatology, reliability
from verification.spectrum import radial_spectrum

__all__ = [
    "BadResample",
    "BadThreshold",
    "BadWindow",
    "DifferentGrids",
    "Interval",
    "VerificationError",
    "bias",
    "brier",
    "brier_skill",
    "chance_sums",
    "climatology",
    "common_mask",
    "count",
    "csi",
    "error_sums",
    "ets",
    "far",
    "fbias",
    "fraction_sums",
    "fss",
    "hss",
    "interval",
    "mae",
    "match",
    "missing",
    "pod",
    "radial_spectrum",
    "reliability",
    "rmse",
    "window_cells",
]
