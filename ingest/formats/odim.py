"""ODIM HDF5 composites: of DWD on the grid DE1200, of OPERA and others on grids of their own.

Format: Michelson et al. (2021), EUMETNET OPERA weather radar information model for implementation
with the HDF5 file format, version 2.4. wradlib leaves -0.001 mm where nothing was detected, so the
numbers are unpacked here: no echo is 0, no data is NaN. What scales them is held against what
products have: a damaged gain would make a wet country dry.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import BadField
from ingest.formats.odim_grid import on_national_grid
from ingest.formats.radolan import (
    AMOUNTS,
    DWD,
    INTERVAL_SECONDS,
    REFLECTIVITIES,
    Composite,
    checked_lead,
    rate_of_reflectivity,
)
from ingest.formats.sandbox import parse_untrusted
from ingest.grid import NATIONAL_WGS84
from ingest.precipitation import OPERA as EUMETNET_OPERA

Attributes = Mapping[str, Any]
Numbers = NDArray[np.float64]

MAGIC = b"\x89HDF\r\n\x1a\n"
OPERA, OPERA_SOURCE = "OPERA", "ORG:247"
"""What composites of EUMETNET OPERA are called here, and how their source begins."""
QUANTITIES = dict.fromkeys(AMOUNTS, ("ACRR", "RATE", "DBZH")) | {
    **dict.fromkeys(REFLECTIVITIES, ("DBZH",)),
    OPERA: ("RATE", "DBZH", "ACRR"),
}
"""What a product may hold: amount in mm, rate in mm/h, reflectivity in dBZ."""
OBJECTS = ("COMP", "IMAGE")
"""Objects of ODIM that are one field seen from above; some files name none."""
OTHER_PRODUCTS = (
    *("SCAN", "VP", "RHI", "XSEC", "VSP", "HSP", "RAY", "AZIM", "PVOL", "CVOL"),
    *("ETOP", "EBASE", "HGHT", "VIL", "QUAL"),
)
"""Products of ODIM that are no precipitation near the ground: of one radar or beam, vertical cuts;
heights, water of the whole column, quality."""
POWERS = (1e-4, 1e-3, 1e-2, 1e-1)
STEPS = {"ACRR": POWERS, "RATE": (*POWERS, *(12 * step for step in POWERS))}
"""The gains of packed amounts in mm, and of rates in mm/h: those of amounts, twelve times an hour.
None is half or double another, as a flipped bit would make it."""
REFLECTIVITY_SCALES = (
    *((gain, offset) for gain in (0.5, 0.1, 0.01) for offset in (-32.5, -32.0)),
    (0.5, -31.5),
    (0.5, -33.0),
    (0.4, -30.0),
    (0.01, -64.0),
)
"""Gain and offset of packed reflectivities in dBZ."""
PLAIN = (1.0, 0.0)
"""Gain and offset of numbers that are not packed."""
CLOSE = 1e-6
"""Relative: single precision, in which some gains were written."""
HIGHEST_REFLECTIVITY = 90.0
"""dBZ; no echo of weather reaches it."""


def decode(*files: bytes) -> list[Composite]:
    """Composites from the bytes of ODIM HDF5 files.

    Raises:
        BadField: One is not a whole precipitation composite of five minutes over Germany.
        NotRead: The machine is too busy to read them now.
    """
    try:
        found = parse_untrusted("odim", *files)
    except BadField as error:
        raise BadField(f"is no whole ODIM composite: {error}; fetch the file again") from error
    return [composite(about["attributes"], packed) for about, packed in found]


def composite(attributes: Mapping[str, Attributes], packed: NDArray[Any]) -> Composite:
    """Make a composite of an ODIM file.

    Args:
        attributes: Of its groups, by their names.
        packed: Its numbers (y, x), row 0 in the north.

    Raises:
        BadField: An attribute is missing or invalid, or a number is none that radar measures.
    """
    try:
        return placed(attributes, packed)
    except BadField:
        raise
    except Exception as error:  # an attribute may be lacking, or anything
        raise BadField(
            f"HDF5 of {packed.shape} numbers is no whole ODIM composite "
            f"({type(error).__name__}: {error}); fetch the file again"
        ) from error


def placed(attributes: Mapping[str, Attributes], packed: NDArray[Any]) -> Composite:
    """Make a composite as `composite` does, of (y, x); a missing attribute is a KeyError.

    Raises:
        BadField: An attribute is invalid, or a number is none that radar measures.
    """
    what, about = attributes["dataset1/what"], attributes["dataset1/data1/what"]
    check_kind(attributes["what"], what)
    source = str(attributes["what"].get("source", ""))
    product = product_of(str(what.get("prodname", "")), source)
    quantity = about["quantity"]
    if quantity not in QUANTITIES[product]:
        wanted = ", ".join(map(repr, QUANTITIES[product]))
        raise BadField(f"quantity is {quantity!r}, should be one of {wanted} for {product}")
    issue, lead = times_of(attributes["what"], what, product, quantity)
    rate = on_national_grid(packed, attributes["where"], scaler(quantity, about, packed.dtype))
    how = attributes.get("how", {})
    software = " ".join(str(how[part]) for part in ("software", "sw_version") if part in how)
    provider = EUMETNET_OPERA if product == OPERA else DWD
    return Composite(product, issue, lead, rate, NATIONAL_WGS84, software, provider)


def check_kind(root: Attributes, what: Attributes) -> None:
    """Check that a file is a composite of precipitation, by its object and product.

    Raises:
        BadField: It says that it is something else.
    """
    kind, product = str(root.get("object", "")).strip(), str(what.get("product", "")).strip()
    if kind and kind.upper() not in OBJECTS:
        raise BadField(
            f"object is {kind!r}, should be {OBJECTS[0]!r}: composites are read, no volumes, scans "
            f"or profiles of radars"
        )
    if product.upper() in OTHER_PRODUCTS:
        raise BadField(
            f"product is {product!r}, which is no precipitation seen from above, should be one "
            f"like 'COMP', 'MAX', 'SURF' or 'RR'"
        )


def product_of(name: str, source: str) -> str:
    """The product by its name, or by the source of what has none that is known.

    Raises:
        BadField: It is none that is read.
    """
    if name[:2] in QUANTITIES and not source.startswith(OPERA_SOURCE):
        return name[:2]
    if source.startswith(OPERA_SOURCE):
        return OPERA
    raise BadField(
        f"product is {name!r} of {source!r}, should be one of {', '.join(QUANTITIES)} "
        f"({OPERA}: of {OPERA_SOURCE!r})"
    )


def times_of(
    root: Attributes, what: Attributes, product: str, quantity: str
) -> tuple[np.datetime64, np.timedelta64]:
    """Nominal time and lead of a composite of five minutes, or of a moment within them.

    Raises:
        BadField: Its times do not agree, or are those of another interval.
    """
    issue = stamp(root["date"], root["time"])
    begin, end = (stamp(what[f"{edge}date"], what[f"{edge}time"]) for edge in ("start", "end"))
    seconds = int((end - begin) / np.timedelta64(1, "s"))
    if quantity == "ACRR" and seconds != INTERVAL_SECONDS:
        raise BadField(f"interval is {seconds} s, should be {INTERVAL_SECONDS} s")
    if not 0 <= seconds <= INTERVAL_SECONDS:
        raise BadField(f"interval is {seconds} s, should be 0 to {INTERVAL_SECONDS} s")
    interval = np.timedelta64(INTERVAL_SECONDS, "s")
    if product == OPERA:  # its nominal time is when the scans began, or ended
        if not np.timedelta64(0) <= end - issue <= interval:
            raise BadField(f"is of {issue} and ends at {end}, should end within 5 minutes")
        issue, lead = end if quantity == "ACRR" else issue, 0
    else:
        lead = checked_lead(product, int((end - issue) / np.timedelta64(1, "m")))
        if end - issue != np.timedelta64(lead, "m"):
            raise BadField(f"is of {issue} and ends at {end}, should end at a full minute")
    if (issue - np.datetime64("2000-01-01")) % interval:
        raise BadField(f"time is {issue}, should be a multiple of 5 minutes")
    return issue, np.timedelta64(lead, "m")


def scaler(
    quantity: str, about: Attributes, kind: np.dtype[Any]
) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
    """What turns packed numbers of a quantity into rates in mm/h.

    Raises:
        BadField: Gain, offset, nodata or undetect are none that the quantity is packed with. What
            is returned raises it where a number stands for less than nothing.
    """
    gain, offset = number(about, "gain"), number(about, "offset")
    nodata, undetect = number(about, "nodata"), number(about, "undetect")
    check_scale(quantity, gain, offset, is_packed=kind.kind in "iu")
    check_marks(nodata, undetect, kind)

    def rates(packed: NDArray[Any]) -> NDArray[np.float32]:
        empty = (packed == nodata) | np.isnan(packed)
        silent = packed == undetect
        check_lowest(packed, ~(empty | silent), undetect)
        values: Numbers = packed * gain + offset
        values[empty] = np.nan
        rate = rate_of(quantity, values, silent, gain if kind.kind in "iu" else 0.0)
        rate[silent] = 0
        return rate

    return rates


def check_lowest(packed: NDArray[Any], measured: NDArray[np.bool_], undetect: float) -> None:
    """Check that the mark of no echo is below all measured numbers (y, x).

    Raises:
        BadField: It lies among them: light rain would be dry.
    """
    if measured.any() and (lowest := packed[measured].min()) < undetect:
        raise BadField(f"undetect is {undetect:g}, should be below all others, but one is {lowest}")


def rate_of(
    quantity: str, values: Numbers, silent: NDArray[np.bool_], noise: float
) -> NDArray[np.float32]:
    """Convert amounts in mm, rates in mm/h or reflectivities in dBZ to rates in mm/h.

    Args:
        quantity: Name of the quantity in ODIM.
        values: (y, x), NaN for no data.
        silent: Where nothing was detected, whatever the value there.
        noise: How far below 0 packing may bring an amount.

    Returns:
        (y, x), NaN for no data.

    Raises:
        BadField: An amount is below that, or a reflectivity above all weather.
    """
    if quantity == "DBZH":
        if np.nanmax(np.where(silent, np.nan, values), initial=-np.inf) > HIGHEST_REFLECTIVITY:
            raise BadField(f"reflectivities reach over {HIGHEST_REFLECTIVITY:g} dBZ")
        return rate_of_reflectivity(values)
    lowest = np.nanmin(np.where(silent, np.nan, values), initial=np.inf)
    if lowest < -noise * (1 + CLOSE):
        raise BadField(f"{quantity} reaches down to {lowest:g}, should be 0 or more")
    per_hour = 3600 / INTERVAL_SECONDS if quantity == "ACRR" else 1
    with np.errstate(over="ignore"):  # `check_range` refuses what is too large
        rate: NDArray[np.float32] = (np.maximum(values, 0) * per_hour).astype(np.float32)
    return rate


def check_scale(quantity: str, gain: float, offset: float, *, is_packed: bool) -> None:
    """Check that the quantity is ever packed with a gain and offset.

    Raises:
        BadField: It is not.
    """
    if quantity == "DBZH":
        known = REFLECTIVITY_SCALES
    else:
        known = tuple((step, zero) for step in STEPS[quantity] for zero in (0.0, -step))
    if not is_packed:
        known = (*known, PLAIN)
    for step, zero in known:
        if abs(gain - step) <= CLOSE * step and abs(offset - zero) <= CLOSE * max(step, abs(zero)):
            return
    gains = ", ".join(f"{step:g}" for step in sorted({step for step, _ in known}))
    raise BadField(
        f"gain is {gain:g} and offset {offset:g}, which {quantity} is not packed with; the gain "
        f"should be one of {gains}, the offset "
        + ("one of the dBZ that go with it" if quantity == "DBZH" else "0 or minus the gain")
    )


def check_marks(nodata: float, undetect: float, kind: np.dtype[Any]) -> None:
    """Check the marks of no data and of no echo.

    Raises:
        BadField: They are the same, or numbers of this kind cannot have them.
    """
    if nodata == undetect:
        raise BadField(f"nodata and undetect are both {nodata:g}, should differ")
    for name, mark in (("nodata", nodata), ("undetect", undetect)):
        if kind.kind in "iu":
            least, most = np.iinfo(kind).min, np.iinfo(kind).max
            if not (least <= mark <= most and mark == int(mark)):
                raise BadField(f"{name} is {mark:g}, should be a number of {kind}")


def number(about: Attributes, name: str) -> float:
    """A number among attributes, which some write as text.

    Raises:
        BadField: It is none.
    """
    try:
        return float(about[name])
    except (KeyError, ValueError, TypeError):
        raise BadField(f"{name} is {about.get(name)!r}, should be a number") from None


def stamp(date: str, time: str) -> np.datetime64:
    """Return the time of a date (YYYYmmdd) and time (HHMMSS), UTC."""
    return np.datetime64(datetime.strptime(date + time, "%Y%m%d%H%M%S"), "ns")  # noqa: DTZ007  UTC by the format
