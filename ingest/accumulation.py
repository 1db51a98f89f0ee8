"""Rain sums: the amount in mm that falls in a period, from the rates of its five-minute steps.

A rate is the mean of the five minutes that end at its time, in radar frames and in forecasts alike.
The sum of a period is therefore the mean of its rates times its length, exactly; nothing is
interpolated in time. Rain that crosses more than a cell in five minutes (60 km/h on the model grid)
leaves its footprints with gaps between them, as in the provider's own sums of five-minute
composites.

A missing rate is never dry: up to a share of `MOST_MISSING` of a period, missing rates are taken to
be like the mean of the others; with more of them the sum is no data.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.precipitation import INTERVAL

AMOUNT = "precipitation_amount"
"""CF standard name of a sum, and prefix of the names of sums by their period."""
AMOUNT_UNITS = "kg m-2"
"""CF units of a sum; 1 kg m-2 is 1 mm."""
STEP_MINUTES = int(INTERVAL / np.timedelta64(1, "m"))
STEPS_PER_HOUR = 60 // STEP_MINUTES
MOST_MISSING = 1 / 12
"""Largest share of the rates of a period that may be missing: one frame of an hour, none of 15 or
30 minutes."""
ROUNDING = 1e-9


def amount_name(minutes: int) -> str:
    """Name of the sum of a period of a length in minutes."""
    return f"{AMOUNT}_{minutes}min"


def minutes_of(name: str) -> int:
    """Length in minutes of the period of a sum by its name."""
    return int(name.removeprefix(f"{AMOUNT}_").removesuffix("min"))


class RateTotal(NamedTuple):
    """Rates of some steps added up, of any shape without the axis of the steps.

    Attributes:
        total: Sum of the valid rates, in mm/h.
        valid: Number of valid rates.
    """

    total: NDArray[np.float64]
    valid: NDArray[np.int64]

    def plus(self, other: "RateTotal") -> "RateTotal":
        """Return the total of the steps of both."""
        return RateTotal(self.total + other.total, self.valid + other.valid)


def rate_total(rates: NDArray[np.floating[Any]], axis: int = 0) -> RateTotal:
    """Add up rates (any shape) in mm/h, NaN for no data, along the axis of their steps."""
    return RateTotal(np.nansum(rates, axis=axis, dtype=np.float64), (~np.isnan(rates)).sum(axis))


def running_totals(rates: NDArray[np.floating[Any]], axis: int = 0) -> RateTotal:
    """Return the totals of the first 0, 1, 2, ... steps, whose differences are those of periods.

    Args:
        rates: Rates of any shape in mm/h, NaN for no data.
        axis: Axis of the steps, which becomes longer by one.
    """
    first = [(0, 0)] * rates.ndim
    first[axis] = (1, 0)
    valid = ~np.isnan(rates)
    total = np.cumsum(np.where(valid, rates, 0), axis=axis, dtype=np.float64)
    return RateTotal(np.pad(total, first), np.pad(np.cumsum(valid, axis=axis), first))


def amount(rates: RateTotal, steps: int | NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sum of a period in mm; NaN where too many of its rates are missing.

    Args:
        rates: Total of its rates.
        steps: Number of its steps of five minutes; for several periods of any shape that fits.
    """
    enough = rates.valid >= fewest_rates(steps)
    mean = rates.total / np.maximum(rates.valid, 1)
    return np.where(enough, mean * np.divide(steps, STEPS_PER_HOUR), np.nan)


def fewest_rates(steps: int | NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how many rates of a period of some steps (any shape) there have to be for a sum."""
    return np.asarray(np.ceil(np.multiply(steps, 1 - MOST_MISSING) - ROUNDING), np.float64)


def window_amounts(
    rates: NDArray[np.floating[Any]], windows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the sums of several periods in mm.

    Args:
        rates: (..., step, cell) in mm/h, NaN for no data.
        windows: (window, 2): number of the first step of each period, and of the first after it.

    Returns:
        (..., window, cell), NaN where too many rates are missing.
    """
    running = running_totals(rates, axis=-2)
    first, last = windows.T
    within = RateTotal(
        running.total[..., last, :] - running.total[..., first, :],
        running.valid[..., last, :] - running.valid[..., first, :],
    )
    return amount(within, (last - first)[:, None])
