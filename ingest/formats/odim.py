"""ODIM HDF5 composites of DWD on the grid DE1200, 1200 x 1100 cells on WGS84.

Format: Michelson et al. (2021), EUMETNET OPERA weather radar information model for implementation
with the HDF5 file format, version 2.4. wradlib leaves -0.001 mm where nothing was detected, so the
numbers are unpacked here: no echo is 0, no data is NaN. The national grid is the window of whole
cells that begins at row 150, column 20.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import BadField
from ingest.formats.radolan import AMOUNTS, INTERVAL_SECONDS, ORIGINS, Composite
from ingest.formats.sandbox import unfold
from ingest.grid import NATIONAL_WGS84, WGS84, pad_to_national, projector

Attributes = Mapping[str, Any]

SHAPE = (1200, 1100)
MAGIC = b"\x89HDF\r\n\x1a\n"


def decode(*files: bytes) -> list[Composite]:
    """Composites from the bytes of ODIM HDF5 files.

    Raises:
        BadField: One is not a whole 5-minute precipitation composite on DE1200.
        NotRead: The machine is too busy to read them now.
    """
    try:
        found = unfold("odim", *files)
    except BadField as error:
        raise BadField(f"is no whole ODIM composite: {error}; fetch the file again") from error
    return [composite(about["attributes"], packed) for about, packed in found]


def composite(attributes: Mapping[str, Attributes], packed: NDArray[Any]) -> Composite:
    """A composite from the attributes of an ODIM file by their groups, and its numbers."""
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
    what, about = attributes["dataset1/what"], attributes["dataset1/data1/what"]
    quantity, product = about["quantity"], what["prodname"][:2]
    if quantity != "ACRR":
        raise BadField(f"quantity is {quantity!r}, should be 'ACRR', an amount of rain")
    if product not in AMOUNTS:
        raise BadField(f"product is {product!r}, should be one of {', '.join(AMOUNTS)}")
    begin, end = (stamp(what[f"{edge}date"], what[f"{edge}time"]) for edge in ("start", "end"))
    seconds = int((end - begin) / np.timedelta64(1, "s"))
    if seconds != INTERVAL_SECONDS:
        raise BadField(f"interval is {seconds} s, should be {INTERVAL_SECONDS} s")
    check_grid(attributes["where"])
    issue = stamp(attributes["what"]["date"], attributes["what"]["time"])
    if packed.shape != SHAPE:
        raise BadField(f"shape is {packed.shape}, should be {SHAPE}")
    amount = unpacked(packed, about)
    rate = (amount * (3600 / INTERVAL_SECONDS)).astype(np.float32)
    how = attributes.get("how", {})
    software = " ".join(str(how[part]) for part in ("software", "sw_version") if part in how)
    national = pad_to_national(rate, *ORIGINS[SHAPE])
    return Composite(product, issue, end - issue, national, NATIONAL_WGS84, software)


def unpacked(packed: NDArray[Any], about: Attributes) -> NDArray[np.float64]:
    """Amounts from packed numbers: nodata is NaN, undetect is 0, negatives are clipped."""
    amount: NDArray[np.float64] = packed * float(about["gain"]) + float(about["offset"])
    amount = np.maximum(amount, 0)
    amount[packed == about["undetect"]] = 0
    amount[packed == about["nodata"]] = np.nan
    return amount


def check_grid(where: Attributes) -> None:
    shape = (int(where["ysize"]), int(where["xsize"]))
    scale = (float(where["yscale"]), float(where["xscale"]))
    if shape != SHAPE or scale != (1000.0, 1000.0):
        raise BadField(f"grid is {shape} cells of {scale} m, should be {SHAPE} of (1000.0, 1000.0)")
    projection = where["projdef"]
    for place in ((10.0, 51.0), (3.6, 45.7), (18.7, 55.8)):
        x, y = projector(projection).transform(*place)
        national_x, national_y = projector(WGS84).transform(*place)
        top, left = ORIGINS[SHAPE]
        if abs(x - national_x - 1000 * left) > 1 or abs(y - national_y + 1000 * top) > 1:
            raise BadField(f"projection is {projection!r}, should be DE1200's, like {WGS84!r}")


def stamp(date: str, time: str) -> np.datetime64:
    return np.datetime64(datetime.strptime(date + time, "%Y%m%d%H%M%S"), "ns")  # noqa: DTZ007  UTC by the format
