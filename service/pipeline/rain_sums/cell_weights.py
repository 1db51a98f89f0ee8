"""The cells of a place or an area, each with the share of it that lies in the area."""

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry
from xarray import DataArray

from ingest.errors import OutsideGrid
from ingest.grid import cell, outside, projector
from service.errors import BadPlace

MOST_VERTICES = 10_000
"""Vertices of an area."""
MOST_CELLS = 5000
"""Cells of an area: 125 000 km2."""
LONGEST_EDGE = 0.05
"""Degrees; longer edges get vertices between, since they are straight in longitude and latitude."""
SMALLEST_SHARE = 0.01
"""Cells of which an area has less, relative to that of which it has most, do not count: they are
neighbours that it only touches."""
SQUARE_METRES = 1e6


class CellWeights(NamedTuple):
    """Cells of a grid.

    Attributes:
        rows, columns: Their indices (cell,).
        weights: Share of each cell that lies in the area (cell,); 1 for that of a place.
        inside: Share of the area that lies on the grid.
        km2: The part of the area on the grid, in km2 of the projection; of a place, that of its
            cell.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    weights: NDArray[np.float64]
    inside: float
    km2: float


def cell_of_place(field: DataArray, longitude: float, latitude: float) -> CellWeights:
    """Return the cell of a field (..., y, x) that holds a place.

    Raises:
        OutsideGrid: The place lies outside the grid.
    """
    row, column = cell(field, longitude, latitude)
    across, down = sides(field)
    return CellWeights(
        np.array([row]), np.array([column]), np.ones(1), 1.0, across * down / SQUARE_METRES
    )


def cells_of_area(field: DataArray, area: Geometry) -> CellWeights:
    """Return the cells of a field (..., y, x) that an area covers, or parts of them.

    Args:
        field: With its projection.
        area: Polygon or multipolygon in longitude and latitude.

    Raises:
        BadPlace: It crosses itself, is too large, has too many vertices or none on the Earth.
        OutsideGrid: It lies outside the grid.
    """
    check_area(area)
    projection = projector(field["crs"].attrs["crs_wkt"])
    projected = shapely.transform(
        shapely.segmentize(area, LONGEST_EDGE),
        lambda points: np.stack(projection.transform(*points.T), axis=-1),
    )
    projected = shapely.make_valid(projected)
    across, down = sides(field)
    rows, columns = candidates(field, projected)
    x, y = field["x"].values[columns], field["y"].values[rows]
    boxes = shapely.box(x - across / 2, y - down / 2, x + across / 2, y + down / 2)
    shapely.prepare(projected)
    weights = np.ones(len(rows))
    partly = ~shapely.contains_properly(projected, boxes)
    cut = shapely.intersection(projected, boxes[partly])
    weights[partly] = shapely.area(cut) / (across * down)
    if not (weights > 0).any():
        middle = area.representative_point()
        raise OutsideGrid(outside(field, middle.x, middle.y))
    kept = weights >= SMALLEST_SHARE * weights.max()
    if kept.sum() > MOST_CELLS:
        raise BadPlace(
            f"the area has parts of {kept.sum()} cells, should have of at most {MOST_CELLS}; ask "
            f"for parts of it"
        )
    covered = float(weights.sum()) * across * down
    return CellWeights(
        rows[kept],
        columns[kept],
        weights[kept],
        min(covered / float(projected.area), 1.0),
        covered / SQUARE_METRES,
    )


def check_area(area: Geometry) -> None:
    """Refuse an area that no cells can be found of.

    Raises:
        BadPlace: It crosses itself, has too many vertices or none on the Earth.
    """
    points = shapely.get_coordinates(area)
    if len(points) > MOST_VERTICES:
        raise BadPlace(
            f"the area has {len(points)} vertices, should have at most {MOST_VERTICES}; simplify it"
        )
    if not len(points) or not (np.abs(points) <= [180, 90]).all():
        raise BadPlace(
            "the area has coordinates outside -180 to 180 and -90 to 90; should be longitude and "
            "latitude in degrees, in this order"
        )
    if not area.is_valid:
        raise BadPlace(f"the area is not valid: {shapely.is_valid_reason(area)[:100]}")
    if area.area == 0:
        raise BadPlace("the area is empty; should be a polygon with some extent")


def candidates(field: DataArray, projected: Geometry) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns (cell,) of a field (..., y, x) in the bounding box of a geometry."""
    west, south, east, north = projected.bounds
    across, down = sides(field)
    x, y = field["x"].values, field["y"].values
    columns = np.flatnonzero((x + across / 2 > west) & (x - across / 2 < east))
    rows = np.flatnonzero((y + down / 2 > south) & (y - down / 2 < north))
    grid = np.meshgrid(rows, columns, indexing="ij")
    return grid[0].ravel(), grid[1].ravel()


def sides(field: DataArray) -> tuple[float, float]:
    """Return width and height of the cells of a field (..., y, x), in m."""
    x, y = field["x"].values, field["y"].values
    return float(abs(x[-1] - x[0])) / (len(x) - 1), float(abs(y[-1] - y[0])) / (len(y) - 1)
