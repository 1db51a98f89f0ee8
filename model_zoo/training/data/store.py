"""Zarr store of many years of frames, prepared once and fast to read.

    rate_x100   (time, y, x) uint16, mm/h x 100, 65535 for no data, row 0 in the north
    time        (time) int64, minutes since 1970-01-01, end of the interval, UTC
    wet         (time) float32, share of the known cells with 0.1 mm/h or more; NaN for a frame that
                could not be read
    done        (block) bool, which blocks of `BLOCK` frames are written

Each block is written by one worker, in any order, and marked as done last, so that preparation can
resume. Needs the extra `train`.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_zoo.training.data.augmentation import Rates, wet_share
from model_zoo.training.data.record import EVERY_RATE, NO_DATA
from model_zoo.training.errors import BadData, MissingPackage

CHUNK = 12
"""Frames of a chunk: an hour of radar."""
BLOCK = 24 * CHUNK
"""Frames that a worker writes at a time: whole chunks, so that no two workers write one."""


def zarr() -> Any:  # noqa: ANN401  a module
    """Import the package.

    Raises:
        MissingPackage: It is not installed.
    """
    try:
        return import_module("zarr")
    except ImportError as error:
        raise MissingPackage("stores need zarr; install the extra: nowcast[train]") from error


def is_store(path: Path) -> bool:
    """Whether a folder is a Zarr store."""
    return (path / "zarr.json").is_file()


class Store:
    """A record in a store."""

    measured = EVERY_RATE

    def __init__(self, path: Path) -> None:
        """Open a store.

        Raises:
            BadData: It has another layout, is damaged, or its preparation is not finished.
            MissingPackage: Zarr is not installed.
        """
        self.name = path.name
        try:
            group = zarr().open_group(path, mode="r")
            self._rates = group["rate_x100"]
            times, wet, done = (np.asarray(group[name][:]) for name in ("time", "wet", "done"))
        except (KeyError, ValueError, OSError, TypeError) as error:
            raise BadData(
                f"{path} is not a store of frames ({error!r}); prepare it again"
            ) from error
        if not done.all():
            raise BadData(
                f"{path} has {done.sum()} of {len(done)} blocks; run `nowcast data germany` again, "
                "which goes on where it stopped"
            )
        self._numbers = np.flatnonzero(~np.isnan(wet))
        self._wet = wet[self._numbers].astype(np.float64)
        self.times: NDArray[np.datetime64] = times[self._numbers].astype("datetime64[m]")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        _, rows, columns = self._rates.shape
        return rows, columns

    def rates(self, numbers: NDArray[np.int64]) -> Rates:
        """Return frames (time, y, x) in mm/h, row 0 in the north, NaN for no data."""
        found = np.stack(
            [np.asarray(self._rates[int(number)]) for number in self._numbers[numbers]]
        )
        rates: Rates = np.where(found == NO_DATA, np.nan, found / np.float32(100))
        return rates.astype(np.float32)

    def wet(self) -> NDArray[np.float64]:
        """Return the share of known cells with 0.1 mm/h or more of each frame, (time,)."""
        return self._wet


def create(path: Path, times: NDArray[np.datetime64], shape: tuple[int, int]) -> list[int]:
    """Create a store, or open an unfinished one of the same frames.

    Args:
        path: Of the store.
        times: Of all frames, (time,).
        shape: (rows, columns) of a frame.

    Returns:
        Indices of the blocks still to be written.

    Raises:
        BadData: There is a store of other frames.
    """
    minutes = times.astype("datetime64[m]").astype(np.int64)
    blocks = -(-len(times) // BLOCK)
    if is_store(path):
        group = zarr().open_group(path, mode="r")
        if "done" in group and np.array_equal(group["time"][:], minutes):
            return [int(block) for block in np.flatnonzero(~group["done"][:])]
        if "done" in group:
            raise BadData(f"{path} is of other frames; name another store, or remove it")
    group = zarr().open_group(path, mode="w")
    size = (len(times), *shape)
    group.create_array("rate_x100", shape=size, chunks=(CHUNK, *shape), dtype="uint16")
    group.create_array("wet", shape=size[:1], chunks=(BLOCK,), dtype="float32", fill_value=np.nan)
    group.create_array("time", shape=size[:1], dtype="int64")[:] = minutes
    # created last, so that the other arrays exist if it does
    group.create_array("done", shape=(blocks,), chunks=(1,), dtype="bool", fill_value=False)
    return list(range(blocks))


def write_block(path: Path, block: int, length: int, read: Callable[[int], Rates]) -> list[str]:
    """Read and write the frames of a block.

    Args:
        path: The store.
        block: Index of the block.
        length: Frames of the store.
        read: From the index of a frame to its rates (y, x) in mm/h, NaN for no data.

    Returns:
        Frames that could not be read, and why.
    """
    group = zarr().open_group(path, mode="r+")
    frames = range(block * BLOCK, min((block + 1) * BLOCK, length))
    packed = np.full((len(frames), *group["rate_x100"].shape[1:]), NO_DATA, np.uint16)
    wet = np.full(len(frames), np.nan, np.float32)
    faults = []
    for index, number in enumerate(frames):
        try:
            rates = read(number)
        except BadData as error:
            faults.append(str(error))
            continue
        packed[index] = np.where(np.isnan(rates), NO_DATA, np.rint(np.nan_to_num(rates) * 100))
        wet[index] = wet_share(rates)
    span = slice(frames.start, frames.stop)
    group["rate_x100"][span] = packed
    group["wet"][span] = wet
    group["done"][block] = True
    return faults
