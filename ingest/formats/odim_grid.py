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
SMALLEST_CELL, LARGEST_CELL = 250.0, 4000.0
"""Metres; OPERA has 1000 and 2000."""
LEAST_COVER = 0.5
"""Share of the national grid that a composite should cover."""
PLAIN_PROJECTION = re.compile(
    r"(\s*\+(proj|lat_[012]|lat_ts|lon_0|k|k_0|x_0|y_0|a|b|R|rf|f|ellps|datum|units|towgs84"
    r"|no_defs|type|nadgrids=@null)(=[\w.+,-]{1,40})?(\s+|$)){1,20}"
)
"""PROJ strings, but for what has files opened."""


class Lattice(NamedTuple):
    """Cells of a composite as its file describes them: projection, outer edges, and sizes in m."""

    projection: str
    corners: tuple[tuple[float, float], ...]
    """Longitude and latitude of the outer corners: north-west, south-east."""
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
    if shape == DE1200 and scales == (CELL_METRES, CELL_METRES) and is_de1200(projection):
        return pad_to_national(scale(packed), *ORIGINS[DE1200])
    lattice = Lattice(projection, corners_of(where), packed.shape, scales)
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


def is_de1200(projection: str) -> bool:
    """Whether a projection puts places where that of DE1200 does, to the metre."""
    top, left = ORIGINS[DE1200]
    transformer = Transformer.from_crs(geographic(projection), projection, always_xy=True)
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
        BadField: The corners do not fit the size of the cells, or hardly any cell lies in it.
    """
    body = geographic(lattice.projection)
    transformer = Transformer.from_crs(body, lattice.projection, always_xy=True)
    (west, north), (east, south) = (transformer.transform(*corner) for corner in lattice.corners)
    (rows, columns), (height, width) = lattice.shape, lattice.scale
    off = max(
        abs(east - west - columns * width) / width, abs(north - south - rows * height) / height
    )
    if not off <= 1:
        raise BadField(
            f"corners are {east - west:g} x {north - south:g} m apart, should be "
            f"{columns * width:g} x {rows * height:g}, the cells of {width:g} x {height:g} m"
        )
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
