"""What a query takes out of its fields: values at points, in areas, on grids and along paths."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry
from xarray import DataArray

from service.api.edr.cells import Cells, indices, outside_grid, with_centres
from service.api.edr.collections import Source
from service.api.edr.crs import ReferenceSystem, to_radar
from service.archive.key import iso
from service.errors import BadPlace, BadQuery

Kind = Literal["PointSeries", "MultiPointSeries", "Grid", "Trajectory"]
MOST_VALUES = 2_000_000
"""Values of one answer."""
STEPS_PER_CELL = 2
"""Samples of a path along the side of a cell."""


class Extract(NamedTuple):
    """Values of a query.

    Attributes:
        kind: Domain type of CoverageJSON.
        system: Reference system of the coordinates.
        x, y: Coordinates of the points; of a grid, its axes.
        times: Times of the values; of a path, one for each point.
        values: Values by parameter, NaN for no data: (time, point), of a grid (time, y, x), of a
            path (point).
    """

    kind: Kind
    system: ReferenceSystem
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    times: tuple[datetime, ...]
    values: dict[str, NDArray[np.float32]]


def at_cells(source: Source, system: ReferenceSystem, cells: Cells, kind: Kind) -> Extract:
    """The values in some cells.

    Raises:
        BadQuery: These are too many.
    """
    check_size(len(source.times) * len(cells.rows) * len(source.parameters))
    values = {name: source.values(name)[:, cells.rows, cells.columns] for name in source.parameters}
    return Extract(kind, system, cells.x, cells.y, source.times, values)


def check_size(number: int) -> None:
    """Refuse an answer of too many values.

    Raises:
        BadQuery: There are too many.
    """
    if number > MOST_VALUES:
        raise BadQuery(
            f"the answer would have {number} values, should have at most {MOST_VALUES}; ask for "
            f"a smaller area, fewer times or fewer parameters"
        )


def parse_box(text: str) -> tuple[float, float, float, float]:
    """West, south, east and north of the parameter `bbox`; heights between them are ignored.

    Raises:
        BadPlace: It is not four numbers in this order, or six.
    """
    try:
        numbers = list(map(float, text.split(",")))
        if len(numbers) == 6 and numbers[2] <= numbers[5]:
            numbers = [*numbers[:2], *numbers[3:5]]
        west, south, east, north = numbers
    except ValueError:
        west = south = east = north = np.nan
    if not (-1e8 < west < east < 1e8 and -1e8 < south < north < 1e8):
        raise BadPlace(
            f"bbox is {text[:100]!r}, should be four numbers, the lowest x and y and then the "
            f"highest, such as 13,52,14,53"
        )
    return west, south, east, north


def on_grid(
    source: Source, system: ReferenceSystem, box: tuple[float, float, float, float]
) -> Extract:
    """The values on a regular grid in a box: of the cell that holds each point.

    In the projection of the radar the points are the centres of its cells.

    Raises:
        OutsideGrid: The whole box lies outside the grid.
        BadQuery: The grid is too large.
    """
    west, south, east, north = box
    field = source.field
    if system.definition:
        x, y = axis(west, east, system.step), axis(south, north, system.step)[::-1]
    else:
        x, y = (
            centres_within(field[name].values, low, high)
            for name, low, high in (("x", west, east), ("y", south, north))
        )
    check_size(len(source.times) * len(x) * len(y) * len(source.parameters))
    rows, columns = indices(field, system, *np.meshgrid(x, y))
    inside = rows >= 0
    if not inside.any():
        raise outside_grid(field, system, (west + east) / 2, (south + north) / 2)
    values = {
        name: np.where(inside, source.values(name)[:, rows, columns], np.float32(np.nan))
        for name in source.parameters
    }
    return Extract("Grid", system, x, y, source.times, values)


def axis(low: float, high: float, step: float) -> NDArray[np.float64]:
    """Multiples (number,) of a step between two numbers; their middle where there is none.

    Raises:
        BadPlace: These are too many.
    """
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    if last - first > MOST_VALUES:
        raise BadPlace("bbox is too large, should lie in the area of the collection")
    numbers = np.arange(first, last + 1)
    return np.round(numbers * step, 6) if numbers.size else np.array([(low + high) / 2])


def centres_within(centres: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Those centres of cells (cell,) between two numbers, or the nearest to their middle."""
    inside = centres[(centres >= low) & (centres <= high)]
    if inside.size:
        return inside
    nearest = np.abs(centres - (low + high) / 2).argmin()
    return centres[nearest : nearest + 1]


