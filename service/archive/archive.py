"""What must stay: radar frames, forecasts, and bad files beside the reason they are bad.

    frames/2020/09/07/20200907T1400Z.nc
    forecasts/2020/09/07/20200907T1400Z/advection-none.nc
    quarantine/0a1b2c3d4e5f6071-raa01-ry_10000-2009071400-dwd---bin.gz (and .reason.txt)

And for a while: frames that somebody has uploaded, by their hash, and what was forecast from them.

    uploads/89abcdef01234567/frames.nc
    uploads/89abcdef01234567/20200907T1400Z/advection-none.nc

What has a name is whole and never changes (`service.archive.store`). Putting the same thing twice
changes nothing.
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
from service.archive.field_cache import Memory
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
"""Kinds that lie in folders of days."""

FRAMES_IN_MEMORY = 8 * 2**20
"""Bytes of frames kept decoded: 64, more than any forecaster looks back."""
FORECASTS_IN_MEMORY = 64 * 2**20
"""Bytes of forecasts kept decoded: 128 of them, or 32 with exceedance probabilities, as many as two
models have awaiting verification."""
LATEST_DAYS = np.timedelta64(7, "D")
"""How far before the newest issue of any model the newest of one is looked for."""
ONE_AT_A_TIME = Lock()
"""The netCDF library takes a process down when two threads are in it, on whatever files."""
SUSPECT = "suspect"
"""Attribute of frames, and of what is made of them, that says why they should be looked at."""
KEPT_WHOLE, KEPT_HEAD = 2 * 2**20, 2**20
"""Bytes up to which a bad file is kept whole, and those kept of a larger one."""
MOST_QUARANTINED = 1000
"""Bad files that are kept, each with its reason: 2 GB at most."""
HISTORY = "resampled to 5 km by nowcast"


class Archive:
    """Frames and forecasts as finished files.

    Args:
        root: The folder, made when something is first put into it, or another store.
    """

    def __init__(self, root: Path | Store) -> None:
        self.store: Store = Folder(root) if isinstance(root, Path) else root
        self._frames = Memory(FRAMES_IN_MEMORY)
        self._forecasts = Memory(FORECASTS_IN_MEMORY)

    @classmethod
    def at(cls, place: str | Path) -> Self:
        """The archive in a folder, or below a URL as fsspec takes it, such as s3://bucket/nowcast.

        Raises:
            BadSetting: The package for this kind of URL is not installed, or there is no such kind.
        """
        place = str(place).removeprefix("file://")
        if "://" not in place:
            return cls(Path(place))
        from service.archive.object_store import ObjectStore

        return cls(ObjectStore(place))

    @property
    def root(self) -> Path:
        """The folder of an archive that is in one.

        Raises:
            TypeError: It is in another store.
        """
        if not isinstance(self.store, Folder):
            raise TypeError(f"the archive is in {type(self.store).__name__}, not in a folder")
        return self.store.root

    # frames

    def put_frame(self, frame: DataArray) -> bool:
        """Keep a frame (time of one, y, x). Returns False where one of its time is there."""
        title = f"Radar rainfall rate {frame.attrs.get('product', '')}".strip()
        # Unpacked for speed: a frame is written every five minutes and is small.
        data = encode(bare(frame), title, HISTORY, packed=False)
        return self.store.put(frame_name(frame["time"].values[0]), data)

    def frame_path(self, time: Time) -> Path:
        """The file of a frame, of an archive that is in a folder."""
        return self.root / frame_name(time)

    def has_frame(self, time: Time) -> bool:
        return self.store.has(frame_name(time))

    def frame(self, time: Time) -> DataArray:
        """The frame of a time.

        Raises:
            NoFrame: There is none.
        """
        try:
            return self._frames.get(frame_name(time), self._read)
        except FileNotFoundError:
            raise NoFrame(f"there is no radar frame of {stamp(time)} in the archive") from None

    def frames(self, times: Iterable[Time]) -> DataArray:
        """Those of the frames of `times` that there are, on the grid of the newest, oldest first.

        Raises:
            NoFrame: There is none at all.
        """
        wanted = sorted(set(times))
        found = list(self._found(wanted))
        if not found:
            raise NoFrame(f"there is no radar frame of {', '.join(map(stamp, wanted))}")
        newest = found[-1]
        found = [frame for frame in found if same_grid(frame, newest)]
        together = xr.concat(found, "time", coords="minimal", compat="override", join="override")
        together.attrs = {k: v for k, v in together.attrs.items() if k != SUSPECT}
        # what is made of a frame that should be looked at should be looked at, too
        if suspect := {
            str(frame.attrs[SUSPECT]): None for frame in found if SUSPECT in frame.attrs
        }:
            together.attrs[SUSPECT] = "; ".join(suspect)
        return together

    def _found(self, times: Iterable[Time]) -> Iterator[DataArray]:
        for time in times:
            try:
                yield self.frame(time)
            except NoFrame:
                continue

    def frame_times(self) -> Iterator[Time]:
        """Times of all frames, newest first."""
        return (time for time, _ in self._dated("frames"))

    def latest_frame(self) -> Time | None:
        return next(self.frame_times(), None)

    # forecasts

    def put_forecast(self, forecast: DataArray, history: str) -> bool:
        """Keep a forecast. Returns False where it is there already."""
        key = key_of(forecast)
        title = f"Two-hour precipitation nowcast by {key.model}"
        return self.store.put(forecast_name(key), encode(forecast, title, history, packed=True))

    def forecast_path(self, key: Key) -> Path:
        """The file of a forecast, of an archive that is in a folder."""
        return self.root / forecast_name(key)

    def has_forecast(self, key: Key) -> bool:
        return self.store.has(forecast_name(key))

    def forecast(self, key: Key) -> DataArray:
        """The forecast of a key.

        Raises:
            NoForecast: There is none.
        """
        try:
            return self._forecasts.get(forecast_name(key), self._read)
        except FileNotFoundError:
            raise no_forecast(key) from None

    def forecast_bytes(self, key: Key) -> bytes:
        """The forecast of a key as a netCDF file.

        Raises:
            NoForecast: There is none.
        """
        try:
            return self.store.get(forecast_name(key))
        except FileNotFoundError:
            raise no_forecast(key) from None

    def generated(self, key: Key) -> datetime:
        """When the forecast of a key was made."""
        return datetime.fromisoformat(self.forecast(key).attrs["generated_at"])

    def forecasts(self, issue: Time) -> dict[Key, DataArray]:
        """All forecasts of an issue."""
        found = {}
        for path in sorted(self.store.files(f"forecasts/{day(issue)}/{stamp(issue)}")):
            if dated(path) is None:
                continue
            try:
                forecast = self._forecasts.get(path, self._read)
            except FileNotFoundError:  # past its keeping time just now
                continue
            found[key_of(forecast)] = forecast
        return found

    def issues(self) -> Iterator[Time]:
        """Times from which there are forecasts, newest first."""
        return (time for time, _ in groupby(time for time, _ in self._dated("forecasts")))

    def latest_issue(self, model: str, version: str) -> Time:
        """The newest issue of a model, in the week before the newest of any.

        Raises:
            NoForecast: There is none in that time.
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
        """Keep frames (time, y, x) that somebody has uploaded. Returns their SHA-256.

        The same frames are kept once, and as long as if they had first come now.
        """
        data = upload_bytes(frames)
        sha = hashlib.sha256(data).hexdigest()
        self.store.renew(upload_name(sha), data)
        return sha

    def upload_sha(self, frames: DataArray) -> str:
        """The SHA-256 that uploaded frames would be kept under."""
        return hashlib.sha256(upload_bytes(frames)).hexdigest()

    def upload(self, sha: str) -> DataArray:
        """The uploaded frames (time, y, x) of a SHA-256.

        Raises:
            NoFrame: There are none, or none any more.
        """
        try:
            return self._read(upload_name(sha))
        except FileNotFoundError:
            raise NoFrame(
                f"the frames of upload {sha} are not kept here; send them again"
            ) from None

    # bad files

    def quarantine(self, data: bytes, name: str, fingerprint: str, reason: str) -> str:
        """Keep a bad file, or its beginning where it is large, beside the reason why it is bad.

        Only the newest are kept: whoever sends bad files does not fill the disk. Returns its path
        in the store.
        """
        safe = re.sub(r"[^\w.+-]", "_", name, flags=re.ASCII)[-120:]
        path = f"quarantine/{fingerprint[:16]}-{safe}"
        self.store.put(f"{path}.reason.txt", reason.encode() + b"\n")
        self.store.put(path, data if len(data) <= KEPT_WHOLE else data[:KEPT_HEAD])
        self._thin_quarantine()
        return path

    def _thin_quarantine(self) -> None:
        """Remove the oldest bad files where there are too many, and their reasons."""
        names = self.store.names("quarantine")
        if len(names) <= 2 * MOST_QUARANTINED:
            return
        for path in sorted(self._when_put("quarantine"), key=itemgetter(1))[
            : MOST_QUARANTINED // 5
        ]:
            self.store.remove(path[0])

    def _when_put(self, kind: Kind) -> Iterator[tuple[str, datetime]]:
        """Paths of a kind, and when each was put."""
        for path in list(self.store.files(kind)):
            try:
                yield path, self.store.modified(path)
            except FileNotFoundError:  # somebody else removes what is old, too
                continue

    # keeping

    def remove_before(self, kind: Kind, time: Time) -> int:
        """Remove what is past its keeping time. Returns how many files.

        Frames and forecasts go by the time they are of, the others by when they were put. It may
        be done while others read: they find a file whole or not at all.
        """
        old = self._of_before(kind, time) if kind in DAILY else self._put_before(kind, time)
        removed = 0
        for path in old:
            removed += self.store.remove(path)
            for memory in (self._frames, self._forecasts):
                memory.drop(path)
        return removed

    def _of_before(self, kind: Kind, time: Time) -> Iterator[str]:
        last = f"{kind}/{day(time)}"
        for folder in sorted(self._days(kind)):
            if folder > last:
                break
            for path in list(self.store.files(folder)):
                of = dated(path)
                if of is not None and of < time:
                    yield path

    def _put_before(self, kind: Kind, time: Time) -> Iterator[str]:
        # In rising order: a bad file goes before its reason.
        for path in sorted(self.store.files(kind)):
            try:
                if to_time(self.store.modified(path)) < time:
                    yield path
            except FileNotFoundError:  # somebody else removes what is old, too
                continue

    def sweep(self) -> int:
        """Remove what killed processes left without a name. Returns how many files."""
        return self.store.sweep()

    # files

    def _read(self, path: str) -> DataArray:
        data = self.store.get(path)
        with ONE_AT_A_TIME:
            field = netcdf.decode(data)
        return with_places(field)

    def _days(self, kind: Kind) -> Iterator[str]:
        """Folders of days, newest first."""
        for year in self.store.names(kind):
            for month in self.store.names(f"{kind}/{year}"):
                for date in self.store.names(f"{kind}/{year}/{month}"):
                    yield f"{kind}/{year}/{month}/{date}"

    def _dated(self, kind: Kind) -> Iterator[tuple[Time, str]]:
        """Times and paths of frames or forecasts, newest first, listed day by day."""
        for folder in self._days(kind):
            for path in self.store.files(folder):
                time = dated(path)
                if time is not None:
                    yield time, path


def no_forecast(key: Key) -> NoForecast:
    return NoForecast(
        f"there is no forecast of {key.model} issued at {stamp(key.issue)}; "
        f"POST /nowcast asks for one"
    )


def uploaded(frames: DataArray) -> tuple[str, bytes]:
    """The SHA-256 by which uploaded frames are known, and the file that has it."""
    data = encode(bare(frames), "Radar rainfall rate, uploaded", "", packed=False)
    return hashlib.sha256(data).hexdigest(), data


def bare(frames: DataArray) -> DataArray:
    """Frames without latitude and longitude where these follow from the grid, and would be nine
    tenths of the file."""
    return (
        frames if known_grid(frames) is None else frames.drop_vars(["lat", "lon"], errors="ignore")
    )


def encode(field: DataArray, title: str, history: str, *, packed: bool) -> bytes:
    with ONE_AT_A_TIME:
        return netcdf.encode(field, packed=packed, title=title, history=history)


def upload_bytes(frames: DataArray) -> bytes:
    return encode(bare(frames), "Radar rainfall rate, uploaded", "", packed=False)
