"""Rain sums over some cells: areal mean and maximum, their uncertainty and exceedance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.accumulation import STEP_MINUTES, amount, window_amounts
from service.pipeline.rain_sums.cell_weights import CellWeights
from service.pipeline.rain_sums.radar_history import DAY_STEPS, STEPS, RadarHistory
from service.pipeline.rain_sums.warning_levels import WARNING_LEVELS, WarningLevel

MEASURED_MINUTES = (15, 30, 60, 120, 360, 1440)
FORECAST_MINUTES = (15, 30, 60, 120)
"""Lengths of the periods, before and after the issue time."""
QUANTILES = (0.1, 0.5, 0.9)
LEAST_COVERED = 0.5
"""Smallest share of an area with data of which there is a sum."""
TOLERANCE = 1e-6
"""mm by which a sum may fall short of a threshold that it reaches, from rounding."""
RATES_AT_ONCE = 2_000_000
"""Rates of the members whose sums are computed at the same time."""

Array = NDArray[np.float64]


class Statistic(NamedTuple):
    """Sum of a period at a place, or its mean or maximum over an area.

    Attributes:
        mm: Sum in mm of the radar or the forecast; None for no data.
        quantiles: Sum in mm at each of `QUANTILES` of the ensemble; empty without one.
        probabilities: That the sum is at least a threshold in mm, by threshold; empty without an
            ensemble.
    """

    mm: float | None
    quantiles: tuple[float | None, ...] = ()
    probabilities: dict[float, float | None] | None = None


@dataclass(frozen=True)
class PeriodSum:
    """The sum of a period before or after the issue time.

    Attributes:
        minutes: Length of the period.
        mean: Its areal mean.
        maximum: Its largest value of a cell.
        covered: Share of the area with data.
        frames_missing: Number of radar frames of the period that are missing; they do not count as
            dry. 0 for a forecast.
    """

    minutes: int
    mean: Statistic
    maximum: Statistic
    covered: float
    frames_missing: int = 0


@dataclass(frozen=True)
class WarningSum:
    """The largest sum of the periods of a warning level that end within the forecast.

    Attributes:
        level: The warning level.
        mean: The largest areal mean.
        maximum: The largest value of a cell.
        least_forecast_minutes, most_forecast_minutes: How much of the first and of the last of the
            periods is forecast; the rest of them is radar.
    """

    level: WarningLevel
    mean: Statistic
    maximum: Statistic
    least_forecast_minutes: int
    most_forecast_minutes: int


@dataclass(frozen=True)
class RainSums:
    """Rain sums before and after an issue time.

    Attributes:
        measured: Sums of radar up to the issue time.
        forecast: Sums of the forecast from then on.
        warnings: Sums of radar and forecast together, by warning level.
        members: Number of members of the ensemble; 0 without one.
    """

    measured: tuple[PeriodSum, ...]
    forecast: tuple[PeriodSum, ...]
    warnings: tuple[WarningSum, ...]
    members: int


class Areal(NamedTuple):
    """Areal means, maxima and covered shares (..., window) of sums; NaN for no data."""

    mean: Array
    maximum: Array
    covered: Array


def rain_sums(
    history: RadarHistory,
    ahead: NDArray[np.float32],
    members: NDArray[np.floating] | None,
    cells: CellWeights,
    thresholds: Sequence[float],
) -> RainSums:
    """Return the rain sums of some cells.

    Args:
        history: Radar up to the issue time.
        ahead: Forecast (lead_time, y, x) in mm/h at each five minutes, NaN for no data.
        members: Ensemble (member, lead_time, y, x) of it; None without one.
        cells: The cells.
        thresholds: Of the sums of the forecast, in mm.
    """
    where = (slice(None), cells.rows, cells.columns)
    past, forecast = history.rates[where], ahead[where]
    periods = [minutes for minutes in FORECAST_MINUTES if minutes <= len(ahead) * STEP_MINUTES]
    lengths = sorted({level.minutes for level in WARNING_LEVELS})
    windows = np.array(
        [(STEPS, STEPS + minutes // STEP_MINUTES) for minutes in periods]
        + [window for minutes in lengths for window in ending_ahead(minutes, len(ahead))]
    )
    series = np.concatenate([past, forecast])
    found = areal(window_amounts(series, windows), cells)
    drawn = None if members is None else ensemble_sums(past, members, windows, cells)
    split = Spread(found, drawn)
    return RainSums(
        measured=tuple(measured_sums(history, past, cells)),
        forecast=tuple(
            PeriodSum(
                minutes,
                *split.statistics(slice(number, number + 1), thresholds),
                covered=float(found.covered[number]),
            )
            for number, minutes in enumerate(periods)
        ),
        warnings=tuple(warning_sums(split, lengths, len(periods), len(ahead))),
        members=0 if members is None else len(members),
    )


def ending_ahead(minutes: int, leads: int) -> list[tuple[int, int]]:
    """Return the windows of a length in minutes that end at each lead, counted from the past on."""
    return [(end - minutes // STEP_MINUTES, end) for end in range(STEPS + 1, STEPS + leads + 1)]


def areal(sums: Array, cells: CellWeights) -> Areal:
    """Return areal means and maxima of sums (..., cell) in mm, NaN for no data.

    Where less than `LEAST_COVERED` of the area has data, they are NaN.
    """
    valid = ~np.isnan(sums)
    share = cells.weights / cells.weights.sum()
    seen = valid @ share
    covered = seen * cells.inside
    enough = covered >= LEAST_COVERED - TOLERANCE
    mean = np.where(valid, sums, 0) @ share / np.where(enough, seen, 1)
    maximum = np.where(valid, sums, -np.inf).max(axis=-1)
    return Areal(np.where(enough, mean, np.nan), np.where(enough, maximum, np.nan), covered)


def ensemble_sums(
    past: NDArray[np.float32],
    members: NDArray[np.floating],
    windows: NDArray[np.int64],
    cells: CellWeights,
) -> Areal:
    """Return areal means and maxima (member, window) of each member after the radar.

    Args:
        past: (step, cell) in mm/h.
        members: (member, lead_time, y, x) in mm/h.
        windows: (window, 2), counted in steps from the first of `past`.
        cells: The cells.
    """
    steps = len(past) + members.shape[1]
    batch = max(RATES_AT_ONCE // (steps * len(cells.rows)), 1)
    parts = []
    for first in range(0, len(members), batch):
        ahead = members[first : first + batch, :, cells.rows, cells.columns]
        before = np.broadcast_to(past, (len(ahead), *past.shape))
        series = np.concatenate([before, ahead.astype(np.float32)], axis=1)
        parts.append(areal(window_amounts(series, windows), cells))
    return Areal(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


class Spread(NamedTuple):
    """Sums (window,) of the forecast, and (member, window) of its ensemble, if there is one."""

    forecast: Areal
    ensemble: Areal | None

    def statistics(
        self, windows: slice, thresholds: Sequence[float]
    ) -> tuple[Statistic, Statistic]:
        """Return the mean and the maximum: the largest of some windows."""
        return (
            statistic(self.forecast.mean[windows], self._members(0, windows), thresholds),
            statistic(self.forecast.maximum[windows], self._members(1, windows), thresholds),
        )

    def _members(self, which: int, windows: slice) -> Array | None:
        return None if self.ensemble is None else self.ensemble[which][:, windows]


def statistic(sums: Array, drawn: Array | None, thresholds: Sequence[float]) -> Statistic:
    """Return the largest of some sums (window,), and how those of members (member, window) vary.

    It is no data where one of them is.
    """
    largest = sums.max()
    mm = None if np.isnan(largest) else float(largest)
    if drawn is None:
        return Statistic(mm)
    of_members = drawn.max(axis=1)
    if np.isnan(of_members).any():
        return Statistic(mm, (None,) * len(QUANTILES), dict.fromkeys(thresholds))
    return Statistic(
        mm,
        tuple(np.quantile(of_members, QUANTILES).tolist()),
        {level: float((of_members >= level - TOLERANCE).mean()) for level in thresholds},
    )


def measured_sums(
    history: RadarHistory, past: NDArray[np.float32], cells: CellWeights
) -> Iterator[PeriodSum]:
    """Yield the sums of radar up to the issue time, from the rates (step, cell) of its end."""
    for minutes in MEASURED_MINUTES:
        steps = minutes // STEP_MINUTES
        if steps <= STEPS:
            sums = window_amounts(past, np.array([(STEPS - steps, STEPS)]))[0]
        else:
            sums = amount(history.day, DAY_STEPS)[cells.rows, cells.columns]
        found = areal(sums, cells)
        mean, maximum = (
            Statistic(None if np.isnan(value) else float(value))
            for value in (found.mean, found.maximum)
        )
        missing = history.frames_missing(steps)
        yield PeriodSum(minutes, mean, maximum, float(found.covered), missing)


def warning_sums(
    spread: Spread, lengths: Sequence[int], first: int, leads: int
) -> Iterator[WarningSum]:
    """Yield the largest sums by warning level.

    Args:
        spread: Sums of all windows.
        lengths: Lengths in minutes of the periods whose windows follow each other.
        first: Number of the first of these windows.
        leads: Number of windows of each length.
    """
    for level in WARNING_LEVELS:
        begin = first + lengths.index(level.minutes) * leads
        mean, maximum = spread.statistics(slice(begin, begin + leads), [level.from_mm])
        most = min(level.minutes, leads * STEP_MINUTES)
        yield WarningSum(level, mean, maximum, STEP_MINUTES, most)
