"""Frames in CF netCDF files: a variable (time, y, x) or (y, x), coordinates and a projection."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from ingest.composites.found import Found, Layout, Options, Rates, edges, projection_of
from ingest.composites.quantities import is_of_rain
from ingest.errors import BadField

STANDARD_NAMES = (
    "rainfall_rate",
    "precipitation_rate",
    "lwe_precipitation_rate",
    "rainfall_flux",
    "precipitation_flux",
    "rainfall_amount",
    "precipitation_amount",
    "lwe_thickness_of_precipitation_amount",
    "equivalent_reflectivity_factor",
)
"""Of the variable, in the order in which they are preferred."""
ROW_NAMES, COLUMN_NAMES = (
    ("y", "lat", "latitude", "yc", "northing"),
    (
        "x",
        "lon",
        "longitude",
        "xc",
        "easting",
    ),
)
KILOMETRES = ("km", "kilometer", "kilometers", "kilometre", "kilometres")
DEGREES = ("degree", "degrees")
REFERENCES = ("bounds", "coordinates", "grid_mapping", "ancillary_variables", "cell_measures")
"""Attributes by which a variable refers to others."""
CLOSE_CELLS = 1.0
"""Cells up to which latitudes and longitudes in a file may differ from its projection."""


def frames_in(path: Path, options: Options) -> list[Found]:
    """Return the frames of a file in the order of the file.

    Raises:
        BadField: It is not netCDF, or lacks what a composite needs; the message says what.
    """
    try:
        with netCDF4.Dataset(path) as file:
            return described(path, file, options)
    except OSError as error:
        raise BadField(f"is no netCDF file ({error})") from error


def described(path: Path, file: netCDF4.Dataset, options: Options) -> list[Found]:
    """Return the frames of an open file; see `frames_in`."""
    rain = variable_of(file, options.variable)
    layout, is_turned = layout_of(file, rain, options)
    units = options.units or str(getattr(rain, "units", ""))
    times = times_of(file, rain)
    name = rain.name
    read = partial(read_frame, path, name, is_turned)
    numbers = range(len(times)) if len(rain.dimensions) == 3 else [None]
    return [
        Found(time, path, layout, units, partial(read, number), 0.0, is_turned, name)
        for time, number in zip(times, numbers, strict=True)
    ]


def variable_of(file: netCDF4.Dataset, name: str) -> "netCDF4.Variable[Any]":
    """Return the variable of rain: by name, by its standard name, or the only one that can be rain.

    Raises:
        BadField: There is none, there are several, or it is not (time, y, x) or (y, x).
    """
    fields = {n: v for n, v in file.variables.items() if len(v.dimensions) in (2, 3)}
    known = {getattr(v, "standard_name", n): n for n, v in fields.items()}
    standard = (known[s] for s in STANDARD_NAMES if s in known)
    possible = possible_rain(file, fields)
    only = possible[0] if len(possible) == 1 else ""
    chosen = name or next(standard, only)
    if chosen not in file.variables:
        found = ", ".join((possible or list(file.variables))[:20])
        raise BadField(
            f"holds {found or 'nothing'}"
            + (", each of which can be rain" if possible else "")
            + "; which is the rain, by --variable?"
        )
    if chosen not in fields:
        dims = file.variables[chosen].dimensions
        raise BadField(f"{chosen} has dimensions {dims}, should have (time, y, x) or (y, x)")
    return fields[chosen]


def possible_rain(
    file: netCDF4.Dataset, fields: Mapping[str, "netCDF4.Variable[Any]"]
) -> list[str]:
    """Names of the variables that can be rain: those in units of rain, else those without units.

    Coordinates, bounds and what other variables refer to are none, nor is what states another
    standard name or other units.
    """
    referred = {
        name
        for variable in file.variables.values()
        for attribute in REFERENCES
        for name in str(getattr(variable, attribute, "")).replace(":", " ").split()
    }
    found = {
        name: str(getattr(variable, "units", ""))
        for name, variable in fields.items()
        if name not in {*file.dimensions, *referred}
        and not hasattr(variable, "standard_name")
        and np.issubdtype(variable.dtype, np.number)
    }
    in_units = [name for name, units in found.items() if is_of_rain(units)]
    return in_units or [name for name, units in found.items() if not units]


def layout_of(
    file: netCDF4.Dataset, rain: "netCDF4.Variable[Any]", options: Options
) -> tuple[Layout, bool]:
    """Return where the cells lie, and whether the file begins in the south.

    Raises:
        BadField: Coordinates or projection are missing, or contradict each other.
    """
    rows, columns = rain.dimensions[-2:]
    if rows not in file.variables or columns not in file.variables:
        raise BadField(
            f"has no coordinates {rows} and {columns} of {rain.name}, should have the centres of "
            "its rows and columns"
        )
    (y, y_unit), (x, x_unit) = (centres(file.variables[name]) for name in (rows, columns))
    if rows.lower() in COLUMN_NAMES and columns.lower() in ROW_NAMES:
        raise BadField(f"{rain.name} is ({rows}, {columns}), should be (y, x): transpose it")
    is_geographic = y_unit.startswith(DEGREES) and x_unit.startswith(DEGREES)
    crs = crs_of(file, rain, options, is_geographic=is_geographic)
    south, height, falls = edges(y, rows)
    west, width, is_mirrored = edges(x, columns)
    if is_mirrored:
        raise BadField(f"coordinate {columns} falls, should rise from west to east")
    north = south + height * len(y)
    layout = Layout(crs.to_wkt(), west, north, width, height, (len(y), len(x)))
    check_places(file, layout, turned=not falls)
    return layout, not falls


def centres(variable: "netCDF4.Variable[Any]") -> tuple[NDArray[np.float64], str]:
    """Return a coordinate (number,) in m or degrees, and its unit."""
    values = np.ma.filled(np.ma.asarray(variable[...], np.float64), np.nan)
    unit = str(getattr(variable, "units", "")).lower()
    return (values * 1000, "m") if unit in KILOMETRES else (values, unit)


def crs_of(
    file: netCDF4.Dataset, rain: "netCDF4.Variable[Any]", options: Options, *, is_geographic: bool
) -> CRS:
    """Return the projection by the option, by the file's grid mapping, or by its units.

    Raises:
        BadField: There is none.
    """
    if options.projection:
        return projection_of(options.projection)
    mapping = file.variables.get(str(getattr(rain, "grid_mapping", "")).split(":")[0])
    if mapping is not None:
        about = {name: mapping.getncattr(name) for name in mapping.ncattrs()}
        for name in ("crs_wkt", "spatial_ref", "proj4_params", "proj4"):
            if about.get(name):
                return projection_of(str(about[name]))
        try:
            return CRS.from_cf(about)
        except Exception as error:  # pyproj raises several kinds of errors
            raise BadField(
                f"grid mapping {mapping.name} is not understood ({error}); give --projection"
            ) from error
    if is_geographic:
        return CRS("EPSG:4326")
    raise BadField(
        f"{rain.name} has no grid_mapping, so that nobody knows where its cells lie; give "
        "--projection, such as EPSG:28992"
    )


def check_places(file: netCDF4.Dataset, layout: Layout, *, turned: bool) -> None:
    """Compare latitudes and longitudes (y, x) of a file with its projection.

    Raises:
        BadField: They differ: the projection is wrong, or rows run the other way.
    """
    lat, lon = (
        next((file.variables[n] for n in names if n in file.variables), None)
        for names in (("lat", "latitude"), ("lon", "longitude"))
    )
    if lat is None or lon is None or lat.shape != layout.shape or lon.shape != layout.shape:
        return
    row, column = layout.shape[0] - 1 if turned else 0, 0
    stated = float(lon[row, column]), float(lat[row, column])
    crs = CRS(layout.wkt)
    to_metres = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    x, y = to_metres.transform(*stated)
    right, down = (x - layout.west) / layout.width, (layout.north - y) / layout.height
    if not (abs(right - 0.5) <= CLOSE_CELLS and abs(down - 0.5) <= CLOSE_CELLS):
        raise BadField(
            f"its north-western cell lies at {stated[0]:.3f} E, {stated[1]:.3f} N by its latitudes "
            f"and longitudes, {right - 0.5:.1f} cells east and {down - 0.5:.1f} cells south of "
            "where its projection and coordinates put it; check --projection and its rows"
        )


def times_of(file: netCDF4.Dataset, rain: "netCDF4.Variable[Any]") -> list[np.datetime64]:
    """Return the times of the frames, UTC.

    Raises:
        BadField: There are none, or they cannot be read.
    """
    dimension = rain.dimensions[0] if len(rain.dimensions) == 3 else "time"
    found = file.variables.get(dimension)
    if found is None or not hasattr(found, "units"):
        raise BadField(f"has no coordinate {dimension} with units, should state the time of frames")
    numbers, calendar = found[...], getattr(found, "calendar", "standard")
    if np.ma.is_masked(numbers) or not np.isfinite(numbers).all():
        raise BadField(f"coordinate {dimension} lacks values, should have the time of each frame")
    try:
        moments: Any = netCDF4.num2date(
            numbers,
            str(found.units),
            calendar,
            only_use_cftime_datetimes=False,
            only_use_python_datetimes=True,
        )
    except (ValueError, TypeError, OverflowError) as error:
        raise BadField(
            f"coordinate {dimension} has units {found.units!r} in the calendar {calendar!r}, which "
            f"give no times ({error}); should be like 'seconds since 1970-01-01', standard"
        ) from error
    return [np.datetime64(moment, "s") for moment in np.atleast_1d(moments)]


def read_frame(path: Path, name: str, is_turned: bool, number: int | None) -> Rates:  # noqa: FBT001  bound by partial
    """Read a frame (y, x), row 0 in the north, NaN for no data."""
    with netCDF4.Dataset(path) as file:
        variable = file.variables[name]
        raw = variable[...] if number is None else variable[number]
    values = np.ma.filled(np.ma.asarray(raw, np.float32), np.nan)
    return np.ascontiguousarray(values[::-1] if is_turned else values)
