"""From geometries to cells of a field."""

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from shapely import Geometry
from xarray import DataArray

from ingest.errors import OutsideGrid
from ingest.grid import outside
from service.api.edr.crs import CRS84, ReferenceSystem, from_radar, to_radar
from service.errors import BadPlace, BadQuery

LONGEST_WKT = 20_000
"""Longest text of a geometry, in characters."""
EXAMPLES = {
    "Point": "POINT(13.41 52.52)",
    "Polygon": "POLYGON((13 52,14 52,14 53,13 53,13 52))",
    "LineString": "LINESTRING(13.0 52.4,13.8 52.6)",
}
"""WKT of the first type that a query takes."""
METRES = {"m": 1.0, "meter": 1.0, "metre": 1.0, "meters": 1.0, "metres": 1.0, "km": 1000.0,
          "kilometer": 1000.0, "kilometre": 1000.0, "kilometers": 1000.0, "kilometres": 1000.0,
          "mi": 1609.344, "mile": 1609.344, "miles": 1609.344}  # fmt: skip
"""Units of distance in m."""
EARTH = Geod(ellps="WGS84")


class Cells(NamedTuple):
    """Some cells of a field.

    Attributes:
        rows, columns: Their indices.
        x, y: Their centres in the system of the query.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    x: NDArray[np.float64]
    y: NDArray[np.float64]

    def only(self, wanted: slice | NDArray[np.bool_]) -> "Cells":
        """Some of the cells (cell,)."""
        return Cells(self.rows[wanted], self.columns[wanted], self.x[wanted], self.y[wanted])


def parse_wkt(text: str, *types: str) -> Geometry:
    """A geometry of one of some types, from WKT of any writer; heights are ignored.

    Polygons of a MULTIPOLYGON may touch or overlap: they are one area.

    Raises:
        BadPlace: It is none of them.
    """
    names = " or ".join(name.upper() for name in types)
    example = f"coords is {text[:80]!r}, should be a {names} in WKT, such as {EXAMPLES[types[0]]}"
    if len(text) > LONGEST_WKT:
        raise BadPlace(f"coords has {len(text)} characters, should have at most {LONGEST_WKT}")
    if not text.isascii() or not all(sign.isprintable() or sign.isspace() for sign in text):
        raise BadPlace(example)
    try:
        with np.errstate(all="ignore"):
            geometry = shapely.from_wkt(text)
    except (shapely.errors.GEOSException, NotImplementedError):  # a curve
        raise BadPlace(example) from None
    if geometry is None or geometry.geom_type not in types or geometry.is_empty:
        raise BadPlace(example)
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        raise BadPlace(example)
    return one_area(geometry) if geometry.geom_type == "MultiPolygon" else geometry


def one_area(polygons: Geometry) -> Geometry:
    """A MULTIPOLYGON whose polygons may touch or overlap as a valid geometry."""
    parts = shapely.get_parts(polygons)
    if polygons.is_valid or not shapely.is_valid(parts).all():
        return polygons
    return shapely.union_all(parts)


def indices(
    field: DataArray, system: ReferenceSystem, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the cells of (..., y, x) that hold points; -1 outside the grid."""
    return cell_numbers(field, *to_radar(field, system, x, y))


