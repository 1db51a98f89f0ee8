"""Radar composites of Germany at 5 km: RYDL.hdf5, folders of RADOLAN files, the service's archive.

RYDL.hdf5 belongs to RainNet, Ayzel et al. (2020), doi:10.5194/gmd-13-2631-2020: one array of 900 x
900 cells of 1 km for every five minutes of 2006 to 2017, named YYYYMMDDHHMM, in mm per 5 minutes,
with row 0 in the SOUTH, as wradlib reads RADOLAN. Where it has negative numbers or NaN there is no
data.

Each frame is averaged to 180 x 180 cells on reading. That takes milliseconds a frame: for many
years prepare a store once, by `nowcast data germany`, and train on that.
"""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from ingest.errors import BadField
from ingest.formats import netcdf
from ingest.formats import radar_file as radar
from ingest.grid import MODEL_FACTOR, block_mean
from ingest.sources.stored_folder import files_in
from model_zoo.training.data.augmentation import Rates, wet_share
from model_zoo.training.data.record import EVERY_RATE
from model_zoo.training.errors import BadData

CELLS = 900
PER_HOUR = np.float32(12)
"""From mm in five minutes to mm/h."""
RYDL_NAME = re.compile(r"\d{12}")
ARCHIVED = re.compile(r"\d{8}T\d{4}Z")
FRAMES_IN_MEMORY = 64


@dataclass(frozen=True, eq=False)
class Frames:
    """A record whose frames are read on access."""

    name: str
    times: NDArray[np.datetime64]
    keys: tuple[str, ...]
    """Argument of `read` for each frame."""
    read: Callable[[str], Rates]
    """(y, x) in mm/h on the model grid, NaN for no data."""
    measured: tuple[float, float] = EVERY_RATE
    """The least and the largest rate in mm/h that the product resolves."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the first frame, and of all others."""
        rows, columns = self.read(self.keys[0]).shape
        return rows, columns

    def rates(self, numbers: NDArray[np.int64]) -> Rates:
        """Return frames (time, y, x) in mm/h, row 0 in the north, NaN for no data.

        Raises:
            BadData: Frames differ in size, or cannot be read.
        """
        found = [self.read(self.keys[number]) for number in numbers]
        shapes = {frame.shape for frame in found}
        if len(shapes) > 1:
            raise BadData(f"{self.name} has frames of {sorted(shapes)} cells, should all be alike")
        return np.stack(found)

    def wet(self) -> NDArray[np.float64]:
        """Read all frames; return the share of known cells with 0.1 mm/h or more, (time,)."""
        return np.array([wet_share(self.read(key)) for key in self.keys])


def record(
    name: str, found: Iterable[tuple[np.datetime64, str]], read: Callable[[str], Rates]
) -> Frames:
    """Make a record of frames by time; of two frames of the same time, the first."""
    by_time: dict[np.datetime64, str] = {}
    for time, key in found:
        by_time.setdefault(time, key)
    times = sorted(by_time)
    keys = tuple(by_time[time] for time in times)
    return Frames(name, np.array(times, "datetime64[m]"), keys, lru_cache(FRAMES_IN_MEMORY)(read))


def rydl(path: Path) -> Frames:
    """Open the frames of RYDL.hdf5.

    Raises:
        BadData: The file is damaged or of another layout.
    """
    try:
        with h5py.File(path) as file:
            names = [name for name in file if RYDL_NAME.fullmatch(name)]
    except OSError as error:
        raise BadData(f"{path} cannot be read as HDF5 ({error}); fetch it again") from error
    if not names:
        raise BadData(f"{path} has no arrays named YYYYMMDDHHMM, as RYDL.hdf5 should")
    found = [(minute(name, "%Y%m%d%H%M", path), name) for name in names]
    opened: dict[int, h5py.File] = {}  # one per process: HDF5 files cannot be used after a fork

    def read(name: str) -> Rates:
        try:
            file = opened.get(os.getpid()) or opened.setdefault(os.getpid(), h5py.File(path))
            amount = np.asarray(file[name][()], np.float32)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise BadData(f"{path}, {name}, cannot be read ({error}); fetch it again") from error
        if amount.shape != (CELLS, CELLS):
            raise BadData(f"{path}, {name}, has {amount.shape} cells, should have {(CELLS, CELLS)}")
        rate = np.where(amount >= 0, amount * PER_HOUR, np.float32(np.nan))
        return block_mean(np.ascontiguousarray(rate[::-1]), MODEL_FACTOR)

    return record(path.name, found, read)


def radolan(folder: Path) -> Frames:
    """Open a folder of radar files, by the times in their names.

    Raises:
        BadData: There are none.
    """
    stamped = [(radar.stamp_in(path.name), str(path)) for path in files_in([folder])]
    found = [(time, path) for time, path in stamped if time is not None]
    if not found:
        raise BadData(f"{folder} has no radar files with a time in their names")

    def read(path: str) -> Rates:
        try:
            frame = radar.parse(Path(path).read_bytes(), Path(path).name, factor=MODEL_FACTOR)
        except (BadField, OSError) as error:
            raise BadData(f"{error}, of {path}; fetch it again, or take it away") from error
        rates: Rates = frame.to_numpy()[0]
        return rates

    return record(folder.name, found, read)


def archive(folder: Path) -> Frames:
    """Open an archive of the service, frames/YYYY/MM/DD/YYYYMMDDTHHMMZ.nc below a folder."""
    paths = [path for path in folder.rglob("frames/**/*.nc") if ARCHIVED.fullmatch(path.stem)]
    found = [(minute(path.stem, "%Y%m%dT%H%MZ", path), str(path)) for path in sorted(paths)]

    def read(path: str) -> Rates:
        try:
            rates: Rates = netcdf.decode(Path(path)).to_numpy()[0]
        except (BadField, OSError) as error:
            raise BadData(f"{path}: {error}; put the frame there again") from error
        return rates

    return record(folder.name, found, read)


def minute(name: str, layout: str, path: Path) -> np.datetime64:
    """Parse the time in a name.

    Raises:
        BadData: There is no time in it.
    """
    try:
        return np.datetime64(datetime.strptime(name, layout), "m")  # noqa: DTZ007  UTC by name
    except ValueError as error:
        raise BadData(f"{path}: {name!r} is not a time") from error
