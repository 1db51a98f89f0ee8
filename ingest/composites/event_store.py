"""Events as Zarr after the conventions of the MLCast data sets, where they fit.

    rainfall_rate   (time, y, x) float32, mm h-1, one chunk per frame, NaN for no data
    time            (time) int64, seconds since 1970-01-01, end of the interval, UTC, rising
    missing_times   (missing) int64, likewise: times of which there is no frame
    y, x            centres of rows (southward) and columns (eastward) in m
    lat, lon        (y, x) float32, degrees
    crs             CF grid mapping with crs_wkt and spatial_ref

Attributes: `license` (an SPDX identifier), `source`, `timestep_seconds`, `measured`. Conventions:
https://github.com/mlcast-community/mlcast-sourcedata-validator, version 1.0, which also asks for
cells of 1 km and three years: an event has what there is. Needs the extra `train`.
"""

import re
import shutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from ingest.composites.found import Rates
from ingest.errors import BadField, SourceUnavailable
from ingest.grid import Grid, coordinates
from ingest.precipitation import NAME, UNITS

if TYPE_CHECKING:
    from ingest.composites.series import Series

SUFFIX = ".zarr"
SECONDS = "seconds since 1970-01-01 00:00:00"
LICENCE = re.compile(r"[A-Za-z0-9.+-]{2,60}( (AND|OR|WITH) [A-Za-z0-9.+-]{2,60})*|LicenseRef-\S+")
"""SPDX identifiers and expressions of them."""
SAME_CELL = 1e-6


class EventFile(NamedTuple):
    """An event that was read.

    Attributes:
        times: Ends of the intervals (time,), UTC, rising.
        rates: (time, y, x) in mm/h, row 0 in the north, NaN for no data.
        grid: Of the cells.
        missing: Times of which there is no frame.
        about: Attributes of the file.
    """

    times: NDArray[np.datetime64]
    rates: Rates
    grid: Grid
    missing: NDArray[np.datetime64]
    about: Mapping[str, Any]


def zarr() -> Any:  # noqa: ANN401  a module
    """Import the package.

    Raises:
        SourceUnavailable: It is not installed.
    """
    try:
        return import_module("zarr")
    except ImportError as error:
        raise SourceUnavailable(
            "events are stored by zarr, which is not installed; install the extra: nowcast[train]"
        ) from error


def write_event(path: Path, series: "Series", licence: str, source: str) -> None:
    """Write an event; it has its name when it is complete.

    Args:
        path: To write, NAME.zarr.
        series: Its frames.
        licence: SPDX identifier of the licence of the data.
        source: Whom to credit, and the product.

    Raises:
        BadField: A frame is damaged or no rain, or the licence is no identifier.
        SourceUnavailable: There is something at the path, or zarr is not installed.
    """
    if path.suffix != SUFFIX:
        raise SourceUnavailable(f"{path} should end in {SUFFIX}")
    if path.exists():
        raise SourceUnavailable(f"{path} exists; remove it, or name another")
    if not LICENCE.fullmatch(licence):
        raise BadField(
            f"licence is {licence!r}, should be an identifier of https://spdx.org/licenses, such "
            "as CC-BY-4.0, or LicenseRef-NAME for another"
        )
    temporary = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        group = zarr().open_group(temporary, mode="w", zarr_format=3)
        fill(group, series, {"license": licence, "source": source})
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def fill(group: Any, series: "Series", about: Mapping[str, str]) -> None:  # noqa: ANN401  of zarr
    """Write coordinates, attributes and frames of a series to an empty group.

    Raises:
        BadField: A frame is damaged or no rain, or no cell has data.
    """
    grid, times = series.grid, series.times
    group.attrs.update(
        {
            "Conventions": "CF-1.11",
            "title": f"{source_name(about['source'])}: radar composites for nowcasting",
            "timestep_seconds": series.cadence,
            **about,
        }
    )
    whole = {"units": SECONDS, "calendar": "standard"}
    put(group, "time", times.astype(np.int64), ("time",), {"standard_name": "time", **whole})
    put(group, "missing_times", series.missing.astype(np.int64), ("missing",), whole)
    for name, variable in coordinates(grid).items():
        attributes = dict(variable.attrs)
        if name == "crs":
            wkt = CRS(grid.projection).to_wkt()
            attributes |= {"crs_wkt": wkt, "spatial_ref": wkt}
        put(group, str(name), variable.values, tuple(map(str, variable.dims)), attributes)
    rates = group.create_array(
        NAME,
        shape=(len(times), *grid.shape),
        chunks=(1, *grid.shape),
        dtype="float32",
        fill_value=np.nan,
        dimension_names=("time", "y", "x"),
        attributes={
            "standard_name": NAME,
            "long_name": "rainfall rate",
            "units": UNITS,
            "cell_methods": "time: mean",
            "grid_mapping": "crs",
            "coordinates": "lat lon",
        },
    )
    known = np.zeros(grid.shape, np.bool_)
    for number, rate in enumerate(series.rates()):
        known |= ~np.isnan(rate)
        rates[number] = rate
    if not known.any():
        raise BadField("no cell of any frame has data; check the files and their marks of no data")


def source_name(source: str) -> str:
    """Return the first part of a source, for titles."""
    return source.partition(",")[0].strip() or "unnamed source"


def put(
    group: Any,  # noqa: ANN401  of zarr
    name: str,
    values: NDArray[Any],
    dims: tuple[str, ...],
    attributes: Mapping[str, Any],
) -> None:
    """Write a small array of any shape with its dimensions and attributes."""
    array = group.create_array(
        name,
        shape=values.shape,
        chunks=tuple(max(size, 1) for size in values.shape),
        dtype=values.dtype,
        dimension_names=dims,
        attributes={key: value for key, value in attributes.items() if value is not None},
    )
    array[...] = values


def read_event(path: Path) -> EventFile:
    """Read an event.

    Raises:
        BadField: It is no such store, or damaged; the message says how.
        SourceUnavailable: Zarr is not installed.
    """
    package = zarr()
    try:
        group = package.open_group(path, mode="r")
        times = np.asarray(group["time"][:]).astype("datetime64[s]")
        missing = np.asarray(group["missing_times"][:]).astype("datetime64[s]")
        rates = np.asarray(group[NAME][:], np.float32)
        x, y = (np.asarray(group[axis][:], np.float64) for axis in ("x", "y"))
        wkt = str(group["crs"].attrs["crs_wkt"])
        about = dict(group.attrs)
    except Exception as error:  # zarr and its codecs raise several kinds of errors
        raise BadField(
            f"{path} is no event that can be read ({error!r}); import it again"
        ) from error
    if rates.shape != (len(times), len(y), len(x)) or len(times) < 2 or min(len(y), len(x)) < 2:
        raise BadField(f"{path} has {NAME} {rates.shape}, should be ({len(times)}, {len(y)}, ...)")
    if (np.diff(times) <= np.timedelta64(0)).any():
        raise BadField(f"{path} has times that do not rise; import it again")
    if group[NAME].attrs.get("units") != UNITS:
        raise BadField(f"{path} is in {group[NAME].attrs.get('units')!r}, should be {UNITS!r}")
    cell = float((x[-1] - x[0]) / (len(x) - 1))
    if cell <= 0 or abs(float(y[0] - y[-1]) / (len(y) - 1) / cell - 1) > SAME_CELL:
        raise BadField(f"{path} has no square cells from the north-west; import it again")
    grid = Grid(wkt, float(x[0]) - cell / 2, float(y[0]) + cell / 2, cell, (len(y), len(x)))
    return EventFile(times, rates, grid, missing, about)
