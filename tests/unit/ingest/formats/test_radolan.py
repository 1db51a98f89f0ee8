"""What a composite's numbers stand for, against wradlib's decoding of the same bytes."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from wradlib.io import read_radolan_composite

from ingest import BadField
from ingest.formats import radolan
from ingest.formats.compression import unpack
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
        (lambda data: data + b"\0", "1620001 of 1620000 bytes follow the header"),
        (
            lambda data: data.replace(b"\x0a", b"\x0d\x0a"),  # transferred as text
            "of 1620000 bytes follow the header",
        ),
        (
            lambda data: data.replace(b"PR E-02", b"PR E+99", 1),
            "precision is 1e\\+99, should be 0.01 for RY",
        ),
        (lambda data: data.replace(b"PR E-02", b"       ", 1), "the header lacks precision"),
    ],
)
def test_a_header_that_does_not_fit_the_numbers_is_refused(change: Any, why: str) -> None:
    data = change(encode(np.full((900, 900), 1.2, np.float32), TIME))
    assert b"\x0a" in data
    with pytest.raises(BadField, match=why):
        radolan.decode(data)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"PR E-02", b"PR E-12", "precision is 1e-12, should be 0.01 for RY"),
        (b"PR E-02", b"PR E-03", "precision is 0.001"),
        (b"INT   5", b"INT   4", "interval is 240 s, should be 300 s"),
        (b"VS 3", b"VS 7", "format version is 7, should be 0 to 5"),
        (b"RY211235", b"RY211234", "should be a multiple of 5 minutes"),
    ],
)
def test_a_number_of_the_header_that_no_product_has_is_refused(
    old: bytes, new: bytes, why: str
) -> None:
    data = encode(np.full((900, 900), 1.2, np.float32), TIME)
    assert data.count(old) == 1
    with pytest.raises(BadField, match=why):
        radolan.decode(data.replace(old, new))


def lead(product: str, minutes: str) -> bytes:
    """A composite whose header has a lead time, and one more byte for each of its characters."""
    lead_field = f"VV {minutes}MS"
    data = encode(np.full((900, 900), 1.2, np.float32), TIME)
    data = data.replace(b"RY", product.encode(), 1).replace(b"MS", lead_field.encode(), 1)
    return re.sub(
        rb"BY *(\d+)", lambda by: b"BY%7d" % (int(by[1]) + len(lead_field) - 2), data, count=1
    )


def test_the_lead_of_a_forecast_is_read() -> None:
    assert radolan.decode(lead("RV", " 35")).lead == np.timedelta64(35, "m")
    assert radolan.decode(lead("RY", "  0")).lead == np.timedelta64(0)


@pytest.mark.parametrize(
    ("product", "minutes"), [("RV", " 37"), ("RV", "125"), ("RV", "-05"), ("RY", " 35")]
)
def test_a_lead_that_no_product_has_is_refused(product: str, minutes: str) -> None:
    with pytest.raises(BadField, match="lead"):
        radolan.decode(lead(product, minutes))


def test_the_table_of_rates_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        radolan.rates_of_amounts(0.01)[0] = 1
