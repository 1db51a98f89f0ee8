"""The radar of the day before a time, as sums need it."""

from threading import Lock
from typing import NamedTuple

import numpy as np
from cachetools import LRUCache, TTLCache
from numpy.typing import NDArray
from xarray import DataArray

from ingest.accumulation import (
    AMOUNT,
    STEP_MINUTES,
    STEPS_PER_HOUR,
    RateTotal,
    amount,
    rate_total,
)
from ingest.grid import same_grid
from ingest.precipitation import INTERVAL
from service.archive.archive import SUSPECT, Archive
from service.archive.key import Time
from service.errors import NoFrame

STEPS = 6 * STEPS_PER_HOUR
"""Steps whose rates are kept: six hours."""
DAY_STEPS = 24 * STEPS_PER_HOUR
"""Steps of the longest sum: a day."""
HOUR = np.timedelta64(1, "h")
HISTORIES, HOURS = 2, 48
"""Histories, of 10 MB each, and totals of hours, of 0.5 MB each, that are kept in memory."""
INCOMPLETE_SECONDS = 60.0
"""Age in s up to which a history with missing frames is used: they may still arrive."""
FRAMES_MISSING = "frames_missing"
"""Attribute of sums: the number of radar frames that are missing."""

Name = tuple[Time, bytes, bytes]
"""A time on a grid."""


class RadarHistory(NamedTuple):
    """Radar up to a time.

    Attributes:
        rates: (step, y, x) of the last six hours in mm/h, oldest first, NaN for no data, also of
            frames that are missing.
        day: Total of the rates of the last 24 hours (y, x).
        has_frame: (step,) of the last 24 hours, oldest first: whether there is a frame.
    """

    rates: NDArray[np.float32]
    day: RateTotal
    has_frame: NDArray[np.bool_]

    def frames_missing(self, steps: int) -> int:
        """Return how many of the newest frames are missing."""
        return int((~self.has_frame[DAY_STEPS - steps :]).sum())


class HourTotal(NamedTuple):
    """The rates of some steps added up, and which of them have a frame (step,)."""

    rates: RateTotal
    has_frame: NDArray[np.bool_]


class RadarHistories:
    """Histories of an archive, the newest in memory. Thread-safe.

    Args:
        archive: The archive.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._complete: LRUCache[Name, RadarHistory] = LRUCache(HISTORIES)
        self._incomplete: TTLCache[Name, RadarHistory] = TTLCache(HISTORIES, INCOMPLETE_SECONDS)
        self._hours: LRUCache[Name, HourTotal] = LRUCache(HOURS)
        self._lock = Lock()

    def up_to(self, newest: Time, grid: DataArray) -> RadarHistory:
        """Return the radar up to a time.

        Args:
            newest: Time of the newest frame.
            grid: Field (..., y, x) on the grid of the frames; those on another one are missing.
        """
        with self._lock:  # others wait for the history that they need, too
            name = name_of(newest, grid)
            found = self._complete.get(name) or self._incomplete.get(name)
            if found is None:
                found = self._read(newest, grid)
                kept = self._complete if found.has_frame.all() else self._incomplete
                kept[name] = found
        return found

    def _read(self, newest: Time, grid: DataArray) -> RadarHistory:
        rates = self._rates(newest - np.arange(STEPS)[::-1] * INTERVAL, grid)
        parts = [HourTotal(rate_total(rates), has_frame(rates))]
        end = newest - STEPS * INTERVAL
        begin = newest - DAY_STEPS * INTERVAL
        while end > begin:
            start = max(begin, end - (end - np.datetime64(0, "ns") - INTERVAL) % HOUR - INTERVAL)
            parts.append(self._part(start, end, grid))
            end = start
        day = parts[0].rates
        for part in parts[1:]:
            day = day.plus(part.rates)
        there = np.concatenate([part.has_frame for part in reversed(parts)])
        return RadarHistory(rates, day, there)

    def _part(self, start: Time, end: Time, grid: DataArray) -> HourTotal:
        """Return the total of (start, end]; that of an hour is kept once it is complete."""
        is_hour = end - start == HOUR
        known = self._hours.get(name_of(end, grid)) if is_hour else None
        if known is not None:
            return known
        rates = self._rates(np.arange(start + INTERVAL, end + INTERVAL, INTERVAL), grid)
        part = HourTotal(rate_total(rates), has_frame(rates))
        if is_hour and part.has_frame.all():
            self._hours[name_of(end, grid)] = part
        return part

    def _rates(self, times: NDArray[np.datetime64], grid: DataArray) -> NDArray[np.float32]:
        """Return the rates (step, y, x) of some times in mm/h, NaN where there is no frame."""
        return rates_of(self._archive, times, grid)


def rates_of(
    archive: Archive,
    times: NDArray[np.datetime64],
    grid: DataArray,
    *,
    with_suspect: bool = True,
) -> NDArray[np.float32]:
    """Return the rates (step, y, x) of radar at some times in mm/h, NaN where there is no frame.

    Args:
        archive: The archive.
        times: Times of the frames.
        grid: Field (..., y, x) on the grid of the frames; those on another one are missing.
        with_suspect: Whether frames that do not fit those before them count; else they are missing.
    """
    rates = np.full((len(times), *grid.shape[-2:]), np.nan, np.float32)
    for number, time in enumerate(times):
        try:
            frame = archive.frame(time)
        except NoFrame:
            continue
        if same_grid(frame, grid) and (with_suspect or SUSPECT not in frame.attrs):
            rates[number] = frame.values[0]
    return rates


def measured_sum(archive: Archive, end: Time, minutes: int) -> DataArray:
    """Return the measured rain (y, x) of a period in mm, NaN for no data.

    Its attribute `frames_missing` is the number of radar frames of the period that are missing.

    Args:
        archive: The archive.
        end: Time of the last frame of the period.
        minutes: Length of the period.

    Raises:
        NoFrame: There is no frame of this time.
    """
    last = archive.frame(end)
    rates = np.full((minutes // STEP_MINUTES, *last.shape[-2:]), np.nan, np.float32)
    for number in range(len(rates)):
        try:
            frame = archive.frame(end - number * INTERVAL)
        except NoFrame:
            continue
        if same_grid(frame, last):
            rates[number] = frame.values[0]
    sums = amount(rate_total(rates), len(rates)).astype(np.float32)
    missing = int((~has_frame(rates)).sum())
    field = last.isel(time=0).copy(data=sums)
    return field.rename(AMOUNT).assign_attrs({FRAMES_MISSING: missing})


def has_frame(rates: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which steps of rates (step, y, x) have a frame, which has data somewhere."""
    return np.asarray(~np.isnan(rates).all(axis=(1, 2)), np.bool_)


def name_of(time: Time, grid: DataArray) -> Name:
    """Return the name of a time on the grid of a field (..., y, x)."""
    return time, grid["y"].values.tobytes(), grid["x"].values.tobytes()
