"""Radar and ensembles that rain sums are made of, the newest in memory."""

from collections.abc import Sequence
from threading import Lock
from typing import Protocol

import numpy as np
from cachetools import LRUCache, TTLCache
from numpy.typing import NDArray
from xarray import DataArray

from ingest.precipitation import INTERVAL
from model_zoo.forecasters.contract import NotEnoughFrames
from model_zoo.forecasters.ensemble import NoProbabilities
from service.archive.archive import Archive
from service.archive.key import Key, Time, stamp
from service.errors import NoForecast, NoFrame
from service.pipeline.rain_sums.area_sums import RainSums, rain_sums
from service.pipeline.rain_sums.cell_weights import CellWeights
from service.pipeline.rain_sums.radar_history import (
    FRAMES_MISSING,
    STEPS,
    RadarHistories,
    measured_sum,
)
from service.pipeline.rain_sums.sum_fields import sum_fields

FIELDS = 2
"""Forecasts whose fields of sums are kept in memory, of 18 MB each."""
MEASURED, MEASURED_SECONDS = 64, 60.0
"""Fields of measured sums that are kept in memory, of 0.1 MB each, and for how long: frames that
are missing may still arrive."""
KNOWN_STEPS = 256
"""Forecasts of which it is kept whether they have lead times of five minutes."""


class Members(Protocol):
    """Ensembles of the forecasts of an archive."""

    def members(self, key: Key) -> DataArray:
        """Return the members (realization, lead_time, y, x) of a forecast in mm/h.

        Raises:
            NoProbabilities: The forecast has none.
            NoFrame: The radar frame it starts from is not stored.
            NotEnoughFrames: There is no other frame in the half hour before.
        """


class SumSources:
    """What rain sums of an archive are made of. Thread-safe.

    Args:
        archive: Frames and forecasts.
        ensembles: Ensembles of the forecasts.
    """

    def __init__(self, archive: Archive, ensembles: Members) -> None:
        self.archive, self._ensembles = archive, ensembles
        self.histories = RadarHistories(archive)
        self._fields: LRUCache[str, DataArray] = LRUCache(FIELDS)
        self._measured: TTLCache[tuple[Time, int], DataArray] = TTLCache(MEASURED, MEASURED_SECONDS)
        self._has_steps: LRUCache[str, bool] = LRUCache(KNOWN_STEPS)
        self._lock = Lock()

    def sums(
        self, key: Key, forecast: DataArray, cells: CellWeights, thresholds: Sequence[float]
    ) -> RainSums:
        """Return the rain sums of some cells.

        Args:
            key: Key of the forecast.
            forecast: (lead_time, y, x) in mm/h at all its lead times, NaN for no data.
            cells: Cells of its grid.
            thresholds: Of the sums of the forecast, in mm.

        Raises:
            NoForecast: The forecast has no lead times of five minutes.
        """
        check_steps(key, forecast)
        history = self.histories.up_to(key.issue, forecast)
        members = self.members(key)
        return rain_sums(history, forecast.values, members, cells, thresholds)

    def members(self, key: Key) -> NDArray[np.floating] | None:
        """Return the ensemble (member, lead_time, y, x) of a forecast in mm/h; None without one."""
        try:
            members: NDArray[np.floating] = self._ensembles.members(key).values
        except (NoProbabilities, NoFrame, NotEnoughFrames):
            return None
        return members

    def fields(self, key: Key) -> DataArray:
        """Return the sums (lead_time, y, x) of a forecast in mm; see `sum_fields`.

        Raises:
            NoForecast: There is no such forecast, or it has no lead times of five minutes.
        """
        forecast = self.archive.full_forecast(key)
        check_steps(key, forecast)
        history = self.histories.up_to(key.issue, forecast)
        missing = history.frames_missing(STEPS)
        with self._lock:
            known = self._fields.get(key.id)
            if known is None or known.attrs[FRAMES_MISSING] != missing:
                self._fields[key.id] = known = sum_fields(history, forecast)
        return known

    def measured(self, end: Time, minutes: int) -> DataArray:
        """Return the measured rain (y, x) of a period in mm; see `measured_sum`.

        Raises:
            NoFrame: There is no frame of this time.
        """
        with self._lock:
            known = self._measured.get((end, minutes))
        if known is None:
            known = measured_sum(self.archive, end, minutes)
            with self._lock:
                self._measured[end, minutes] = known
        return known

    def has_fields(self, key: Key) -> bool:
        """Whether a forecast that is stored has the lead times of five minutes that sums need.

        Raises:
            NoForecast: There is no such forecast.
        """
        with self._lock:
            known = self._has_steps.get(key.id)
        if known is None:
            known = has_steps(self.archive.full_forecast(key))
            with self._lock:
                self._has_steps[key.id] = known
        return known


def check_steps(key: Key, forecast: DataArray) -> None:
    """Refuse a forecast (lead_time, y, x) without lead times of five minutes.

    Raises:
        NoForecast: It was made by an earlier program, with half hours only.
    """
    if not has_steps(forecast):
        raise NoForecast(
            f"the forecast of {key.model} issued at {stamp(key.issue)} has no lead time at each "
            f"five minutes, which sums need; name a newer issue"
        )


def has_steps(forecast: DataArray) -> bool:
    """Whether a forecast (lead_time, y, x) has a lead time at each five minutes from the first."""
    leads = forecast["lead_time"].values
    return np.array_equal(leads, INTERVAL * np.arange(1, len(leads) + 1))
