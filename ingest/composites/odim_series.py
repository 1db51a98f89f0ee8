"""Frames in ODIM HDF5 composites on grids of their own, one per file."""

from functools import partial
from pathlib import Path

import numpy as np
from pyproj import Transformer

from ingest.composites.found import Found, Layout, Options, Rates, projection_of
from ingest.errors import BadField
from ingest.formats import odim
from ingest.formats.odim_grid import corners_of, scales_of
from ingest.formats.sandbox import parse_untrusted
from ingest.grid import geographic

UNITS = {"RATE": "mm h-1", "ACRR": "mm", "DBZH": "dBZ"}
CLOSE_CELLS = 1.0
"""By how many cells the corners of a composite may differ from its size."""


def frames_in(path: Path, options: Options) -> list[Found]:
    """Return the frame of a file.

    Raises:
        BadField: It is no ODIM composite of rain; the message says what it lacks.
        NotRead: The machine is too busy to read it now.
    """
    ((about, packed),) = parse_untrusted("odim", path.read_bytes())
    groups = about["attributes"]
    try:
        what, where = groups["dataset1/what"], groups["where"]
        odim.check_kind(groups["what"], what)
        quantity = str(groups["dataset1/data1/what"]["quantity"])
        if quantity not in UNITS:
            raise BadField(f"quantity is {quantity!r}, should be one of {', '.join(UNITS)}")
        begin, end = (odim.stamp(what[f"{e}date"], what[f"{e}time"]) for e in ("start", "end"))
    except KeyError as error:
        raise BadField(f"lacks the attribute {error} of an ODIM composite") from error
    layout = layout_of(where, packed.shape, options.projection)
    minutes = float((end - begin) / np.timedelta64(60, "s"))
    units = options.units or UNITS[quantity]
    return [Found(end, path, layout, units, partial(read_frame, path), minutes)]


def layout_of(where: odim.Attributes, shape: tuple[int, ...], projection: str) -> Layout:
    """Return where the cells of a composite lie, which begins in the north by the format.

    Raises:
        BadField: The grid is not described completely, or its corners do not fit.
    """
    crs = projection_of(projection or str(where.get("projdef", "")))
    height, width = scales_of(where)
    rows, columns = shape
    to_metres = Transformer.from_crs(geographic(crs.to_wkt()), crs, always_xy=True)
    (west, north), (east, south) = (to_metres.transform(*c) for c in corners_of(where))
    off = max(
        abs((east - west) / width - columns),
        abs((north - south) / height - rows),
    )
    if not off <= CLOSE_CELLS:
        raise BadField(
            f"its corners are {(east - west) / 1000:.1f} x {(north - south) / 1000:.1f} km apart "
            f"in its projection, should be {columns * width / 1000:.1f} x "
            f"{rows * height / 1000:.1f} km; check --projection"
        )
    return Layout(crs.to_wkt(), west, north, width, height, (rows, columns))


def read_frame(path: Path) -> Rates:
    """Read the numbers (y, x) of a file, 0 or -999 dBZ where there is no echo, NaN for no data."""
    ((about, packed),) = parse_untrusted("odim", path.read_bytes())
    what = about["attributes"]["dataset1/data1/what"]
    gain, offset = odim.number(what, "gain"), odim.number(what, "offset")
    nodata, undetect = odim.number(what, "nodata"), odim.number(what, "undetect")
    odim.check_marks(nodata, undetect, packed.dtype)
    values = (packed * gain + offset).astype(np.float32)
    values[packed == undetect] = -999 if what["quantity"] == "DBZH" else 0
    values[(packed == nodata) | np.isnan(packed)] = np.nan
    return values
