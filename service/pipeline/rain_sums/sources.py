"""Radar and ensembles that rain sums are made of, the newest in memory."""

from collections.abc import Sequence
from threading import Lock
from typing import Protocol

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from xarray import DataArray

from ingest.grid import same_grid
from ingest.precipitation import INTERVAL, exceedance_probabilities
from model_zoo.errors import BadFrames
from model_zoo.forecasters import motion
from model_zoo.forecasters.ensemble import ensemble_members, ensemble_seed
from service.archive.archive import Archive
from service.archive.key import Key, key_of, stamp
from service.errors import NoForecast, NoFrame
from service.pipeline.rain_sums.area_sums import RainSums, rain_sums
from service.pipeline.rain_sums.cell_weights import CellWeights
from service.pipeline.rain_sums.radar_history import STEPS, RadarHistories
from service.pipeline.rain_sums.sum_fields import FRAMES_MISSING, sum_fields

ENSEMBLES = 3
"""Ensembles that are kept in memory, of 31 MB each."""
FIELDS = 2
"""Forecasts whose fields of sums are kept in memory, of 18 MB each."""
FRAMES = motion.SPAN_MINUTES // 5 + 1
"""Frames that tell the structure of the event."""


class Ensemble(Protocol):
    """Draws members of a forecast."""

    def __call__(self, archive: Archive, forecast: DataArray) -> NDArray[np.floating] | None:
        """Return members (member, lead_time, y, x) in mm/h; None if the forecast has none."""


def drawn_members(archive: Archive, forecast: DataArray) -> NDArray[np.floating] | None:
    """Draw the members (member, lead_time, y, x) of a forecast (lead_time, y, x) in mm/h.

    Returns:
        None if it has no exceedance probabilities, or the frames it starts from are missing.
    """
    key = key_of(forecast)
    if not exceedance_probabilities(forecast):
        return None
    try:
        frames = archive.frames(key.issue - np.arange(FRAMES) * INTERVAL)
        if frames["time"].values[-1] != key.issue or not same_grid(frames, forecast):
            return None
        return ensemble_members(forecast, frames, seed=ensemble_seed(key.model, key.issue))
    except (NoFrame, BadFrames):
        return None


class SumSources:
    """What rain sums of an archive are made of. Thread-safe.

    Args:
        archive: Frames and forecasts.
        ensemble: Draws the members of a forecast.
    """

    def __init__(self, archive: Archive, ensemble: Ensemble = drawn_members) -> None:
        self.archive, self._ensemble = archive, ensemble
        self.histories = RadarHistories(archive)
        self._members: LRUCache[str, NDArray[np.float16]] = LRUCache(ENSEMBLES)
        self._fields: LRUCache[str, DataArray] = LRUCache(FIELDS)
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
        members = self.members(key, forecast)
        return rain_sums(history, forecast.values, members, cells, thresholds)

    def members(self, key: Key, forecast: DataArray) -> NDArray[np.float16] | None:
        """Return the ensemble (member, lead_time, y, x) of a forecast in mm/h; None without one."""
        with self._lock:  # others wait for the ensemble that they need, too
            if key.id not in self._members:
                drawn = self._ensemble(self.archive, forecast)
                if drawn is None:
                    return None
                # half the memory; values are within 0.05 %
                self._members[key.id] = drawn.astype(np.float16)
            return self._members[key.id]

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
