"""What must stay: radar frames, forecasts, and bad files beside the reason they are bad.

    frames/2020/09/07/20200907T1400Z.nc
    forecasts/2020/09/07/20200907T1400Z/advection-none.nc
    quarantine/0a1b2c3d4e5f6071-raa01-ry_10000-2009071400-dwd---bin.gz (and .reason.txt)
    incoming/

A file is written in `incoming`, brought to disk, and linked to its name: one that has a name is
whole and never changes. Putting the same thing twice changes nothing.
"""

import re
import time as clock
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import xarray as xr
from xarray import DataArray

from ingest import netcdf
from ingest.grid import same_grid, with_places
from service.errors import NoForecast, NoFrame
from service.files import write_once

Time = np.datetime64

STAMP = "%Y%m%dT%H%MZ"
FRAMES_IN_MEMORY = 64
"""Newest frames kept decoded: 8 MB, more than any forecaster looks back."""
FORECASTS_IN_MEMORY = 64
"""Newest forecasts kept decoded: 130 MB, what two models have awaiting verification."""
FORECAST_FILE = re.compile(r"[^.].*-([0-9a-f]{8}|none)\.nc")
ONE_AT_A_TIME = Lock()
"""The netCDF library takes a process down when two threads are in it, on whatever files."""
ABANDONED_SECONDS = 3600
"""Age at which a file in `incoming` belongs to nobody any more."""


class Key(NamedTuple):
    """What a forecast is known by."""

    issue: Time
    model: str
    weights: str

    @property
    def version(self) -> str:
        """Short form of the weights: eight digits of their hash, or "none"."""
        return self.weights[:8]

    @property
    def id(self) -> str:
        """One word, safe in a URL: also the id of the job that makes it."""
        return f"{stamp(self.issue)}-{self.model}-{self.version}"


def stamp(time: Time) -> str:
    return to_datetime(time).strftime(STAMP)


def from_stamp(text: str) -> Time | None:
    """The time of a stamp, if it is one."""
    try:
        return to_time(datetime.strptime(text, STAMP).replace(tzinfo=UTC))
    except ValueError:
        return None


def to_datetime(time: Time) -> datetime:
    """A numpy time as a datetime in UTC."""
    return datetime.fromtimestamp(int(time.astype("datetime64[s]").astype(np.int64)), UTC)


def to_time(moment: datetime) -> Time:
    """A datetime with a time zone as a numpy time in UTC."""
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "ns")


