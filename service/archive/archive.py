"""The archive: radar frames, forecasts, and quarantined files with the reason.

    frames/2020/09/07/20200907T1400Z.nc
    forecasts/2020/09/07/20200907T1400Z/advection-none.nc
    quarantine/0a1b2c3d4e5f6071-raa01-ry_10000-2009071400-dwd---bin.gz (and .reason.txt)
    quarantine/89abcdef01234567-damaged_frames_2020_09_07_20200907T1400Z.nc

And for a day: uploaded frames by their hash, and their forecasts.

    uploads/89abcdef01234567/frames.nc
    uploads/89abcdef01234567/20200907T1400Z/advection-none.nc

A file is complete when it has its name, and never changes (`service.archive.store`). Storing it
twice changes nothing. Its SHA-256 is verified whenever it is read (`service.archive.checksum`): a
file that the disk has damaged is moved to quarantine, and is missing from then on.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Literal, Self

import numpy as np
import xarray as xr
from xarray import DataArray

from ingest.domain import Domain
from ingest.grid import same_grid
from service.archive import checksum, field_file
from service.archive.dated_files import dated_before, newest_first, oldest, stored_before
from service.archive.field_cache import FieldCache
from service.archive.key import (
    Key,
    Time,
    dated,
    day,
    forecast_name,
    frame_name,
    key_of,
    key_of_path,
    stamp,
    upload_name,
)
from service.archive.quarantine import Damaged, Quarantine
from service.archive.rounding import PRECISION, rounded
from service.archive.store import Folder, Store
from service.archive.verified_files import VerifiedFiles
from service.errors import NoForecast, NoFrame

log = logging.getLogger(__name__)

Kind = Literal["frames", "forecasts", "quarantine", "uploads"]
DAILY = ("frames", "forecasts")
"""Kinds stored in one folder per day."""

FRAMES_IN_MEMORY = 8 * 2**20
"""Bytes of the cache of decoded frames: 64 frames, more than the input of any forecaster."""
FORECASTS_IN_MEMORY = 64 * 2**20
"""Bytes of the cache of decoded forecasts: 128 forecasts, or 32 with exceedance probabilities, as
many as two models have awaiting verification."""
FULL_FORECASTS_IN_MEMORY = 64 * 2**20
"""Bytes of the cache of forecasts at all lead times: 20, or 2 with exceedance probabilities."""
LATEST_DAYS = np.timedelta64(7, "D")
"""Period before the newest issue of all models in which that of one model is searched."""
SUSPECT = "suspect"
"""Attribute of frames and fields made of them: why their values are doubtful."""
HISTORY = "resampled to 5 km by nowcast"


class Archive:
    """Archive of frames, forecasts, uploads and quarantined files.

    Args:
        root: Its folder, created by the first file, or another store.
    """

    domain: Domain | None = None
    """Domain of its frames; None for Germany."""

    def __init__(self, root: Path | Store) -> None:
        self.store: Store = Folder(root) if isinstance(root, Path) else root
        self._quarantine = Quarantine(self.store)
        self._files = VerifiedFiles(self.store, self._quarantine)
        self._frames = FieldCache(FRAMES_IN_MEMORY)
        self._forecasts = FieldCache(FORECASTS_IN_MEMORY)
        self._full_forecasts = FieldCache(FULL_FORECASTS_IN_MEMORY)

    @classmethod
    def open(cls, location: str | Path) -> Self:
        """Open the archive in a folder or at an fsspec URL, such as s3://bucket/nowcast.

        Raises:
            BadSetting: The scheme of the URL is unknown, or its package is not installed.
        """
        location = str(location).removeprefix("file://")
        if "://" not in location:
            return cls(Path(location))
        from service.archive.object_store import ObjectStore

        return cls(ObjectStore(location))

    @property
    def root(self) -> Path:
        """Folder of the archive.

        Raises:
            TypeError: It is in another kind of store.
        """
        if not isinstance(self.store, Folder):
            raise TypeError(f"the archive is in {type(self.store).__name__}, not in a folder")
        return self.store.root

    # frames

    def put_frame(self, frame: DataArray) -> bool:
        """Store a frame (time of 1, y, x) in mm/h. Returns False if its time has one."""
        title = f"Radar rainfall rate {frame.attrs.get('product', '')}".strip()
        # Unpacked for speed: a frame is written every five minutes and is small.
        data = field_file.encode(
            field_file.without_grid(frame), title, HISTORY, packed=False, **checksum.ATTRIBUTE
        )
        return self.store.put(frame_name(frame["time"].values[0]), checksum.sealed(data))

    def has_frame(self, time: Time) -> bool:
        """Whether there is a frame of a time."""
        return self.store.has(frame_name(time))

    def frame(self, time: Time) -> DataArray:
        """Return the frame (time of 1, y, x) in mm/h of a time, NaN for no data.

        Raises:
            NoFrame: There is no frame of this time.
        """
        try:
            return self._frames.get(frame_name(time), self._files.read)
        except FileNotFoundError:
            raise NoFrame(f"there is no radar frame of {stamp(time)} in the archive") from None

    def frames(self, times: Iterable[Time]) -> DataArray:
        """Return the existing frames (time, y, x) of some times in mm/h, oldest first.

        Frames on another grid than the newest are left out.

        Raises:
            NoFrame: There is no frame of any of these times.
        """
        wanted = sorted(set(times))
        existing = list(self._existing(wanted))
        if not existing:
            raise NoFrame(f"there is no radar frame of {', '.join(map(stamp, wanted))}")
        newest = existing[-1]
        alike = [frame for frame in existing if same_grid(frame, newest)]
        joined = xr.concat(alike, "time", coords="minimal", compat="override", join="override")
        joined.attrs = {k: v for k, v in joined.attrs.items() if k != SUSPECT}
        # what is computed from a suspect frame is suspect, too
        if suspect := {
            str(frame.attrs[SUSPECT]): None for frame in alike if SUSPECT in frame.attrs
        }:
            joined.attrs[SUSPECT] = "; ".join(suspect)
        return joined

    def _existing(self, times: Iterable[Time]) -> Iterator[DataArray]:
        for time in times:
            try:
                yield self.frame(time)
            except NoFrame:
                continue

    def frame_times(self, before: Time | None = None) -> Iterator[Time]:
        """Yield the times of all frames, newest first; before a time where one is given."""
        return (time for time, _ in newest_first(self.store, "frames", before))

    def latest_frame(self) -> Time | None:
        """Return the time of the newest frame; None if there is none."""
        return next(self.frame_times(), None)

    def oldest_frame(self) -> Time | None:
        """Return the time of the oldest frame; None if there is none."""
        return oldest(self.store, "frames")

    # forecasts

    def put_forecast(self, forecast: DataArray, history: str) -> bool:
        """Store a forecast (lead_time, y, x) in mm/h. Returns False if its key has one.

        Values are rounded (`rounding.PRECISION`).
        """
        key = key_of(forecast)
        title = f"Two-hour precipitation nowcast by {key.model}"
        data = field_file.encode(
            rounded(forecast),
            title,
            history,
            packed=True,
            precision=PRECISION,
            **checksum.ATTRIBUTE,
        )
        return self.store.put(forecast_name(key), checksum.sealed(data))

    def has_forecast(self, key: Key) -> bool:
        """Whether there is a forecast of a key."""
        return self.store.has(forecast_name(key))

    def forecast(self, key: Key) -> DataArray:
        """Return the forecast (lead_time, y, x) of a key at the half hours.

        Returns:
            Rates in mm/h, NaN for no data, with exceedance probabilities.

        Raises:
            NoForecast: There is no forecast of this key.
        """
        try:
            return self._forecasts.get(forecast_name(key), self._files.read_half_hours)
        except FileNotFoundError:
            raise no_forecast(key) from None

    def full_forecast(self, key: Key) -> DataArray:
        """Return the forecast of a key as `forecast` does, at all lead times that are stored.

        Forecasts of earlier programs have half hours only.

        Raises:
            NoForecast: There is no forecast of this key.
        """
        try:
            return self._full_forecasts.get(forecast_name(key), self._files.read)
        except FileNotFoundError:
            raise no_forecast(key) from None

    def forecast_bytes(self, key: Key) -> bytes:
        """Return the netCDF file of the forecast of a key.

        Raises:
            NoForecast: There is no forecast of this key.
        """
        path = forecast_name(key)
        try:
            data = self.store.get(path)
            if not checksum.has_checksum(data):
                self._files.decoded(path, data)
            return self._files.content(path, data)
        except FileNotFoundError:
            raise no_forecast(key) from None

    def generated(self, key: Key) -> datetime:
        """Return when the forecast of a key was generated.

        Raises:
            NoForecast: There is no forecast of this key.
        """
        return datetime.fromisoformat(self.forecast(key).attrs["generated_at"])

    def forecasts(self, issue: Time) -> dict[Key, DataArray]:
        """Return all forecasts (lead_time, y, x) of an issue time at the half hours, by key."""
        forecasts = {}
        for path in sorted(self.store.files(f"forecasts/{day(issue)}/{stamp(issue)}")):
            if dated(path) is None:
                continue
            try:
                forecast = self._forecasts.get(path, self._files.read_half_hours)
            except FileNotFoundError:  # removed by retention just now, or damaged
                continue
            except OSError as error:
                log.warning("%s cannot be read and is left out: %s", path, error)
                continue
            forecasts[key_of(forecast)] = forecast
        return forecasts

    def issues(self) -> Iterator[Time]:
        """Yield the issue times of all forecasts, newest first."""
        return (
            time for time, _ in groupby(time for time, _ in newest_first(self.store, "forecasts"))
        )

    def forecast_keys(self, before: Time | None = None) -> Iterator[tuple[Time, list[Key]]]:
        """Yield issue times, newest first, with the keys of their forecasts.

        The keys have the first digits of the weights only.

        Args:
            before: Only issue times before this time; None for all.
        """
        for issue, paths in groupby(
            newest_first(self.store, "forecasts", before), key=itemgetter(0)
        ):
            keys = [key for _, path in paths if (key := key_of_path(path))]
            if keys:
                yield issue, keys

    def latest_issue(self, model: str, version: str) -> Time:
        """Return the newest issue time of a model, in the week before the newest of all models.

        Raises:
            NoForecast: The model has no forecast in that week.
        """
        newest = None
        for issue, path in newest_first(self.store, "forecasts"):
            newest = newest or issue
            if issue < newest - LATEST_DAYS:
                break
            if path == forecast_name(Key(issue, model, version)):
                return issue
        since = f" since {stamp(newest - LATEST_DAYS)}" if newest else ""
        raise NoForecast(f"there is no forecast of {model}{since}; POST /nowcast asks for one")

    # uploads

    def put_upload(self, frames: DataArray) -> str:
        """Store uploaded frames (time, y, x) in mm/h. Returns their SHA-256.

        Frames uploaded again are stored once, and their retention starts again.
        """
        sha, data = field_file.encode_upload(frames)
        self.store.renew(upload_name(sha), data)
        return sha

    def upload(self, sha: str) -> DataArray:
        """Return the uploaded frames (time, y, x) of a SHA-256 in mm/h, NaN for no data.

        Raises:
            NoFrame: There are none, or they have been removed.
        """
        path = upload_name(sha)
        try:
            data = self.store.get(path)
            if hashlib.sha256(data).hexdigest() == sha:
                return self._files.decoded(path, data)
            self._quarantine.take_out(path, data, "its content is not that of its SHA-256")
        except FileNotFoundError:
            pass
        raise NoFrame(f"the frames of upload {sha} are not stored; send them again")

    # quarantine

    def quarantine(self, data: bytes, name: str, fingerprint: str, reason: str) -> str:
        """Store an invalid file with the reason; see `Quarantine.put`. Returns its path."""
        return self._quarantine.put(data, name, fingerprint, reason)

    def damaged(self) -> dict[str, int]:
        """Return how many of its own files lie in quarantine because they are damaged, by kind."""
        return self._quarantine.damaged()

    def check(self, path: str) -> str:
        """Read the file of a frame or forecast, and move it to quarantine if it is damaged.

        Returns:
            Why it is damaged; empty if it is not.

        Raises:
            FileNotFoundError: There is no file at this path.
        """
        try:
            self._files.read(path)
        except Damaged as error:
            return str(error.__cause__)
        return ""

    # retention

    def remove_before(self, kind: Kind, time: Time) -> int:
        """Remove files older than a time. Returns their number.

        The age of frames and forecasts is that of their time, of other files since they were
        stored. Concurrent readers find a file complete or not at all.
        """
        old = (dated_before if kind in DAILY else stored_before)(self.store, kind, time)
        removed = 0
        for path in old:
            removed += self.store.remove(path)
            for cache in (self._frames, self._forecasts, self._full_forecasts):
                cache.drop(path)
        return removed

    def sweep(self) -> int:
        """Remove temporary files of killed processes. Returns their number."""
        return self.store.sweep()


def no_forecast(key: Key) -> NoForecast:
    """Return the error of a missing forecast."""
    return NoForecast(
        f"there is no forecast of {key.model} issued at {stamp(key.issue)}; "
        f"POST /nowcast asks for one"
    )
