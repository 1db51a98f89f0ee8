"""Parses uploaded frames, from the body of a request to a validated field.

Untrusted content is decoded by a process of its own (`ingest.formats.sandbox`); here it is checked
as a precipitation field.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError
from xarray import DataArray, Variable

from ingest.errors import BadField
from ingest.formats.netcdf_classic import check_size
from ingest.formats.sandbox import READ_SECONDS, parse_untrusted
from ingest.grid import (
    MODEL_FACTOR,
    NATIONAL_SPHERE,
    NATIONAL_WGS84,
    Grid,
    coordinates,
    grid_mapping,
    known_grid,
    to_model_grid,
    with_places,
)
from ingest.precipitation import (
    INTERVAL,
    NAME,
    SIMULATED,
    UNITS,
    UPLOADED,
    attributes,
    check,
    check_range,
    stamps,
)
from ingest.units import is_mm_per_hour
from service.errors import QueueFull

JSON, NETCDF = "application/json", "application/x-netcdf"
"""Media types of uploaded frames."""
PARALLEL_UPLOADS = BoundedSemaphore(2)
"""Limit of uploads decoded in parallel; each can take a gigabyte of memory."""
GRIDS = {"sphere": NATIONAL_SPHERE, "wgs84": NATIONAL_WGS84}
"""Grids of German composites, and their blocks of 5 x 5 cells. The default in JSON is WGS84."""
SMALLEST, LARGEST = 32, 90_000
"""Fewest cells along a side and most cells in all, of other grids."""
EARLIEST, LATEST = np.datetime64("1900-01-01"), np.datetime64("2200-01-01")
"""Allowed times of frames."""
EVEN = 1e-3
"""Tolerated deviation from an even grid, as a fraction of a cell."""
PROJECTION = re.compile(
    r"EPSG:\d{4,6}|(\+(proj|lat_[012]|lat_ts|lon_0|lonc|k|k_0|x_0|y_0|a|b|R|rf|ellps|datum|units"
    r"|zone|south|alpha|gamma|h|sweep|no_defs|type)(=[\w.+-]{1,30})?(\s+|$)){1,20}"
)
"""EPSG codes and PROJ strings without the parameters that open files."""


def read(data: bytes, media: str) -> DataArray:
    """Return the frames in the body of a request.

    JSON is {"frames": {"times": [...], "rainfall_rate": [[[...]]], "grid": {...}}}: times as ISO
    8601, in UTC if without a zone; mm/h by frame, row from the north and column from the west,
    null for no data; the grid {"name": ...}, one of `GRIDS`, or {"x": [...], "y": [...],
    "projection": ...}, centres in m and a PROJ string or EPSG code. netCDF is CF, with a variable
    `rainfall_rate` (time, y, x) in mm/h, x and y in m, and a grid mapping where the grid is not one
    of `GRIDS`.

    Args:
        data: Body of the request.
        media: application/json; any other media type is taken for netCDF.

    Returns:
        (time, y, x) float32 in mm/h, NaN for no data, 2 to 24 frames, oldest first: on the 5 km
        grid of the models if they come on the national grid or on that, else on their own. Its
        attribute `model` is the model named in JSON, if any.

    Raises:
        BadField: The frames are invalid; the message says what is and what should be.
        NotRead: The machine is too busy to read them now.
        QueueFull: Too many uploads are being read.
    """
    if media != JSON:
        check_size(data)
    if not PARALLEL_UPLOADS.acquire(timeout=READ_SECONDS):
        raise QueueFull("too many uploads are being read; send it again later")
    try:
        ((about, rates),) = parse_untrusted("json" if media == JSON else "netcdf", data)
    finally:
        PARALLEL_UPLOADS.release()
    return field_of(about, rates)


def field_of(about: Mapping[str, Any], rates: NDArray[np.float32]) -> DataArray:
    """Return the field of rates (time, y, x) in mm/h and metadata of their file; see `read`.

    Raises:
        BadField: Units, times, grid or rates are invalid.
    """
    if not is_mm_per_hour(about.get("units", UNITS)):
        raise BadField(f"units are {about['units'][:40]!r}, should be {UNITS!r}")
    field = DataArray(
        rates.copy(),
        dims=("time", "y", "x"),
        coords={"time": stamps(times_of(about["times"], len(rates)))},
        name=NAME,
        attrs=attributes("upload", SIMULATED if about.get("source") == SIMULATED else UPLOADED),
    )
    if about.get("model"):
        field.attrs["model"] = about["model"]
    field = check(placed(field, about))
    for rate in rates:
        check_range(rate)
    return to_model_grid(field) if field.shape[1:] == NATIONAL_SPHERE.shape else field


def times_of(texts: list[str], number: int) -> NDArray[np.datetime64]:
    """Parse the times of frames as an array (time,) in UTC.

    Raises:
        BadField: Their number, format or order is wrong.
    """
    if len(texts) != number:
        raise BadField(f"there are {len(texts)} times for {number} frames, should be {number}")
    try:
        moments = [datetime.fromisoformat(text) for text in texts]
    except ValueError as error:
        raise BadField(f"times should be as 2026-06-21T22:30:00Z ({error})") from error
    utc = [time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time for time in moments]
    times = np.array(utc, "datetime64[us]")
    if not (np.diff(times) > np.timedelta64(0)).all():
        raise BadField(f"times are {', '.join(texts)}, should rise")
    if times[0] < EARLIEST or times[-1] >= LATEST or ((times - EARLIEST) % INTERVAL).any():
        raise BadField(
            f"times are {', '.join(texts)}, should be whole multiples of 5 minutes from "
            f"{EARLIEST} to {LATEST}"
        )
    return times.astype("datetime64[ns]")


def placed(field: DataArray, about: Mapping[str, Any]) -> DataArray:
    """Return the field (time, y, x) with the coordinates of its grid.

    Raises:
        BadField: The grid is invalid.
    """
    grid = about["grid"]
    if not {"x", "y"} & grid.keys():
        return field.assign_coords(coordinates(named(grid.get("name", "wgs84"), field.shape[1:])))
    if not about.get("metres", True):
        raise BadField("units of x and y should be 'm'")
    axes = {name: axis(grid.get(name, []), name, field.sizes[name]) for name in ("y", "x")}
    field = field.assign_coords(axes)
    if known_grid(field) is not None:
        return with_places(field)
    rows, columns = field.shape[1:]
    if min(rows, columns) < SMALLEST or rows * columns > LARGEST:
        raise BadField(
            f"frames have {rows} x {columns} cells on a grid of their own, should have at least "
            f"{SMALLEST} along each side and at most {LARGEST} in all"
        )
    height, width = (
        float(abs(np.diff(centres.values[[0, -1]])[0]) / (centres.size - 1))
        for centres in axes.values()
    )
    if not np.isclose(height, width, rtol=EVEN):
        raise BadField(f"cells are {height:g} x {width:g} m, should be squares")
    return field.assign_coords(crs=Variable((), np.int32(0), mapping_of(grid, about)))


def named(name: str, shape: tuple[int, ...]) -> Grid:
    """Return a grid of German composites by its name and shape.

    Raises:
        BadField: There is no such grid.
    """
    if name not in GRIDS:
        raise BadField(f"grid is {name[:40]!r}, should be one of {', '.join(GRIDS)}")
    grids = (GRIDS[name], GRIDS[name].coarser(MODEL_FACTOR))
    for grid in grids:
        if grid.shape == shape:
            return grid
    raise BadField(
        f"frames have {shape[0]} x {shape[1]} cells, on the grid {name!r} they should have "
        f"{' or '.join(f'{grid.shape[0]} x {grid.shape[1]}' for grid in grids)}; "
        f"for another grid give x, y and projection"
    )


def axis(centres: list[float], name: str, size: int) -> Variable:
    """Return the coordinate x or y in m from cell centres.

    Raises:
        BadField: The centres are not evenly spaced, or x does not run eastward.
    """
    values = np.array(centres, np.float64)
    if values.shape != (size,) or size < 2:
        raise BadField(f"{name} has {values.size} values, should have {size}, and at least 2")
    step = (values[-1] - values[0]) / (size - 1)
    even = values[0] + step * np.arange(size)
    if not (np.isfinite(step) and np.abs(values - even).max() <= EVEN * abs(step)):
        raise BadField(f"{name} should be in even steps")
    if name == "x" and step < 0:
        raise BadField("columns run from east to west, should run from west to east")
    about = {"standard_name": f"projection_{name}_coordinate", "units": "m", "axis": name.upper()}
    return Variable(name, values, about)


def mapping_of(grid: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, str | float]:
    """Return the CF grid mapping of a projection in m, from a PROJ string or from CF attributes.

    Raises:
        BadField: The projection is unknown or not in m.
    """
    try:
        if "projection" in grid:
            projection = grid["projection"]
            if not PROJECTION.fullmatch(projection[:1000]):
                raise BadField(
                    f"projection is {projection[:100]!r}, should be such as 'EPSG:3035' or "
                    f"'+proj=laea +lat_0=52 +lon_0=10 +ellps=GRS80 +units=m'"
                )
            crs = CRS.from_user_input(projection)
        else:
            # WKT is not trusted; the numeric attributes define the projection.
            numbers = {
                k: v
                for k, v in about.get("mapping", {}).items()
                if k not in ("crs_wkt", "spatial_ref")
            }
            crs = CRS.from_cf(numbers)
        metres = [axis.unit_name for axis in crs.axis_info] == ["metre", "metre"]
        if not crs.is_projected or not metres:
            raise BadField(f"projection is {crs.name[:100]!r}, should be a plane in m")
        return grid_mapping(crs.to_wkt())
    except (CRSError, KeyError, TypeError, ValueError) as error:
        raise BadField(
            f"the grid has no projection that is known ({str(error)[:200]}); give it as CF has it, "
            f"in JSON as a PROJ string or EPSG code"
        ) from error