class Archive:
    """A folder of finished files.

    Args:
        root: The folder; made when something is first put into it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._frame = lru_cache(FRAMES_IN_MEMORY)(self._read_frame)
        self._forecast = lru_cache(FORECASTS_IN_MEMORY)(self._read)

    # frames

    def put_frame(self, frame: DataArray) -> bool:
        """Keep a frame (time of one, y, x). Returns False where one of its time is there."""
        path = self.frame_path(frame["time"].values[0])
        # Latitude and longitude follow from the grid and would be nine tenths of the file.
        bare = frame.drop_vars(["lat", "lon"], errors="ignore")
        title = f"Radar rainfall rate {frame.attrs.get('product', '')}".strip()
        # Unpacked for speed: a frame is written every five minutes and is small.
        return self._write(path, bare, title, HISTORY, packed=False)

    def frame_path(self, time: Time) -> Path:
        return self.root / "frames" / day(time) / f"{stamp(time)}.nc"

    def has_frame(self, time: Time) -> bool:
        return self.frame_path(time).exists()

    def frame(self, time: Time) -> DataArray:
        """The frame of a time.

        Raises:
            NoFrame: There is none.
        """
        return self._frame(time.astype("datetime64[ns]"))

    def _read_frame(self, time: Time) -> DataArray:
        path = self.frame_path(time)
        if not path.exists():
            raise NoFrame(f"there is no radar frame of {stamp(time)} in the archive")
        return self._read(path)

    def frames(self, times: Iterable[Time]) -> DataArray:
        """Those of the frames of `times` that there are, on the grid of the newest, oldest first.

        Raises:
            NoFrame: There is none at all.
        """
        wanted = sorted(set(times))
        found = [self.frame(time) for time in wanted if self.has_frame(time)]
        if not found:
            raise NoFrame(f"there is no radar frame of {', '.join(map(stamp, wanted))}")
        newest = found[-1]
        found = [frame for frame in found if same_grid(frame, newest)]
        return xr.concat(found, "time", coords="minimal", compat="override", join="override")

    def frame_times(self) -> Iterator[Time]:
        """Times of all frames, newest first."""
        yield from times_in(self.root / "frames", ".nc")

    def latest_frame(self) -> Time | None:
        return next(self.frame_times(), None)

    # forecasts

    def put_forecast(self, forecast: DataArray, history: str) -> bool:
        """Keep a forecast. Returns False where it is there already."""
        key = key_of(forecast)
        title = f"Two-hour precipitation nowcast by {key.model}"
        return self._write(self.forecast_path(key), forecast, title, history, packed=True)

    def forecast_path(self, key: Key) -> Path:
        folder = self.root / "forecasts" / day(key.issue) / stamp(key.issue)
        return folder / f"{key.model}-{key.version}.nc"

    def has_forecast(self, key: Key) -> bool:
        return self.forecast_path(key).exists()

    def forecast(self, key: Key) -> DataArray:
        """The forecast of a key.

        Raises:
            NoForecast: There is none.
        """
        path = self.forecast_path(key)
        if not path.exists():
            raise NoForecast(
                f"there is no forecast of {key.model} issued at {stamp(key.issue)}; "
                f"POST /nowcast asks for one"
            )
        return self._forecast(path)

    def generated(self, key: Key) -> datetime:
        """When the forecast of a key was made."""
        return datetime.fromisoformat(self.forecast(key).attrs["generated_at"])

    def forecasts(self, issue: Time) -> dict[Key, DataArray]:
        """All forecasts of an issue."""
        folder = self.root / "forecasts" / day(issue) / stamp(issue)
        paths = [path for path in sorted(folder.glob("*.nc")) if FORECAST_FILE.fullmatch(path.name)]
        found = [self._forecast(path) for path in paths]
        return {key_of(forecast): forecast for forecast in found}

    def issues(self) -> Iterator[Time]:
        """Times from which there are forecasts, newest first."""
        yield from times_in(self.root / "forecasts", "")

    def latest_issue(self, model: str, version: str) -> Time:
        """The newest issue of a model.

        Raises:
            NoForecast: There is none.
        """
        for issue in self.issues():
            if self.has_forecast(Key(issue, model, version)):
                return issue
        raise NoForecast(f"there is no forecast of {model} yet; POST /nowcast asks for one")

    # bad files

    def quarantine(self, data: bytes, name: str, fingerprint: str, reason: str) -> Path:
        """Keep a bad file beside the reason why it is bad. Returns where."""
        safe = re.sub(r"[^\w.+-]", "_", name, flags=re.ASCII)[-120:]
        path = self.root / "quarantine" / f"{fingerprint[:16]}-{safe}"
        self.put(path.with_name(path.name + ".reason.txt"), reason.encode() + b"\n")
        self.put(path, data)
        return path

    # files

    def _read(self, path: Path) -> DataArray:
        with ONE_AT_A_TIME:
            field = netcdf.decode(path)
        return with_places(field)

    def _write(
        self, path: Path, field: DataArray, title: str, history: str, *, packed: bool
    ) -> bool:
        with ONE_AT_A_TIME:
            data = netcdf.encode(field, packed=packed, title=title, history=history)
        return self.put(path, data)

    def put(self, path: Path, data: bytes) -> bool:
        """Give a name to a whole file, at once, if the name is free."""
        return write_once(path, data, self.root / "incoming")

    def sweep(self) -> int:
        """Remove what killed processes left in `incoming`. Returns how many files."""
        oldest = clock.time() - ABANDONED_SECONDS
        left = [
            path for path in (self.root / "incoming").glob("*") if path.stat().st_mtime < oldest
        ]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)


HISTORY = "resampled to 5 km by nowcast"


def time_of(coordinate: DataArray) -> Time:
    """The time in a scalar coordinate."""
    return np.datetime64(int(coordinate.values.astype("datetime64[ns]").astype(np.int64)), "ns")


def key_of(forecast: DataArray) -> Key:
    return Key(
        time_of(forecast["forecast_reference_time"]),
        forecast.attrs["model"],
        forecast.attrs["weights"],
    )


def day(time: Time) -> str:
    return to_datetime(time).strftime("%Y/%m/%d")


def times_in(folder: Path, suffix: str) -> Iterator[Time]:
    """Times in the names under year/month/day folders, newest first."""
    for path in walk(folder, 4):
        time = from_stamp(path.name.removesuffix(suffix)) if path.suffix == suffix else None
        if time is not None:
            yield time


def walk(folder: Path, depth: int) -> Iterator[Path]:
    """What lies `depth` levels down, in falling order of names, folder by folder."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir(), reverse=True):
        if depth == 1:
            yield path
        else:
            yield from walk(path, depth - 1)
