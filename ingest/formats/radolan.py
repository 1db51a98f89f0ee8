"""RADOLAN binary composites of DWD. wradlib reads the header; the numbers become a field here.

Format: DWD, RADOLAN/RADVOR, "Hoch aufgeloeste Niederschlagsanalyse und -vorhersage", composite
format description, section 1. Files begin in the SOUTH, hold amounts per interval, and flag what
is no data and what is clutter. A cell has one or two bytes, so that there are few values it can
have: what each stands for is worked out once, and a composite is looked up in one pass. wradlib,
which makes a pass for each flag, gives the same rates to the last bit (a test holds them together),
but for flagged negatives, which it takes for rain.
"""

from collections.abc import Mapping
from functools import lru_cache
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
PRECISIONS = dict.fromkeys(AMOUNTS, 0.01) | dict.fromkeys(REFLECTIVITIES, 1.0)
"""Unit of the numbers of each product, in mm or in halves of a dBZ. A header that states
another one is damaged: with a single bit flipped, `E-02` is `E-12`, and a wet country dry."""
FORECASTS = ("RV",)
"""Products that hold a lead time; all others are analyses, whose lead is 0."""
LONGEST_LEAD_MINUTES = 120
AMOUNT_TYPE: np.dtype[Any] = np.dtype("<u2")
REFLECTIVITY_TYPE: np.dtype[Any] = np.dtype("u1")
AMOUNT = 0x0FFF
"""Bits of an amount; those above are flags."""
NO_DATA, NEGATIVE, CLUTTER = 0x2000, 0x4000, 0x8000
"""Flags of an amount that is none."""
REFLECTIVITY_CLUTTER, REFLECTIVITY_NO_DATA = 249, 250
"""Values of a reflectivity that is none."""
NEEDED = (
    "producttype",
    "radarid",
    "datetime",
    "intervalseconds",
    "formatversion",
    "precision",
    "nrow",
    "ncol",
    "datasize",
)
"""Entries of a header that every file must have."""
LONGEST_HEADER = 2000
"""Bytes within which a header has come to its end; those of today have 250."""
END = b"\x03"
COMPOSITE = "10000"
"""What stands for the number of a radar in composites."""
FIRST_WGS84_VERSION, LAST_VERSION = 5, 5
WGS84_SHAPES = {(900, 900): (False, True), (1100, 900): (False,), (1200, 1100): (True,)}
"""Whether a composite of a shape may lie on WGS84, from format version 5 on, or on the sphere."""
STRIP = 60
"""Rows that are looked up at a time."""
ORIGINS = {(900, 900): (0, 0), (1100, 900): (100, -80), (1200, 1100): (150, 20)}
"""Row and column, from the north-west, of the shape's cell where the national grid begins."""

ZR_FACTOR, ZR_EXPONENT = 256.0, 1.42
"""Z = 256 R**1.42, DWD's standard relation: Bartels et al. (2004), Projekt RADOLAN,
Abschlussbericht; also the one of Ma et al., arXiv 2304.07724."""
HIGHEST_DBZ = 60.0
"""Above it is hail or no weather; 60 dBZ are 338 mm/h. Rates are capped there."""


DWD = "Deutscher Wetterdienst"


class Composite(NamedTuple):
    """One decoded composite: `rate` in mm/h on `grid`, row 0 in the north, NaN for no data."""

    product: str
    issue: np.datetime64
    lead: np.timedelta64
    rate: NDArray[np.float32]
    grid: Grid
    software: str
    """What made it at the provider, with its version."""
    provider: str = DWD


