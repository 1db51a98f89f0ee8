"""Frames in GeoTIFF files, one per file, whose name or tag states the time."""

import re
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from ingest.composites.found import Found, Layout, Options, Rates, projection_of
from ingest.errors import BadField

STAMP = re.compile(r"(?<!\d)(\d{8})[T_-]?(\d{2})[-:]?(\d{2})(?:[-:]?(\d{2}))?Z?(?!\d)")
"""A time in a name, such as 202106211205, 20210621_1205 or 20210621T120500Z."""
TAG = "TIFFTAG_DATETIME"


def frames_in(path: Path, options: Options) -> list[Found]:
    """Return the frame of a file.

    Raises:
        BadField: It is no GeoTIFF, or lacks what a composite needs; the message says what.
    """
    try:
        with rasterio.open(path) as file:
            if file.count != 1:
                raise BadField(f"has {file.count} bands, should have one: one frame per file")
            transform, crs, tag = file.transform, file.crs, file.tags().get(TAG, "")
            units, shape = file.units[0] or "", (file.height, file.width)
    except RasterioError as error:
        raise BadField(f"is no GeoTIFF ({error})") from error
    if transform.b or transform.d or transform.a <= 0:
        raise BadField("its rows do not run from west to east, should not be rotated or mirrored")
    if crs is None and not options.projection:
        raise BadField("states no projection; give it by --projection, such as EPSG:28992")
    wkt = projection_of(options.projection or crs.to_wkt()).to_wkt()
    is_turned = transform.e > 0
    north = transform.f + transform.e * shape[0] if is_turned else transform.f
    layout = Layout(wkt, transform.c, north, transform.a, abs(transform.e), shape)
    time = time_of(path.name, tag)
    read = partial(read_frame, path, is_turned)
    return [Found(time, path, layout, options.units or units, read, is_turned=is_turned)]


def time_of(name: str, tag: str = "") -> np.datetime64:
    """Return the time in the name of a file, or in its tag, UTC.

    Raises:
        BadField: There is none.
    """
    match = STAMP.search(name)
    text, layout = (tag, "%Y:%m:%d %H:%M:%S")
    if match:
        text, layout = "".join(part or "00" for part in match.groups()), "%Y%m%d%H%M%S"
    try:
        return np.datetime64(datetime.strptime(text, layout), "s")  # noqa: DTZ007  UTC by convention
    except ValueError as error:
        raise BadField(
            "states no time, in its name such as 20210621_1205 or by the tag DateTime"
        ) from error


def read_frame(path: Path, is_turned: bool) -> Rates:  # noqa: FBT001  bound by partial
    """Read the numbers (y, x) of a file, row 0 in the north, NaN for no data."""
    with rasterio.open(path) as file:
        raw = file.read(1, masked=True)
        scale, offset = file.scales[0], file.offsets[0]
    values = np.ma.filled(raw.astype(np.float32) * scale + offset, np.nan).astype(np.float32)
    return np.ascontiguousarray(values[::-1] if is_turned else values)
