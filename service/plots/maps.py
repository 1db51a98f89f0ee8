"""Draws one map: a field in colours, hatched where there is no data, with coasts and borders."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from xarray import DataArray

from service.plots.colours import (
    AHEAD,
    HATCH,
    INK,
    LAND,
    LEVELS,
    NO_DATA,
    OUTLINE,
    difference_class,
    difference_scale,
    rain_scale,
)
from service.plots.outlines import outlines

HATCH_PIXELS, LINE_PIXELS = 8, 2
"""Distance and width of the lines of the hatching, in pixels."""


class Panel(NamedTuple):
    """One map.

    Attributes:
        field: Rainfall rate or difference (y, x) in mm/h, NaN for no data.
        title: Text above the map.
        is_radar: Whether it is a radar frame, not a forecast.
        is_difference: Whether it is the difference of two forecasts.
    """

    field: DataArray
    title: str
    is_radar: bool = False
    is_difference: bool = False


def draw_map(axis: Axes, panel: Panel, width: int, height: int) -> None:
    """Draw a map into axes of a width and height in pixels."""
    x, y = panel.field["x"].values, panel.field["y"].values
    half_x, half_y = abs(x[1] - x[0]) / 2, abs(y[1] - y[0]) / 2
    extent = (x[0] - half_x, x[-1] + half_x, y[-1] - half_y, y[0] + half_y)
    image = paint(panel.field.values, width, height, is_difference=panel.is_difference)
    axis.imshow(image, extent=extent, interpolation="nearest", aspect="auto")
    for line_width, lines in outlines(panel.field):
        axis.add_collection(LineCollection(lines, colors=OUTLINE, linewidths=line_width))
    axis.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[])
    colour = INK if panel.is_radar else AHEAD
    weight = "bold" if panel.is_radar else "normal"
    axis.set_title(panel.title, size=9.5, loc="left", color=colour, weight=weight, pad=4)
    for spine in axis.spines.values():
        spine.set(color=colour, linewidth=1.5 if panel.is_radar else 1.0)


def paint(
    rate: NDArray[np.float32], width: int, height: int, *, is_difference: bool = False
) -> NDArray[np.uint8]:
    """Return the image (height, width, 3) of a rainfall rate or difference (y, x) in mm/h.

    Cells without rain have the colour of land; cells without data (NaN) are hatched.
    """
    row = np.arange(height) * rate.shape[0] // height
    column = np.arange(width) * rate.shape[1] // width
    cells = difference_colours(rate) if is_difference else rain_colours(rate)
    image = cells[np.ix_(row, column)]
    slope = np.add.outer(np.arange(height), np.arange(width)) % HATCH_PIXELS
    image[np.isnan(rate)[np.ix_(row, column)] & (slope < LINE_PIXELS)] = rgb(HATCH)
    return image


def rain_colours(rate: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the colours (y, x, 3) of rainfall rates (y, x) in mm/h; NaN is no data."""
    colours, norm = rain_scale()
    image = colours(norm(np.nan_to_num(rate)), bytes=True)[..., :3]
    image[rate < LEVELS[0]] = rgb(LAND)
    image[np.isnan(rate)] = rgb(NO_DATA)
    return np.asarray(image, dtype=np.uint8)


def difference_colours(difference: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the colours (y, x, 3) of differences (y, x) in mm/h; NaN is no data."""
    colours, norm = difference_scale()
    image = colours(norm(np.nan_to_num(difference_class(difference))), bytes=True)[..., :3]
    image[np.isnan(difference)] = rgb(NO_DATA)
    return np.asarray(image, dtype=np.uint8)


def rgb(colour: str) -> NDArray[np.uint8]:
    """Return a colour as an array (3,) of red, green and blue."""
    return np.round(255 * np.array(to_rgb(colour))).astype(np.uint8)
