"""Colours of rain and of differences, the same as on the map, told apart by all eyes."""

from functools import cache

import numpy as np
from matplotlib.colors import BoundaryNorm, Colormap, ListedColormap
from numpy.typing import NDArray

LEVELS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""mm/h: where one colour ends and the next begins."""
COLOURS = ("#b9d7ea", "#7fb5da", "#3d86c0", "#0b4a91", "#f9dc5c", "#f29e38", "#dd513a", "#8e1652")
"""Lighter to darker blue for weak rain, yellow to purple for heavy: told apart by their brightness
within each half and by blue against yellow between them, which eyes blind to red and green see."""
STEPS = (0.5, 2.0, 5.0)
"""mm/h by which one forecast is above another; below it the same with the other sign."""
BELOW_AND_ABOVE = ("#8a4f0b", "#c08a3c", "#e6cd98", "#9fd8ce", "#3c9c91", "#085a52")
"""Brown for less and green-blue for more, by falling and rising difference."""
LAND, NO_DATA, HATCH = "#fbfaf7", "#e2e0db", "#c3bfb7"
OUTLINE, INK, QUIET, FAINT = "#57534e", "#1f2a37", "#5f6875", "#dedad3"
AHEAD = "#0b6e66"
"""What is forecast, where radar is in ink."""


@cache
def rain_scale() -> tuple[Colormap, BoundaryNorm]:
    colours = ListedColormap(COLOURS[:-1]).with_extremes(over=COLOURS[-1])
    return colours, BoundaryNorm(LEVELS, len(COLOURS) - 1)


@cache
def difference_scale() -> tuple[Colormap, BoundaryNorm]:
    """Of `difference_class`."""
    half = len(STEPS)
    colours = ListedColormap([*BELOW_AND_ABOVE[:half], LAND, *BELOW_AND_ABOVE[half:]])
    return colours, BoundaryNorm(np.arange(-half - 0.5, half + 1), 2 * half + 1)


def difference_class(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """How many of the steps a difference in mm/h reaches, with its sign; NaN for no data."""
    reached = np.searchsorted(STEPS, np.abs(difference), side="right").astype(np.float32)
    return np.where(np.isnan(difference), np.nan, np.copysign(reached, difference)).astype(
        np.float32
    )