def along_path(source: Source, system: ReferenceSystem, path: Geometry) -> list[Extract]:
    """The values along a path, cell by cell.

    A path whose points have times (M, seconds since 1970) is one extract: at each point the values
    of the nearest time. Without times there is one extract for each time of the source.

    Raises:
        OutsideGrid: A part of the path lies outside the grid.
        BadPlace: A time of the path is not among those of the source.
    """
    coordinates = shapely.get_coordinates(path, include_m=True)
    starts = np.cumsum([0, *(len(part.coords) for part in shapely.get_parts(path))])
    lines = [coordinates[a:b] for a, b in pairwise(starts)]
    points = np.concatenate([densified(source.field, system, line) for line in lines])
    rows, columns = indices(source.field, system, points[:, 0], points[:, 1])
    if (rows < 0).any():
        index = int(np.argmax(rows < 0))
        raise outside_grid(source.field, system, *map(float, points[index, :2]))
    has_times = not np.isnan(coordinates[:, 2]).any()
    steps = nearest_steps(source, points[:, 2]) if has_times else np.zeros(len(rows), np.intp)
    changed = np.diff(np.stack([rows, columns, steps]), axis=1).any(axis=0)
    first = np.concatenate([[True], changed])
    rows, columns, steps = rows[first], columns[first], steps[first]
    cells = with_centres(source.field, system, rows, columns)
    check_size(len(rows) * len(source.parameters) * (1 if has_times else len(source.times)))
    every = [steps] if has_times else [np.full_like(steps, n) for n in range(len(source.times))]
    return [
        Extract(
            "Trajectory",
            system,
            cells.x,
            cells.y,
            tuple(source.times[step] for step in taken),
            {name: source.values(name)[taken, rows, columns] for name in source.parameters},
        )
        for taken in every
    ]


def densified(
    field: DataArray, system: ReferenceSystem, line: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Points (x, y, m) along a line, several in each cell.

    Raises:
        OutsideGrid: The line is longer than any in the grid.
    """
    x, y = to_radar(field, system, line[:, 0], line[:, 1])
    side = abs(float(field.x[1] - field.x[0]))
    lengths = np.hypot(np.diff(x), np.diff(y)) / side * STEPS_PER_CELL
    most = 4 * STEPS_PER_CELL * sum(field.shape[-2:])
    if not (np.isfinite(lengths).all() and (lengths < most).all()):
        far = int(np.argmax(~(lengths < most)))
        raise outside_grid(field, system, *map(float, line[far + 1, :2]))
    pieces = [line[:1]]
    for begin, end, length in zip(line[:-1], line[1:], lengths, strict=True):
        share = np.linspace(0, 1, max(int(np.ceil(length)), 1) + 1)[1:, None]
        pieces.append(begin + share * (end - begin))
    return np.concatenate(pieces)


def nearest_steps(source: Source, seconds: NDArray[np.float64]) -> NDArray[np.intp]:
    """The step of the source nearest to each time (point,) of a path.

    Raises:
        BadPlace: A time lies before the first or after the last of the source, by more than half
            of their distance.
    """
    known = np.array([time.timestamp() for time in source.times])
    slack = np.diff(known).max(initial=600.0) / 2
    outside = (seconds < known[0] - slack) | (seconds > known[-1] + slack)
    if outside.any():
        value = float(seconds[np.argmax(outside)])
        shown = iso(datetime.fromtimestamp(value, UTC)) if 0 <= value < 7e9 else f"{value:g}"
        raise BadPlace(
            f"a point of coords has the time (M) {shown}, should lie between "
            f"{iso(source.times[0])} and {iso(source.times[-1])}, in seconds since 1970"
        )
    nearest: NDArray[np.intp] = np.abs(seconds[:, None] - known).argmin(axis=1)
    return nearest
