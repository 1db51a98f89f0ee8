"""A classic netCDF file has the bytes that its header says, or is refused."""

from pathlib import Path
from typing import Literal

import netCDF4
import numpy as np
import pytest

from ingest import BadField
from ingest.formats import netcdf
from ingest.formats.netcdf_classic import check_size, expected_size
from service.pipeline import upload
from tests.showers import frame

Format = Literal["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"]
FORMATS: tuple[Format, ...] = ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA")
KINDS = (("f4",), ("i1",), ("i2", "f8"), ("S1", "f4", "i2"))
NETCDF = upload.NETCDF


def written(path: Path, name: Format, kinds: tuple[str, ...], length: int | None) -> bytes:
    """A file as the netCDF library writes it; `length` None for records."""
    with netCDF4.Dataset(path, "w", format=name) as file:
        file.title = "abc"
        file.parts = np.array([1.5, 2.0])
        file.createDimension("time", length)
        file.createDimension("x", 5)
        file.createVariable("crs", "i4", ())
        for number, kind in enumerate(kinds):
            variable = file.createVariable(f"v{number}", kind, ("time", "x"))
            variable.units = "m"
            variable[:] = np.zeros((3, 5), kind)
        file.createVariable("last", "i2", ("x",))[:] = 1
    return path.read_bytes()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("kinds", KINDS, ids="-".join)
@pytest.mark.parametrize("length", [3, None])
def test_the_header_says_how_many_bytes_there_are(
    name: Format, kinds: tuple[str, ...], length: int | None, tmp_path: Path
) -> None:
    data = written(tmp_path / "a.nc", name, kinds, length)
    assert expected_size(data) == len(data)


@pytest.mark.parametrize("change", [-400, -4, 1, 4, 400])
def test_bytes_that_are_missing_or_added_are_refused(change: int, tmp_path: Path) -> None:
    """The rain behind them would have moved, or be dry."""
    data = written(tmp_path / "a.nc", FORMATS[0], ("f4", "f4"), 3)
    middle = len(data) // 2
    with pytest.raises(BadField, match=r"should have \d+|header"):
        check_size(data[:middle] + bytes(max(change, 0)) + data[middle + max(-change, 0) :])


def test_a_damaged_header_is_refused_or_gives_some_size(tmp_path: Path) -> None:
    data = written(tmp_path / "a.nc", FORMATS[1], ("f4",), 3)
    refused = 0
    for place in range(4, 200):
        for value in (0, 0x7F, 0xFF):
            spoilt = data[:place] + bytes([value]) + data[place + 1 :]
            try:
                assert expected_size(spoilt) >= 0
            except BadField:
                refused += 1
    assert refused > 100


@pytest.mark.parametrize("data", [b"", b"CDF", b"\x89HDF\r\n", b"\xff" * 9])
def test_other_files_pass(data: bytes) -> None:
    check_size(data)


def test_an_upload_with_bytes_added_is_refused() -> None:
    body = netcdf.encode(frame(0).isel(y=slice(50, 90), x=slice(50, 90)), packed=False)
    with pytest.raises(BadField, match="should have"):
        upload.read(body[:-2000] + bytes(16) + body[-2000:], NETCDF)