def decode(data: bytes) -> Composite:
    """A composite from the bytes of an uncompressed RADOLAN file.

    Raises:
        BadField: The bytes are not a whole 5-minute composite of a known product and grid.
    """
    header = read_header(data)
    product, shape, lead = checked(header)
    kind = AMOUNT_TYPE if product in AMOUNTS else REFLECTIVITY_TYPE
    rates_of = rates_of_amounts if product in AMOUNTS else rates_of_reflectivities
    packed, rates = cells(data, shape, kind, header["datasize"]), rates_of(PRECISIONS[product])
    rate = looked_up(rates, packed[::-1])
    if rate.shape != NATIONAL_SPHERE.shape:
        rate = pad_to_national(rate, *ORIGINS[rate.shape])
    wgs84 = header["formatversion"] >= FIRST_WGS84_VERSION
    return Composite(
        product,
        np.datetime64(header["datetime"], "ns"),
        np.timedelta64(lead, "m"),
        rate,
        NATIONAL_WGS84 if wgs84 else NATIONAL_SPHERE,
        f"RADOLAN {header.get('radolanversion', '')}".strip(),
    )


def checked(header: Mapping[str, Any]) -> tuple[str, tuple[int, int], int]:
    """Product, shape and lead in minutes of a header, of which every number is as it must be.

    Raises:
        BadField: One is not; the message states what it should be.
    """
    if lacking := [entry for entry in NEEDED if entry not in header]:
        raise BadField(f"the header lacks {', '.join(lacking)}; fetch the file again")
    product = str(header["producttype"])
    if product not in PRECISIONS:
        raise BadField(f"product is {product!r}, should be one of {', '.join(PRECISIONS)}")
    if header["precision"] != PRECISIONS[product]:
        raise BadField(
            f"precision is {header['precision']:g}, should be {PRECISIONS[product]:g} for {product}"
        )
    seconds = header["intervalseconds"]
    if seconds != INTERVAL_SECONDS:
        raise BadField(f"interval is {seconds} s, should be {INTERVAL_SECONDS} s")
    shape = (header["nrow"], header["ncol"])
    if shape not in ORIGINS:
        raise BadField(f"shape is {shape}, should be one of {sorted(ORIGINS)}")
    if header["radarid"] != COMPOSITE:
        raise BadField(f"is of radar {header['radarid']!r}, should be a composite, {COMPOSITE!r}")
    version = header["formatversion"]
    if not 0 <= version <= LAST_VERSION:
        raise BadField(f"format version is {version}, should be 0 to {LAST_VERSION}")
    if (version >= FIRST_WGS84_VERSION) not in WGS84_SHAPES[shape]:
        raise BadField(f"format version is {version}, which composites of {shape} do not have")
    if header["datetime"].minute % (INTERVAL_SECONDS // 60):
        raise BadField(f"time is {header['datetime']}, should be a multiple of 5 minutes")
    lead = checked_lead(product, header.get("predictiontime"))
    return product, shape, lead


def checked_lead(product: str, minutes: int | None) -> int:
    """The lead of a composite in minutes: that of a forecast, 0 for an analysis.

    Raises:
        BadField: No product has this one.
    """
    if product not in FORECASTS and not minutes:
        return 0
    if product not in FORECASTS:
        raise BadField(f"{product} has a lead of {minutes} minutes, should have none")
    if minutes is None or not 0 <= minutes <= LONGEST_LEAD_MINUTES or minutes % 5:
        raise BadField(
            f"lead of {product} is {minutes} minutes, should be a multiple of 5 from 0 to "
            f"{LONGEST_LEAD_MINUTES}"
        )
    return minutes


def read_header(data: bytes) -> dict[str, Any]:
    """Read the header by wradlib.

    Raises:
        BadField: There is none, or wradlib cannot read it.
    """
    from wradlib.io import read_radolan_composite  # takes a second: only where files are decoded

    largest = LONGEST_HEADER + 2 * max(rows * columns for rows, columns in ORIGINS)
    if END not in data[:LONGEST_HEADER] or len(data) > largest:
        raise BadField(
            f"{first_bytes(data)} are no whole RADOLAN composite: it should have at most "
            f"{largest}, and a header of at most {LONGEST_HEADER}"
        )
    try:
        _, header = read_radolan_composite(BytesIO(data[:LONGEST_HEADER]), loaddata=False)
    except Exception as error:  # a decoder may raise anything on hostile bytes
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise BadField(
            f"{first_bytes(data)} are no whole RADOLAN composite ({reason}); fetch the file again"
        ) from error
    return dict(header)


def cells(data: bytes, shape: tuple[int, int], kind: np.dtype[Any], size: int) -> NDArray[Any]:
    """Return the numbers after the header as they are packed, (rows, columns), row 0 in the south.

    Args:
        data: Bytes of the file.
        shape: Rows and columns.
        kind: Type of a number.
        size: Bytes of the numbers as the header states.

    Raises:
        BadField: There are fewer bytes or more, as where a transfer as text has put some in, or the
            header states others.
    """
    rows, columns = shape
    begin, expected = data.index(END) + 1, rows * columns * kind.itemsize
    if size != expected or len(data) != begin + expected:
        raise BadField(
            f"{first_bytes(data)} are no whole RADOLAN composite: {len(data) - begin} of {size} "
            f"bytes follow the header, should be {expected}; fetch the file again"
        )
    return np.frombuffer(data, kind, rows * columns, begin).reshape(shape)


def looked_up(rates: NDArray[np.float32], packed: NDArray[Any]) -> NDArray[np.float32]:
    """Return the rate in mm/h of each packed number, shaped as `packed`.

    By strips, as indices take four times the room of the numbers, and to lay out fresh memory takes
    longer than to look up.
    """
    rate = np.empty(packed.shape, np.float32)
    for row in range(0, len(packed), STRIP):
        strip = slice(row, row + STRIP)
        np.take(rates, packed[strip], out=rate[strip], mode="clip")  # none is beyond the table
    return rate


def first_bytes(data: bytes) -> str:
    """Size and first bytes of a file, for messages."""
    return f"{len(data)} bytes that begin with {data[:16]!r}"


@lru_cache(maxsize=8)  # products have one precision each, but headers come from outside
def rates_of_amounts(precision: float) -> NDArray[np.float32]:
    """Return the rate in mm/h of each number of two bytes, (65536,).

    A number is an amount in units of `precision` mm in five minutes below its flags. NaN for no
    data, clutter and negative amounts.
    """
    packed = np.arange(2**16)
    with np.errstate(over="ignore", invalid="ignore"):  # `check_range` refuses what is too large
        rate = ((packed & AMOUNT) * precision).astype(np.float32)
        rate *= 3600 / INTERVAL_SECONDS
    rate[packed & (NO_DATA | NEGATIVE | CLUTTER) != 0] = np.nan
    rate.setflags(write=False)
    return rate


@lru_cache(maxsize=8)
def rates_of_reflectivities(precision: float) -> NDArray[np.float32]:
    """Return the rate in mm/h of each byte, (256,).

    A byte is half dBZ above -32.5, converted by `ZR_FACTOR` and `ZR_EXPONENT`; 0 is dry, NaN no
    data or clutter.
    """
    packed = np.arange(2**8)
    rate = rate_of_reflectivity(packed * precision / 2 - 32.5)
    rate[0] = 0
    rate[[REFLECTIVITY_CLUTTER, REFLECTIVITY_NO_DATA]] = np.nan
    rate.setflags(write=False)
    return rate


def rate_of_reflectivity(
    dbz: NDArray[np.float64], factor: float = ZR_FACTOR, exponent: float = ZR_EXPONENT
) -> NDArray[np.float32]:
    """Convert reflectivities in dBZ to rates in mm/h, elementwise; NaN stays NaN.

    Args:
        dbz: Of any shape.
        factor: a of Z = a R**b.
        exponent: b.
    """
    capped = np.minimum(dbz, HIGHEST_DBZ)
    wet = np.minimum((10 ** (capped / 10) / factor) ** (1 / exponent), HIGHEST)
    return np.asarray(wet, np.float32)
