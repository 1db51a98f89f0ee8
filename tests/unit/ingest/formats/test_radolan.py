"""What a composite's numbers stand for, against wradlib's decoding of the same bytes."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from wradlib.io import read_radolan_composite

from ingest import BadField
from ingest.formats import radolan
from ingest.formats.radar_file import unpack
from ingest.grid import NATIONAL_SPHERE, pad_to_national
from ingest.simulation.simulate import encode

TIME = np.datetime64("2025-06-21T12:35", "ns")
KNOWN = ("ry", "yw", "rx", "wx")


def by_wradlib(data: bytes) -> NDArray[np.float32]:
    """The rates, row 0 in the north, by wradlib and the formulas of `ingest.formats.radolan`."""
    values, header = read_radolan_composite(BytesIO(data), missing=-1)
    if header["producttype"] in radolan.AMOUNTS:
        rate = values.astype(np.float32) * np.float32(12)
    else:
        dbz = np.minimum(values / 2 - 32.5, radolan.HIGHEST_DBZ)
        rate = (10 ** (dbz / 10) / radolan.ZR_FACTOR) ** (1 / radolan.ZR_EXPONENT)
        rate = np.where(values > 0, rate, 0).astype(np.float32)
    rate[values == -1] = np.nan
    rate.flat[header["cluttermask"]] = np.nan
    north: NDArray[np.float32] = rate[::-1]
    return north


def all_numbers() -> bytes:
    """A composite with every number two bytes may have."""
    plain = encode(np.zeros((900, 900), np.float32), TIME)
    begin = plain.index(b"\x03") + 1
    numbers = np.arange(900 * 900, dtype="<u4").astype("<u2")
    return plain[:begin] + numbers.tobytes()


def test_every_number_stands_for_what_wradlib_says_unless_it_is_negative() -> None:
    data = all_numbers()
    ours = radolan.decode(data).rate
    theirs = by_wradlib(data)
    numbers = np.arange(900 * 900, dtype="<u4").astype("<u2").reshape(900, 900)[::-1]
    theirs[numbers & radolan.NEGATIVE != 0] = np.nan
    np.testing.assert_array_equal(ours, theirs)


def test_real_files_are_decoded_as_wradlib_does(shared: Path) -> None:
    folder = shared / "data" / "dwd" / "fixtures"
    paths = [p for p in sorted(folder.glob("raa01-*")) if p.name[6:8] in KNOWN and p.stat().st_size]
    assert {path.name[6:8] for path in paths} == set(KNOWN)
    for path in paths[::3]:
        data = unpack(path.read_bytes())
        theirs = by_wradlib(data)
        if theirs.shape != NATIONAL_SPHERE.shape:
            theirs = pad_to_national(theirs, *radolan.ORIGINS[theirs.shape])
        np.testing.assert_array_equal(radolan.decode(data).rate, theirs, path.name)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda data: data[:-1], "1619999 of 1620000 bytes follow the header, should be 1620000"),
        (lambda data: data.replace(b"BY1620", b"BY1520", 1), "of 1520000 bytes follow the header"),
        (lambda data: data.replace(b"PR E-02", b"PR E+99", 1), None),
        (lambda data: data.replace(b"PR E-02", b"       ", 1), "the header lacks precision"),
    ],
)
def test_a_header_that_does_not_fit_the_numbers_is_refused(change: Any, why: str | None) -> None:
    data = change(encode(np.full((900, 900), 1.2, np.float32), TIME))
    if why is None:
        assert not np.isfinite(radolan.decode(data).rate).any(), "left to the check of the range"
    else:
        with pytest.raises(BadField, match=why):
            radolan.decode(data)


def test_the_table_of_rates_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        radolan.rates_of_amounts(0.01)[0] = 1
