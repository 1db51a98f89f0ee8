"""RADOLAN binary composites of DWD. wradlib decodes the bits; here they become a field.

Format: DWD, RADOLAN/RADVOR, "Hoch aufgeloeste Niederschlagsanalyse und -vorhersage", composite
format description, section 1. Files begin in the SOUTH, hold amounts per interval, and flag what
is no data and what is clutter.
"""

from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.errors import BadField
from ingest.grid import NATIONAL_SPHERE, NATIONAL_WGS84, Grid, pad_to_national
from ingest.precipitation import HIGHEST

INTERVAL_SECONDS = 300
AMOUNTS = ("RY", "YW", "RV")
"""Products of mm per interval."""
REFLECTIVITIES = ("RX", "WX")
"""Products of one byte of half dBZ."""
NO_DATA = -1
"""What we have wradlib put where there is no data."""
NEEDED = ("producttype", "radarid", "datetime", "intervalseconds", "formatversion")
"""Entries of a header without which a file says nothing."""
LONGEST_HEADER = 2000
"""Bytes within which a header has come to its end; those of today have 250."""
END = b"\x03"
COMPOSITE = "10000"
"""What stands for the number of a radar in composites."""
NEGATIVE = np.uint16(0x4000)
FIRST_WGS84_VERSION = 5
ORIGINS = {(900, 900): (0, 0), (1100, 900): (100, -80), (1200, 1100): (150, 20)}
"""Row and column, from the north-west, of the shape's cell where the national grid begins."""

ZR_FACTOR, ZR_EXPONENT = 256.0, 1.42
"""Z = 256 R**1.42, DWD's standard relation: Bartels et al. (2004), Projekt RADOLAN,
Abschlussbericht; also the one of Ma et al., arXiv 2304.07724."""
HIGHEST_DBZ = 60.0
"""Above it is hail or no weather; 60 dBZ are 338 mm/h. Rates are capped there."""


class Composite(NamedTuple):
    """One decoded composite: `rate` in mm/h on `grid`, row 0 in the north, NaN for no data."""

    product: str
    issue: np.datetime64
    lead: np.timedelta64
    rate: NDArray[np.float32]
    grid: Grid
    software: str
    """What made it at the provider, with its version."""


def decode(data: bytes) -> Composite:
    """A composite from the bytes of an uncompressed RADOLAN file.

    Raises:
        BadField: The bytes are not a whole 5-minute composite of a known product and grid.
    """
    values, header = unpack(data)
    if lacking := [entry for entry in NEEDED if entry not in header]:
        raise BadField(f"the header lacks {', '.join(lacking)}; fetch the file again")
    product = str(header["producttype"])
    if product not in AMOUNTS + REFLECTIVITIES:
        known = ", ".join(AMOUNTS + REFLECTIVITIES)
        raise BadField(f"product is {product!r}, should be one of {known}")
    seconds = header["intervalseconds"]
    if seconds != INTERVAL_SECONDS:
        raise BadField(f"interval is {seconds} s, should be {INTERVAL_SECONDS} s")
    if values.shape not in ORIGINS:
        raise BadField(f"shape is {values.shape}, should be one of {sorted(ORIGINS)}")

    if header.get("radarid") != COMPOSITE:
        raise BadField(
            f"is of radar {header.get('radarid')!r}, should be a composite, {COMPOSITE!r}"
        )

    to_rate = amount_to_rate if product in AMOUNTS else reflectivity_to_rate
    rate = to_rate(values[::-1])
    rate[values[::-1] == NO_DATA] = np.nan
    for cells in (header.get("cluttermask", []), negative(data, product, values.size)):
        if len(cells):
            row, column = np.divmod(cells, values.shape[1])
            rate[values.shape[0] - 1 - row, column] = np.nan
    if rate.shape != NATIONAL_SPHERE.shape:
        rate = pad_to_national(rate, *ORIGINS[rate.shape])
    wgs84 = int(header["formatversion"]) >= FIRST_WGS84_VERSION
    return Composite(
        product,
        np.datetime64(header["datetime"], "ns"),
        np.timedelta64(int(header.get("predictiontime", 0)), "m"),
        rate,
        NATIONAL_WGS84 if wgs84 else NATIONAL_SPHERE,
        f"RADOLAN {header.get('radolanversion', '')}".strip(),
    )


def unpack(data: bytes) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Values and header by wradlib; whatever it trips over in foreign bytes is a BadField."""
    from wradlib.io import read_radolan_composite  # takes a second: only where files are decoded

    largest = LONGEST_HEADER + 2 * max(rows * columns for rows, columns in ORIGINS)
    if END not in data[:LONGEST_HEADER] or len(data) > largest:
        raise BadField(
            f"{len(data)} bytes that begin with {data[:16]!r} are no whole RADOLAN composite: it "
            f"should have at most {largest}, and a header of at most {LONGEST_HEADER}"
        )
    try:
        values, header = read_radolan_composite(BytesIO(data), missing=NO_DATA)
    except Exception as error:  # a decoder may raise anything on hostile bytes
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise BadField(
            f"{len(data)} bytes that begin with {data[:16]!r} are no whole RADOLAN composite "
            f"({reason}); fetch the file again"
        ) from error
    if values.ndim != 2:
        raise BadField(f"the composite has {values.ndim} dimensions, should have 2")
    return values, header


def negative(data: bytes, product: str, size: int) -> NDArray[np.intp]:
    """Cells flagged as negative, which cannot be rain; wradlib heeds that flag in few products."""
    if product not in AMOUNTS:
        return np.empty(0, np.intp)
    raw = np.frombuffer(data, "<u2", offset=len(data) - 2 * size)
    is_there = np.bitwise_or.reduce(raw) & NEGATIVE
    return np.flatnonzero(raw & NEGATIVE) if is_there else np.empty(0, np.intp)


def amount_to_rate(amount: NDArray[np.float64]) -> NDArray[np.float32]:
    """From mm in five minutes to mm/h."""
    rate = amount.astype(np.float32, order="C")
    rate *= 3600 / INTERVAL_SECONDS
    return rate


def reflectivity_to_rate(byte: NDArray[np.float64]) -> NDArray[np.float32]:
    """From bytes of half dBZ above -32.5 to mm/h by `ZR_FACTOR` and `ZR_EXPONENT`; 0 is dry."""
    dbz = np.minimum(byte / 2 - 32.5, HIGHEST_DBZ)
    rate = (10 ** (dbz / 10) / ZR_FACTOR) ** (1 / ZR_EXPONENT)
    return np.where(byte > 0, np.minimum(rate, HIGHEST), 0).astype(np.float32, order="C")
