"""Small made-up weather for tests: showers that drift over what the radars see."""

import gzip
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from ingest import to_model_grid
from ingest.grid import NATIONAL_SPHERE, Grid
from ingest.precipitation import INTERVAL, make
from ingest.simulation.simulate import encode
from service.archive.key import to_datetime

START = np.datetime64("2026-06-21T22:30", "ns")
"""An hour and a half before midnight, so that an event of some hours has two days."""
SHOWERS = 14
REACH_KM = 430.0
"""From the middle of the grid to the edge of what is seen: the corners are blind."""


def time(number: int) -> np.datetime64:
    """The time of a frame, the first being 0."""
    return START + number * INTERVAL


def moment(number: int) -> datetime:
    """The same as a datetime in UTC."""
    return to_datetime(time(number)).astimezone(UTC)


@cache
def rate(number: int) -> NDArray[np.float32]:
    """Rain of a frame (900, 900) in mm/h, row 0 in the north, NaN for no data. Read only."""
    rng = np.random.default_rng(7)
    x = y = np.arange(900.0)
    rain = np.zeros((900, 900), np.float32)
    for _ in range(SHOWERS):
        column, row = rng.uniform(0, 900, 2)
        width, peak = rng.uniform(10, 50), rng.uniform(0.5, 25)
        drift = rng.uniform(2, 4), rng.uniform(-2, 1)
        across = np.exp(-0.5 * ((x - column - number * drift[0]) / width) ** 2)
        down = np.exp(-0.5 * ((y - row - number * drift[1]) / width) ** 2)
        rain += (peak * np.outer(down, across)).astype(np.float32)
    rain[rain < 0.1] = 0
    rain[np.hypot(x - 449.5, (y - 449.5)[:, None]) > REACH_KM] = np.nan
    rain.setflags(write=False)
    return rain


def frame(number: int, grid: Grid = NATIONAL_SPHERE) -> DataArray:
    """A frame (time of one, 180, 180) on the model grid."""
    return small_frame(number, grid).copy()


@cache
def small_frame(number: int, grid: Grid) -> DataArray:
    return to_model_grid(make(rate(number), time(number), grid, "RY"))


def file_name(number: int) -> str:
    """The name that the provider gives the file of a frame."""
    return f"raa01-ry_10000-{moment(number):%y%m%d%H%M}-dwd---bin.gz"


@cache
def file_bytes(number: int) -> bytes:
    """A frame as a RADOLAN RY file, packed."""
    return gzip.compress(encode(rate(number), time(number)), compresslevel=1, mtime=0)


def write_file(folder: Path, number: int) -> Path:
    """A frame as a file of the provider."""
    path = folder / file_name(number)
    path.write_bytes(file_bytes(number))
    return path
