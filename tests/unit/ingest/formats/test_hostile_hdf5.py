"""HDF5 that reaches outside itself, or for code, is refused, and nothing else is opened or run."""

import io
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from ingest import BadField, parse
from tests.unit.ingest.formats.test_odim import german
from tests.unit.ingest.formats.test_radar_file import odim

DATA = "dataset1/data1/data"
SHAPE = (1200, 1100)
UNKNOWN_FILTER = 32_099
"""A number of the HDF Group's registry that no library here has: a plugin would be looked for."""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A good file on this machine, which a hostile one points at."""
    path = tmp_path / "elsewhere.h5"
    path.write_bytes(german())
    return path


def external_link(file: h5py.File, elsewhere: Path) -> None:
    del file[DATA]
    file[DATA] = h5py.ExternalLink(str(elsewhere), DATA)


def external_group(file: h5py.File, elsewhere: Path) -> None:
    del file["dataset1"]
    file["dataset1"] = h5py.ExternalLink(str(elsewhere), "dataset1")


def soft_link(file: h5py.File, elsewhere: Path) -> None:
    del elsewhere
    del file[DATA]
    file[DATA] = h5py.SoftLink("/nowhere")


def circle_of_links(file: h5py.File, elsewhere: Path) -> None:
    del elsewhere
    del file["dataset1"]
    file["dataset1"] = h5py.SoftLink("/dataset1")


def virtual_data_set(file: h5py.File, elsewhere: Path) -> None:
    del file[DATA]
    layout = h5py.VirtualLayout(SHAPE, np.uint16)
    layout[:] = h5py.VirtualSource(str(elsewhere), DATA, SHAPE)
    file.create_virtual_dataset(DATA, layout)


def external_storage(file: h5py.File, elsewhere: Path) -> None:
    del file[DATA]
    place = [(str(elsewhere), 0, 2 * SHAPE[0] * SHAPE[1])]
    file.create_dataset(DATA, SHAPE, np.uint16, external=place)


def unknown_filter(file: h5py.File, elsewhere: Path) -> None:
    del elsewhere
    del file[DATA]
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((100, 100))
    plist.set_filter(UNKNOWN_FILTER, h5py.h5z.FLAG_OPTIONAL, (1, 2))
    space = h5py.h5s.create_simple(SHAPE)
    dataset = h5py.h5d.create(file.id, DATA.encode(), h5py.h5t.NATIVE_UINT16, space, plist)
    for row in range(0, SHAPE[0], 100):
        for column in range(0, SHAPE[1], 100):
            dataset.write_direct_chunk((row, column), bytes(20_000))


def nothing_stored(file: h5py.File, elsewhere: Path) -> None:
    del elsewhere
    del file[DATA]
    file.create_dataset(DATA, SHAPE, np.uint16, chunks=(100, 100), fillvalue=0)


def pieces_called_unpacked(file: h5py.File, elsewhere: Path) -> None:
    """The filter is lost: packed pieces would be read as numbers, with what lies behind them."""
    del elsewhere
    numbers = file[DATA][...]
    del file[DATA]
    dataset = file.create_dataset(DATA, SHAPE, numbers.dtype, chunks=(300, SHAPE[1]))
    for row in range(0, SHAPE[0], 300):
        piece = zlib.compress(numbers[row : row + 300].tobytes())
        dataset.id.write_direct_chunk((row, 0), piece)


HOSTILE: dict[str, Callable[[h5py.File, Path], None]] = {
    function.__name__: function
    for function in (
        external_link,
        external_group,
        soft_link,
        circle_of_links,
        virtual_data_set,
        external_storage,
        unknown_filter,
        nothing_stored,
        pieces_called_unpacked,
    )
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hdf5_that_reaches_outside_itself_is_refused(name: str, elsewhere: Path) -> None:
    content = io.BytesIO(odim())
    with h5py.File(content, "r+") as file:
        HOSTILE[name](file, elsewhere)
    with pytest.raises(BadField):
        parse(content.getvalue(), "hostile")