def cell_numbers(
    field: DataArray, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the cells of (..., y, x) that hold points in its projection, in m.

    They are -1 outside the grid.
    """
    found = []
    inside = np.ones(np.shape(x), dtype=bool)
    for name, at_axis in (("x", x), ("y", y)):
        centres = field[name].values
        step = (centres[-1] - centres[0]) / max(len(centres) - 1, 1)
        with np.errstate(invalid="ignore", over="ignore"):
            number = np.floor((at_axis - centres[0]) / step + 0.5)
            inside &= np.isfinite(number) & (number >= 0) & (number < len(centres))
        found.append(number)
    columns, rows = (np.where(inside, number, -1).astype(np.intp) for number in found)
    return rows, columns


def cells_at_points(field: DataArray, system: ReferenceSystem, geometry: Geometry) -> Cells:
    """The cells of a field (..., y, x) that hold the points of a geometry, one for each.

    Raises:
        OutsideGrid: A point lies outside the grid.
    """
    x, y = shapely.get_coordinates(geometry).T
    rows, columns = indices(field, system, x, y)
    if (rows < 0).any():
        index = int(np.argmax(rows < 0))
        raise outside_grid(field, system, float(x[index]), float(y[index]))
    return with_centres(field, system, rows, columns)


def outside_grid(field: DataArray, system: ReferenceSystem, x: float, y: float) -> OutsideGrid:
    """The error of a point outside the grid of a field (..., y, x)."""
    if system.is_geographic:
        return OutsideGrid(outside(field, x, y))
    west, east = float(field.x.min()), float(field.x.max())
    return OutsideGrid(
        f"the point {x:g} {y:g} in {system.name} lies outside the grid, whose cells have their "
        f"centres from {west:.0f} to {east:.0f} m eastward and from {float(field.y.min()):.0f} to "
        f"{float(field.y.max()):.0f} m northward in the projection of the radar"
    )


def with_centres(
    field: DataArray, system: ReferenceSystem, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> Cells:
    """Cells of a field (..., y, x) by their indices (cell,), with their centres in a system."""
    x, y = from_radar(field, system, field.x.values[columns], field.y.values[rows])
    return Cells(rows, columns, x, y)


def all_cells(field: DataArray, system: ReferenceSystem) -> Cells:
    """All cells of a field (..., y, x), row by row."""
    rows, columns = np.divmod(np.arange(field.shape[-2] * field.shape[-1]), field.shape[-1])
    return with_centres(field, system, rows, columns)


def cells_within(field: DataArray, system: ReferenceSystem, area: Geometry) -> Cells:
    """The cells of a field (..., y, x) whose centres lie in an area, or that of its middle.

    Raises:
        BadPlace: The area crosses itself.
        OutsideGrid: The area lies outside the grid.
    """
    if not area.is_valid:
        raise BadPlace(f"coords is no valid area: {shapely.is_valid_reason(area)[:100]}")
    cells = all_cells(field, system)
    shapely.prepare(area)
    inside = shapely.contains_xy(area, cells.x, cells.y)
    if not inside.any():
        return cells_at_points(field, system, area.representative_point())
    return cells.only(inside)


def cells_around(
    field: DataArray, system: ReferenceSystem, point: Geometry, within: float
) -> Cells:
    """The cell of a field (..., y, x) that holds a point, and those within a distance in m.

    Raises:
        OutsideGrid: The point lies outside the grid.
    """
    middle = cells_at_points(field, CRS84 if system.is_geographic else system, point)
    longitude, latitude = (
        shapely.get_coordinates(point)[0]
        if system.is_geographic
        else np.ravel(degrees_of(field, system, point))
    )
    degrees = all_cells(field, CRS84)
    number = len(degrees.x)
    _, _, distance = EARTH.inv(
        np.full(number, longitude), np.full(number, latitude), degrees.x, degrees.y
    )
    near = np.asarray(distance) <= within
    near[middle.rows[0] * field.shape[-1] + middle.columns[0]] = True
    return with_centres(field, system, degrees.rows[near], degrees.columns[near])


def degrees_of(
    field: DataArray, system: ReferenceSystem, point: Geometry
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude (1,) of a point in another system."""
    x, y = shapely.get_coordinates(point).T
    return from_radar(field, CRS84, *to_radar(field, system, x, y))


def distance_in_metres(within: str, units: str) -> float:
    """A distance in m.

    Raises:
        BadQuery: It is no positive number, or of an unknown unit.
    """
    factor = METRES.get(units.strip().lower())
    if factor is None:
        raise BadQuery(f"within-units is {units[:60]!r}, should be one of {', '.join(METRES)}")
    try:
        distance = float(within) * factor
    except ValueError:
        distance = -1.0
    if not 0 < distance < 5e6:
        raise BadQuery(f"within is {within[:60]!r}, should be a number above 0, up to 5000 km")
    return distance
