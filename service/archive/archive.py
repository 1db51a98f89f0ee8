"""The archive: radar frames, forecasts, and quarantined files with the reason.

    frames/2020/09/07/20200907T1400Z.nc
    forecasts/2020/09/07/20200907T1400Z/advection-none.nc
    quarantine/0a1b2c3d4e5f6071-raa01-ry_10000-2009071400-dwd---bin.gz (and .reason.txt)

And for a day: uploaded frames by their hash, and their forecasts.

    uploads/89abcdef01234567/frames.nc
    uploads/89abcdef01234567/20200907T1400Z/advection-none.nc

A file is complete when it has its name, and never changes (`service.archive.store`). Storing it
twice changes nothing.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from threading import Lock
from typing import Literal, Self

import numpy as np
import xarray as xr
from xarray import DataArray

from ingest.formats import netcdf
from ingest.grid import known_grid, same_grid, with_places
from service.archive.field_cache import FieldCache
from service.archive.key import (
    Key,
    Time,
    dated,
    day,
    forecast_name,
    frame_name,
    key_of,
    stamp,
    to_time,
    upload_name,
)
from service.archive.store import Folder, Store
from service.errors import NoForecast, NoFrame

Kind = Literal["frames", "forecasts", "quarantine", "uploads"]
DAILY = ("frames", "forecasts")
"""Kinds stored in one folder per day."""

FRAMES_IN_MEMORY = 8 * 2**20
"""Bytes of the cache of decoded frames: 64 frames, more than the input of any forecaster."""
FORECASTS_IN_MEMORY = 64 * 2**20
"""Bytes of the cache of decoded forecasts: 128 forecasts, or 32 with exceedance probabilities, as
many as two models have awaiting verification."""
LATEST_DAYS = np.timedelta64(7, "D")
"""Period before the newest issue of all models in which that of one model is searched."""
NETCDF_LOCK = Lock()
"""The netCDF library is not thread-safe: it crashes even on different files."""
SUSPECT = "suspect"
"""Attribute of frames and fields made of them: why their values are doubtful."""
LARGEST_QUARANTINED, HEAD_QUARANTINED = 2 * 2**20, 2**20
"""Bytes of the largest file quarantined in full, and those kept of a larger one."""
MOST_QUARANTINED = 1000
"""Largest number of quarantined files, each with its reason: at most 2 GB."""
HISTORY = "resampled to 5 km by nowcast"


class Archive:
    """Archive of frames, forecasts, uploads and quarantined files.

    Args:
        root: Its folder, created by the first file, or another store.
    """

    def __init__(self, root: Path | Store) -> None:
        self.store: Store = Folder(root) if isinstance(root, Path) else root
        self._frames = FieldCache(FRAMES_IN_MEMORY)
        self._forecasts = FieldCache(FORECASTS_IN_MEMORY)

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
        data = encode(without_grid(frame), title, HISTORY, packed=False)
        return self.store.put(frame_name(frame["time"].values[0]), data)

    def has_frame(self, time: Time) -> bool:
        """Whether there is a frame of a time."""
        return self.store.has(frame_name(time))

    def frame(self, time: Time) -> DataArray:
        """Return the frame (time of 1, y, x) in mm/h of a time, NaN for no data.

        Raises:
            NoFrame: There is no frame of this time.
        """
        try:
            return self._frames.get(frame_name(time), self._read)
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

    def frame_times(self) -> Iterator[Time]:
        """Yield the times of all frames, newest first."""
        return (time for time, _ in self._dated("frames"))

    def latest_frame(self) -> Time | None:
        """Return the time of the newest frame; None if there is none."""
        return next(self.frame_times(), None)

    # forecasts

    def put_forecast(self, forecast: DataArray, history: str) -> bool:
        """Store a forecast (lead_time, y, x) in mm/h. Returns False if its key has one."""
        key = key_of(forecast)
        title = f"Two-hour precipitation nowcast by {key.model}"
        return self.store.put(forecast_name(key), encode(forecast, title, history, packed=True))

    def has_forecast(self, key: Key) -> bool:
        """Whether there is a forecast of a key."""
        return self.store.has(forecast_name(key))

    def forecast(self, key: Key) -> DataArray:
        """Return the forecast (lead_time, y, x) of a key in mm/h, NaN for no data.

        Raises:
            NoForecast: There is no forecast of this key.
        """
        try:
            return self._forecasts.get(forecast_name(key), self._read)
        except FileNotFoundError:
            raise no_forecast(key) from None

    def forecast_bytes(self, key: Key) -> bytes:
        """Return the netCDF file of the forecast of a key.

        Raises:
            NoForecast: There is no forecast of this key.
        """
        try:
            return self.store.get(forecast_name(key))
        except FileNotFoundError:
            raise no_forecast(key) from None

    def generated(self, key: Key) -> datetime:
        """Return when the forecast of a key was generated.

        Raises:
            NoForecast: There is no forecast of this key.
        """
        return datetime.fromisoformat(self.forecast(key).attrs["generated_at"])

    def forecasts(self, issue: Time) -> dict[Key, DataArray]:
        """Return all forecasts (lead_time, y, x) of an issue time in mm/h, by key."""
        forecasts = {}
        for path in sorted(self.store.files(f"forecasts/{day(issue)}/{stamp(issue)}")):
            if dated(path) is None:
                continue
            try:
                forecast = self._forecasts.get(path, self._read)
            except FileNotFoundError:  # removed by retention just now
                continue
            forecasts[key_of(forecast)] = forecast
        return forecasts

    def issues(self) -> Iterator[Time]:
        """Yield the issue times of all forecasts, newest first."""
        return (time for time, _ in groupby(time for time, _ in self._dated("forecasts")))

    def latest_issue(self, model: str, version: str) -> Time:
        """Return the newest issue time of a model, in the week before the newest of all models.

        Raises:
            NoForecast: The model has no forecast in that week.
        """
        newest = None
        for issue, path in self._dated("forecasts"):
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
        sha, data = encode_upload(frames)
        self.store.renew(upload_name(sha), data)
        return sha

    def upload(self, sha: str) -> DataArray:
        """Return the uploaded frames (time, y, x) of a SHA-256 in mm/h, NaN for no data.

        Raises:
            NoFrame: There are none, or they have been removed.
        """
        try:
            return self._read(upload_name(sha))
        except FileNotFoundError:
            raise NoFrame(f"the frames of upload {sha} are not stored; send them again") from None

    # quarantine

    def quarantine(self, data: bytes, name: str, fingerprint: str, reason: str) -> str:
        """Store an invalid file with the reason; of a large file only the beginning.

        Only the newest are kept, so that invalid files do not fill the disk.

        Args:
            data: Content of the file.
            name: Its name.
            fingerprint: SHA-256 of content and name.
            reason: Why it is invalid.

        Returns:
            Its path in the store.
        """
        safe = re.sub(r"[^\w.+-]", "_", name, flags=re.ASCII)[-120:]
        path = f"quarantine/{fingerprint[:16]}-{safe}"
        self.store.put(f"{path}.reason.txt", reason.encode() + b"\n")
        self.store.put(path, data if len(data) <= LARGEST_QUARANTINED else data[:HEAD_QUARANTINED])
        self._thin_quarantine()
        return path

    def _thin_quarantine(self) -> None:
        """Remove the oldest files, with their reasons, if there are too many."""
        names = self.store.names("quarantine")
        if len(names) <= 2 * MOST_QUARANTINED:
            return
        for path in sorted(self._with_age("quarantine"), key=itemgetter(1))[
            : MOST_QUARANTINED // 5
        ]:
            self.store.remove(path[0])

    def _with_age(self, kind: Kind) -> Iterator[tuple[str, datetime]]:
        """Yield the paths of a kind and when each was stored."""
        for path in list(self.store.files(kind)):
            try:
                yield path, self.store.modified(path)
            except FileNotFoundError:  # removed by another process
                continue

    # retention

    def remove_before(self, kind: Kind, time: Time) -> int:
        """Remove files older than a time. Returns their number.

        The age of frames and forecasts is that of their time, of other files since they were
        stored. Concurrent readers find a file complete or not at all.
        """
        old = self._dated_before(kind, time) if kind in DAILY else self._stored_before(kind, time)
        removed = 0
        for path in old:
            removed += self.store.remove(path)
            for cache in (self._frames, self._forecasts):
                cache.drop(path)
        return removed

    def _dated_before(self, kind: Kind, time: Time) -> Iterator[str]:
        last = f"{kind}/{day(time)}"
        for folder in sorted(self._days(kind)):
            if folder > last:
                break
            for path in list(self.store.files(folder)):
                file_time = dated(path)
                if file_time is not None and file_time < time:
                    yield path

    def _stored_before(self, kind: Kind, time: Time) -> Iterator[str]:
        # Ascending order removes a file before its reason.
        for path in sorted(self.store.files(kind)):
            try:
                if to_time(self.store.modified(path)) < time:
                    yield path
            except FileNotFoundError:  # removed by another process
                continue

    def sweep(self) -> int:
        """Remove temporary files of killed processes. Returns their number."""
        return self.store.sweep()

    # files

    def _read(self, path: str) -> DataArray:
        data = self.store.get(path)
        with NETCDF_LOCK:
            field = netcdf.decode(data)
        return with_places(field)

    def _days(self, kind: Kind) -> Iterator[str]:
        """Yield the folders of days, newest first."""
        for year in self.store.names(kind):
            for month in self.store.names(f"{kind}/{year}"):
                for date in self.store.names(f"{kind}/{year}/{month}"):
                    yield f"{kind}/{year}/{month}/{date}"

    def _dated(self, kind: Kind) -> Iterator[tuple[Time, str]]:
        """Yield times and paths of frames or forecasts, newest first, listing day by day."""
        for folder in self._days(kind):
            for path in self.store.files(folder):
                time = dated(path)
                if time is not None:
                    yield time, path


def no_forecast(key: Key) -> NoForecast:
    """Return the error of a missing forecast."""
    return NoForecast(
        f"there is no forecast of {key.model} issued at {stamp(key.issue)}; "
        f"POST /nowcast asks for one"
    )


def encode_upload(frames: DataArray) -> tuple[str, bytes]:
    """Return SHA-256 and netCDF file of uploaded frames (time, y, x) in mm/h."""
    data = encode(without_grid(frames), "Radar rainfall rate, uploaded", "", packed=False)
    return hashlib.sha256(data).hexdigest(), data


def without_grid(frames: DataArray) -> DataArray:
    """Drop latitude and longitude (y, x) of a known grid, which would be 90 % of the file."""
    return (
        frames if known_grid(frames) is None else frames.drop_vars(["lat", "lon"], errors="ignore")
    )


def encode(field: DataArray, title: str, history: str, *, packed: bool) -> bytes:
    """Encode a field (time or lead_time, y, x) in mm/h as netCDF, one thread at a time."""
    with NETCDF_LOCK:
        return netcdf.encode(field, packed=packed, title=title, history=history)
