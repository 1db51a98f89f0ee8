"""Draws fields on maps: each pixel has the colour of the cell that holds its centre."""

from threading import Lock
from typing import NamedTuple

import cv2
import numpy as np
from cachetools import LRUCache, cached
from numpy.typing import NDArray
from xarray import DataArray

from service.api.edr.cells import cell_numbers
from service.api.edr.crs import ReferenceSystem, grid_to_radar, projection_of
from service.api.maps.layers import Picture
from service.api.maps.palettes import Background, Style, palette

MOST_PIXELS = 2048
"""Largest width or height."""
CELLS_IN_MEMORY = 64 * 2**20
"""Bytes of the cache of the cells that the pixels of a picture lie in: those of 256 tiles."""
STRIP = 256
"""Rows whose cells are found at a time."""
FAST = [cv2.IMWRITE_PNG_COMPRESSION, 3]


class Frame(NamedTuple):
    """The area and size of a picture.

    Attributes:
        system: Reference system.
        west, south, east, north: Edges in it.
        width, height: Pixels.
    """

    system: ReferenceSystem
    west: float
    south: float
    east: float
    north: float
    width: int
    height: int


def draw(
    picture: Picture, frame: Frame, style: Style, background: Background | None = None
) -> bytes:
    """A picture as PNG: dry is transparent, no data is a grey that shines through.

    Args:
        picture: The picture.
        frame: Its area and size.
        style: Its colours.
        background: Colour behind it; None for a transparent picture.
    """
    colours = palette(picture.kind, style)
    if background is not None:
        colours = colours.over(background)
    cells = cells_of(picture.field, frame)
    flat = np.append(colours.classes(picture.field.values).ravel(), np.uint8(colours.outside))
    image = colours.colours[flat[cells]]
    return encode(image)


def encode(image: NDArray[np.uint8]) -> bytes:
    """An image (row, column, RGBA) as PNG."""
    _, content = cv2.imencode(".png", image[..., [2, 1, 0, 3]], FAST)
    return bytes(content)


def frame_key(field: DataArray, frame: Frame) -> tuple[object, ...]:
    """What the cells of a picture depend on: the grid of the field (y, x) and the frame."""
    x, y = field.x.values, field.y.values
    return (projection_of(field), x[0], x[-1], len(x), y[0], y[-1], len(y), frame)


@cached(LRUCache(CELLS_IN_MEMORY, getsizeof=lambda cells: cells.nbytes), key=frame_key, lock=Lock())
def cells_of(field: DataArray, frame: Frame) -> NDArray[np.int32]:
    """Number of the cell that holds the centre of each pixel (height, width), row by row.

    Pixels outside the grid have the number after the last cell.
    """
    x = centres(frame.west, frame.east, frame.width)
    y = centres(frame.north, frame.south, frame.height)
    number = field.shape[-2] * field.shape[-1]
    cells = np.empty((frame.height, frame.width), np.int32)
    for row in range(0, frame.height, STRIP):  # the largest picture would take 300 MB at once
        strip = slice(row, row + STRIP)
        rows, columns = cell_numbers(field, *grid_to_radar(field, frame.system, x, y[strip]))
        cells[strip] = np.where(rows < 0, number, rows * field.shape[-1] + columns)
    return cells


def centres(begin: float, end: float, number: int) -> NDArray[np.float64]:
    """Centres (pixel,) of pixels between two edges."""
    return begin + (end - begin) * (np.arange(number) + 0.5) / number
