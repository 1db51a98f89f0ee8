"""ODIM HDF5 composites of DWD on the grid DE1200, 1200 x 1100 cells on WGS84.

Format: Michelson et al. (2021), EUMETNET OPERA weather radar information model for implementation
with the HDF5 file format, version 2.4. wradlib leaves -0.001 mm where nothing was detected, so the
numbers are unpacked here: no echo is 0, no data is NaN. The national grid is the window of whole
cells that begins at row 150, column 20.
"""

from datetime import datetime
from io import BytesIO
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ingest.errors import BadField
from ingest.grid import NATIONAL_WGS84, WGS84, pad_to_national, projector
from ingest.radolan import AMOUNTS, INTERVAL_SECONDS, ORIGINS, Composite

SHAPE = (1200, 1100)
MAGIC = b"\x89HDF\r\n\x1a\n"


def decode(data: bytes) -> Composite:
    """A composite from the bytes of an ODIM HDF5 file.

    Raises:
        BadField: The bytes are not a whole 5-minute precipitation composite on DE1200.
    """
    try:
        with h5py.File(BytesIO(data), "r") as file:
            return composite(file)
    except BadField:
        raise
    except Exception as error:  # a decoder may raise anything on hostile bytes
        raise BadField(
            f"{len(data)} bytes of HDF5 are no whole ODIM composite "
            f"({type(error).__name__}: {error}); fetch the file again"
        ) from error


def composite(file: h5py.File) -> Composite:
    what, where = file["dataset1/what"].attrs, file["where"].attrs
    about = file["dataset1/data1/what"].attrs
    quantity, product = text(about["quantity"]), text(what["prodname"])[:2]
    if quantity != "ACRR":
        raise BadField(f"quantity is {quantity!r}, should be 'ACRR', an amount of rain")
    if product not in AMOUNTS:
        raise BadField(f"product is {product!r}, should be one of {', '.join(AMOUNTS)}")
    begin, end = (stamp(what[f"{edge}date"], what[f"{edge}time"]) for edge in ("start", "end"))
    seconds = int((end - begin) / np.timedelta64(1, "s"))
    if seconds != INTERVAL_SECONDS:
        raise BadField(f"interval is {seconds} s, should be {INTERVAL_SECONDS} s")
    check_grid(where)
    issue = stamp(file["what"].attrs["date"], file["what"].attrs["time"])

    packed = file["dataset1/data1/data"][...]
    if packed.shape != SHAPE:
        raise BadField(f"shape is {packed.shape}, should be {SHAPE}")
    amount = unpacked(packed, about)
    rate = (amount * (3600 / INTERVAL_SECONDS)).astype(np.float32)
    how = file["how"].attrs if "how" in file else {}
    software = " ".join(text(how[part]) for part in ("software", "sw_version") if part in how)
    national = pad_to_national(rate, *ORIGINS[SHAPE])
    return Composite(product, issue, end - issue, national, NATIONAL_WGS84, software)


def unpacked(packed: NDArray[Any], about: h5py.AttributeManager) -> NDArray[np.float64]:
    """Amounts from packed numbers: nodata is NaN, undetect is 0, negatives are clipped."""
    amount: NDArray[np.float64] = packed * float(about["gain"]) + float(about["offset"])
    amount = np.maximum(amount, 0)
    amount[packed == about["undetect"]] = 0
    amount[packed == about["nodata"]] = np.nan
    return amount


def check_grid(where: h5py.AttributeManager) -> None:
    shape = (int(where["ysize"]), int(where["xsize"]))
    scale = (float(where["yscale"]), float(where["xscale"]))
    if shape != SHAPE or scale != (1000.0, 1000.0):
        raise BadField(f"grid is {shape} cells of {scale} m, should be {SHAPE} of (1000.0, 1000.0)")
    projection = text(where["projdef"])
    for place in ((10.0, 51.0), (3.6, 45.7), (18.7, 55.8)):
        x, y = projector(projection).transform(*place)
        national_x, national_y = projector(WGS84).transform(*place)
        top, left = ORIGINS[SHAPE]
        if abs(x - national_x - 1000 * left) > 1 or abs(y - national_y + 1000 * top) > 1:
            raise BadField(f"projection is {projection!r}, should be DE1200's, like {WGS84!r}")


def text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def stamp(date: bytes | str, time: bytes | str) -> np.datetime64:
    return np.datetime64(datetime.strptime(text(date) + text(time), "%Y%m%d%H%M%S"), "ns")  # noqa: DTZ007  UTC by the format
