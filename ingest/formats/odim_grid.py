"""Where the cells of an ODIM composite lie, and the national grid cut or sampled from them."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from ingest.errors import BadField
from ingest.formats.radolan import ORIGINS
from ingest.grid import NATIONAL_WGS84, WGS84, geographic, pad_to_national, projector

Attributes = Mapping[str, Any]
Scale = Callable[[NDArray[Any]], NDArray[np.float32]]

DE1200 = (1200, 1100)
CELL_METRES = 1000.0
DE1200_CORNER = (-500.0, 500.0)
"""North-west corner of DE1200 in its projection, in m: the centre of its cell is the origin."""
SMALLEST_CELL, LARGEST_CELL = 250.0, 4000.0
"""Metres; OPERA has 1000 and 2000."""
LEAST_COVER = 0.5
"""Share of the national grid that a composite should cover."""
CORNERS = {"UL": (0, 0), "UR": (0, 1), "LL": (1, 0), "LR": (1, 1)}
"""Names of the corners of a grid in ODIM: whether each is in the south, and in the east."""
CORNERS_OFF = 1.0
"""Cells by which corners may contradict each other: some are the centres of cells."""
PLAIN_PROJECTION = re.compile(
    r"(\s*\+(proj|lat_[012]|lat_ts|lon_0|k|k_0|x_0|y_0|a|b|R|rf|f|ellps|datum|units|towgs84"
    r"|no_defs|type|nadgrids=@null)(=[\w.+,-]{1,40})?(\s+|$)){1,20}"
)
"""PROJ strings, but for what has files opened."""


class Lattice(NamedTuple):
    """Cells of a composite as its file describes them: projection, outer edges, and sizes in m."""

    projection: str
    corner: tuple[float, float]
    """Longitude and latitude of the outer north-west corner."""
    shape: tuple[int, int]
    scale: tuple[float, float]
    """Height and width of a cell."""


def on_national_grid(packed: NDArray[Any], where: Attributes, scale: Scale) -> NDArray[np.float32]:
    """Bring a composite to the national grid (WGS84).

    DE1200 is cut by whole cells, other grids are sampled in the nearest cell.

    Args:
        packed: (y, x) as in the file, row 0 in the north.
        where: Attributes of the grid.
        scale: Turns packed numbers into rates in mm/h.

    Returns:
        Rates (900, 900) in mm/h, NaN beyond the composite.

    Raises:
        BadField: The grid is not described completely, or lies elsewhere.
    """
    shape, scales = tuple(int(float(where[name])) for name in ("ysize", "xsize")), scales_of(where)
    if packed.shape != shape:
        raise BadField(f"shape is {packed.shape}, should be {shape}")
    projection = str(where["projdef"])
    if not PLAIN_PROJECTION.fullmatch(projection):
        raise BadField(f"projection is {projection[:200]!r}, should be a PROJ string of numbers")
    transformer = Transformer.from_crs(geographic(projection), projection, always_xy=True)
    if shape == DE1200 and scales == (CELL_METRES, CELL_METRES) and is_de1200(transformer):
        check_corners(where, transformer, shape, scales, DE1200_CORNER)
        return pad_to_national(scale(packed), *ORIGINS[DE1200])
    lattice = Lattice(projection, corners_of(where)[0], packed.shape, scales)
    check_corners(where, transformer, shape, scales)
    rows, columns, inside = cells_of(lattice)
    rate = scale(packed[rows, columns])
    rate[~inside] = np.nan
    return rate


def scales_of(where: Attributes) -> tuple[float, float]:
    """Height and width of a cell in m.

    Raises:
        BadField: It is no cell of a composite.
    """
    height, width = float(where["yscale"]), float(where["xscale"])
    if not all(SMALLEST_CELL <= side <= LARGEST_CELL for side in (height, width)):
        raise BadField(
            f"cells are {height:g} x {width:g} m, should be {SMALLEST_CELL:g} to {LARGEST_CELL:g} m"
        )
    return height, width


def check_corners(
    where: Attributes,
    transformer: Transformer,
    shape: tuple[int, ...],
    scales: tuple[float, float],
    origin: tuple[float, float] | None = None,
) -> None:
    """Check that the corners of a grid that are given lie where its cells put them.

    Args:
        where: Attributes of the grid; those of a corner are optional.
        transformer: From longitude and latitude to the projection of the grid.
        shape: Rows and columns.
        scales: Height and width of a cell in m.
        origin: North-west corner in m, where it is known.

    Raises:
        BadField: One lies elsewhere: so would the rain.
    """
    (rows, columns), (height, width) = shape, scales
    for corner, (is_south, is_east) in CORNERS.items():
        if f"{corner}_lon" not in where or f"{corner}_lat" not in where:
            continue
        longitude, latitude = float(where[f"{corner}_lon"]), float(where[f"{corner}_lat"])
        x, y = transformer.transform(longitude, latitude)
        east, south = is_east * columns * width, is_south * rows * height
        origin = origin or (x - east, y + south)
        off = max(abs(x - east - origin[0]) / width, abs(y + south - origin[1]) / height)
        if not off <= CORNERS_OFF:
            raise BadField(
                f"corners are {x - origin[0]:g} x {origin[1] - y:g} m apart (north-west and "
                f"{corner}), should be {east:g} x {south:g}, by {rows} x {columns} cells of "
                f"{height:g} x {width:g} m"
            )


def is_de1200(transformer: Transformer) -> bool:
    """Whether a projection puts longitudes and latitudes where DE1200's does, to the metre."""
    top, left = ORIGINS[DE1200]
    for point in ((10.0, 51.0), (3.6, 45.7), (18.7, 55.8)):
        x, y = transformer.transform(*point)
        national_x, national_y = projector(WGS84).transform(*point)
        x_off = x - national_x - CELL_METRES * left
        y_off = y - national_y + CELL_METRES * top
        if not (abs(x_off) <= 1 and abs(y_off) <= 1):
            return False
    return True


def corners_of(where: Attributes) -> tuple[tuple[float, float], ...]:
    """Longitude and latitude of the north-west and south-east corner.

    Raises:
        BadField: One is missing, which only DE1200 may leave out.
    """
    try:
        return tuple(
            (float(where[f"{corner}_lon"]), float(where[f"{corner}_lat"]))
            for corner in ("UL", "LR")
        )
    except KeyError as error:
        raise BadField(
            f"grid is {where.get('projdef')!r} and lacks {error}, should be DE1200's, like "
            f"{WGS84!r}, or tell the corners UL and LR"
        ) from error


@lru_cache(maxsize=4)
def cells_of(lattice: Lattice) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Find the cell of a lattice in which each national cell has its centre.

    Returns:
        Row and column (900, 900), and where there is such a cell.

    Raises:
        BadField: Hardly any cell lies in it.
    """
    body = geographic(lattice.projection)
    transformer = Transformer.from_crs(body, lattice.projection, always_xy=True)
    west, north = transformer.transform(*lattice.corner)
    (rows, columns), (height, width) = lattice.shape, lattice.scale
    here = Transformer.from_crs(NATIONAL_WGS84.projection, lattice.projection, always_xy=True)
    x, y = here.transform(*np.meshgrid(NATIONAL_WGS84.x, NATIONAL_WGS84.y))
    row, column = np.floor((north - y) / height), np.floor((x - west) / width)
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    if inside.mean() < LEAST_COVER:
        raise BadField(
            f"grid covers {inside.mean():.0%} of Germany's, should cover {LEAST_COVER:.0%} or more"
        )
    indices = [np.where(inside, index, 0).astype(np.intp) for index in (row, column)]
    return indices[0], indices[1], inside
