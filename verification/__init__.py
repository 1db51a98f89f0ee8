"""Verification of precipitation forecasts against radar observations.

First `match` the observed frames to the valid times of a forecast and give all forecasts their
`common_mask`. Then compute contingency tables (`count`) and sums (`error_sums`, `fraction_sums`,
`probability_sums`), which add up over forecasts and are what is stored. Scores are computed from
them last, and `interval` estimates their sampling uncertainty.
"""

from verification.bootstrap import (
    Estimate,
    Interval,
    estimate,
    event_mean,
    interval,
    pooled_interval,
)
from verification.categorical import count, csi, ets, far, fbias, hss, pod
from verification.continuous import bias, error_sums, mae, rmse
from verification.crps import crps, crps_sums, rate_crps_sums
from verification.ensemble import ensemble_error, ensemble_sums, rank_shares, spread
from verification.errors import (
    BadResample,
    BadThreshold,
    BadWindow,
    DifferentGrids,
    VerificationError,
)
from verification.fractions import fraction_sums, fss, window_cells
from verification.matching import common_mask, match, missing
from verification.probabilistic import (
    brier,
    brier_decomposition,
    brier_skill,
    chance_sums,
    climatology,
    probability_sums,
    reliability,
)
from verification.recalibration import Recalibration, recalibration
from verification.spectrum import radial_spectrum

__all__ = [
    "BadResample",
    "BadThreshold",
    "BadWindow",
    "DifferentGrids",
    "Estimate",
    "Interval",
    "Recalibration",
    "VerificationError",
    "bias",
    "brier",
    "brier_decomposition",
    "brier_skill",
    "chance_sums",
    "climatology",
    "common_mask",
    "count",
    "crps",
    "crps_sums",
    "csi",
    "ensemble_error",
    "ensemble_sums",
    "error_sums",
    "estimate",
    "ets",
    "event_mean",
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
    "pooled_interval",
    "probability_sums",
    "radial_spectrum",
    "rank_shares",
    "rate_crps_sums",
    "recalibration",
    "reliability",
    "rmse",
    "spread",
    "window_cells",
]
