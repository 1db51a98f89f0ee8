"""Frames in files that importers of pysteps read, where it is installed."""

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ingest.composites.found import Found, Layout, Options, Rates, projection_of
from ingest.composites.geotiff_series import time_of
from ingest.errors import BadField


def frames_in(path: Path, options: Options) -> list[Found]:
    """Return the frame of a file, read by the importer that the options name.

    Raises:
        BadField: Pysteps is not installed, has no such importer, or does not read the file.
    """
    _, about = imported(path, options.importer)
    wkt = projection_of(options.projection or str(about["projection"])).to_wkt()
    rows, columns = about["shape"]
    width, height = (about["x2"] - about["x1"]) / columns, (about["y2"] - about["y1"]) / rows
    layout = Layout(wkt, about["x1"], about["y2"], width, height, (rows, columns))
    units = options.units or str(about.get("unit") or "")
    read = partial(read_frame, path, options.importer)
    minutes = float(about.get("accutime") or 0)
    is_turned = about.get("yorigin") == "lower"
    return [Found(time_of(path.name), path, layout, units, read, minutes, is_turned)]


def imported(path: Path, importer: str) -> tuple[Rates, dict[str, Any]]:
    """Return the numbers (y, x) and the metadata of a file.

    Raises:
        BadField: Pysteps is not installed, has no such importer, or does not read the file.
    """
    try:
        method = import_module("pysteps.io").get_method(importer, "importer")
    except ImportError as error:
        raise BadField("needs pysteps, which is not installed; `pip install pysteps`") from error
    except ValueError as error:
        raise BadField(f"pysteps has no importer {importer!r}: {error}") from error
    try:
        values, _, about = method(str(path))
    except Exception as error:  # importers raise anything
        raise BadField(f"pysteps' {importer} does not read it ({error})") from error
    return np.asarray(values, np.float32), {**about, "shape": np.shape(values)}


def read_frame(path: Path, importer: str) -> Rates:
    """Read the numbers (y, x) of a file, row 0 in the north, NaN for no data."""
    values, about = imported(path, importer)
    if about.get("transform") == "dB" and about.get("unit") != "dBZ":
        values = np.power(10, values / 10, dtype=np.float32)
    return np.ascontiguousarray(values[::-1] if about.get("yorigin") == "lower" else values)
