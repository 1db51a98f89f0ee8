"""Definition of an event: a rain rate of at least the threshold."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from verification.errors import BadThreshold


def reaches(rate: NDArray[np.floating], threshold: float) -> NDArray[np.bool_]:
    """Test elementwise if a rate is at least the threshold, in its precision; False for NaN."""
    (limit,) = limits(rate, [threshold])
    reached: NDArray[np.bool_] = rate >= limit
    return reached


def limits(rate: NDArray[np.floating], thresholds: Sequence[float]) -> list[np.floating]:
    """Return the thresholds in the precision of a rate (any shape), to compare it with by `>=`.

    In float64 a float32 rate of 0.1 would lie above the threshold 0.1 and one of 0.7 below 0.7, so
    the threshold is rounded as the rate was.
    """
    precision = np.result_type(rate.dtype, np.float16)  # of the rate; float64 for whole numbers
    return [precision.type(threshold) for threshold in thresholds]


def check(thresholds: Sequence[float]) -> None:
    """Check thresholds.

    Raises:
        BadThreshold: There are none, or one is not finite.
    """
    if len(thresholds) == 0 or not np.all(np.isfinite(thresholds)):
        raise BadThreshold(
            f"thresholds are {list(thresholds)}; give one or more finite rates in mm/h"
        )
