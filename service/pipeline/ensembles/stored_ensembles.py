"""Ensembles of stored forecasts, derived when they are needed: nothing of them is stored."""

from operator import attrgetter
from threading import Condition

import numpy as np
from cachetools import LRUCache, cachedmethod
from xarray import DataArray, Variable

from ingest.precipitation import (
    INTERVAL,
    exceedance_probabilities,
    exceedance_probability_name,
)
from model_zoo.forecasters import motion
from model_zoo.forecasters.ensemble import MEMBERS, ensemble_members, ensemble_seed
from service.archive.archive import Archive
from service.archive.key import Key, stamp
from service.errors import NoFrame

MEMBER = "realization"
"""Dimension of the members, by its standard name in CF."""
MOST_BYTES = 128 * 2**20
"""Bytes of the ensembles that are held: two of 20 members, 24 lead times and 180 x 180 cells."""


class Ensembles:
    """Ensembles of the forecasts of an archive. Thread-safe.

    The newest are held. Of two threads that need the same one, the second waits for the first.

    Args:
        archive: Archive of frames and forecasts.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._cache: LRUCache[str, DataArray] = LRUCache(MOST_BYTES, attrgetter("nbytes"))
        self._derived = Condition()

    @cachedmethod(attrgetter("_cache"), key=lambda _, key: key.id, condition=attrgetter("_derived"))
    def members(self, key: Key) -> DataArray:
        """Return the members of the forecast of a key, which the caller must not change.

        They are the same in every process, since their seed is that of model and issue.

        Returns:
            (realization, lead_time, y, x) in mm/h, NaN for no data, at all lead times that are
            stored.

        Raises:
            NoForecast: There is no forecast of this key.
            NoFrame: The radar frame it starts from is not stored.
            NoProbabilities: The forecast has no exceedance probabilities.
            NotEnoughFrames: There is no other frame in the half hour before.
        """
        forecast = self._archive.full_forecast(key)
        seed = ensemble_seed(key.model, key.issue)
        members = ensemble_members(forecast, self._frames(key), seed=seed)
        names = map(exceedance_probability_name, exceedance_probabilities(forecast))
        number = Variable(
            MEMBER, np.arange(MEMBERS, dtype=np.int32), {"standard_name": MEMBER, "units": "1"}
        )
        coords = forecast.drop_vars(list(names)).coords
        dims = (MEMBER, *forecast.dims)
        return DataArray(members, {**coords, MEMBER: number}, dims, forecast.name, forecast.attrs)

    def _frames(self, key: Key) -> DataArray:
        """The frames (time, y, x) of the half hour up to the issue of a forecast."""
        if key.upload:
            frames = self._archive.upload(key.upload)
            return frames.isel(time=frames["time"].values <= key.issue)
        span = np.timedelta64(motion.SPAN_MINUTES, "m")
        frames = self._archive.frames(np.arange(key.issue - span, key.issue + INTERVAL, INTERVAL))
        if frames["time"].values[-1] != key.issue:
            raise NoFrame(
                f"the radar frame of {stamp(key.issue)}, whose structure an ensemble has, is not "
                "stored any more; take a newer forecast"
            )
        return frames
