"""The time at which a netCDF-4 file was written is not in it."""

import time

import netCDF4
import pytest

from ingest.formats.hdf5_times import lookup3, without_padding, without_times


def written() -> bytes:
    """A small netCDF-4 file as the library makes it in memory."""
    file = netCDF4.Dataset("field", "w", memory=1, format="NETCDF4")
    file.title = "rain"
    file.createDimension("x", 3)
    file.createVariable("rain", "f4", ("x",))[:] = [0, 1, 2]
    return bytes(file.close())


def test_a_file_written_in_another_second_is_the_same_bytes() -> None:
    first = written()
    time.sleep(1.1)
    other = written()
    assert without_times(first) == without_times(other)


def test_what_is_in_the_file_stays_as_it_was() -> None:
    with netCDF4.Dataset("field", memory=without_times(written())) as file:
        assert file.title == "rain"
        assert file["rain"][:].tolist() == [0, 1, 2]


def test_a_file_without_times_is_returned_as_it_is() -> None:
    once = without_times(written())
    assert without_times(once) == once
    assert without_times(b"CDF\x02 classic") == b"CDF\x02 classic"
    assert without_times(b"") == b""


def test_a_file_whose_checksum_is_wrong_is_returned_as_it_is() -> None:
    spoilt = bytearray(written())
    spoilt[60] ^= 1
    assert without_times(bytes(spoilt)) == spoilt


def test_a_file_ends_where_its_superblock_says() -> None:
    padded = written()
    file = without_padding(padded)
    assert len(file) < len(padded)
    assert padded == file + bytes(len(padded) - len(file))
    with netCDF4.Dataset("field", memory=file) as dataset:
        assert dataset["rain"][:].tolist() == [0, 1, 2]


@pytest.mark.parametrize("other", [b"", b"CDF\x02 classic", written() + b"more"])
def test_a_file_without_padding_is_returned_as_it_is(other: bytes) -> None:
    assert without_padding(other) == other


@pytest.mark.parametrize(
    ("data", "expected"), [(b"", 0xDEADBEEF), (b"Four score and seven years ago", 0x17770551)]
)
def test_the_checksum_is_that_of_its_author(data: bytes, expected: int) -> None:
    """Values from driver5 of https://burtleburtle.net/bob/c/lookup3.c."""
    assert lookup3(data) == expected
