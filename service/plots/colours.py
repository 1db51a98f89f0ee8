"""Colour scales of rain and of differences, the same as on the map, safe for colour blindness."""

from functools import cache

import numpy as np
from matplotlib.colors import BoundaryNorm, Colormap, ListedColormap
from numpy.typing import NDArray

LEVELS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Bounds of the colours of rain, in mm/h."""
COLOURS = ("#b9d7ea", "#7fb5da", "#3d86c0", "#0b4a91", "#f9dc5c", "#f29e38", "#dd513a", "#8e1652")
"""Light to dark blue for weak rain, yellow to purple for heavy rain. Within each half they differ
in brightness, between the halves as blue and yellow, which red-green colour blindness preserves."""
STEPS = (0.5, 2.0, 5.0)
"""Bounds of the colours of differences, in mm/h, for both signs."""
BELOW_AND_ABOVE = ("#8a4f0b", "#c08a3c", "#e6cd98", "#9fd8ce", "#3c9c91", "#085a52")
"""Brown for less rain, from the largest difference, and green-blue for more, to the largest."""
LAND, NO_DATA, HATCH = "#fbfaf7", "#e2e0db", "#c3bfb7"
OUTLINE, INK, QUIET, FAINT = "#57534e", "#1f2a37", "#5f6875", "#dedad3"
AHEAD = "#0b6e66"
"""Colour of forecasts; radar has the colour INK."""


@cache
def rain_scale() -> tuple[Colormap, BoundaryNorm]:
    """Return colour map and norm of rainfall rates in mm/h."""
    colours = ListedColormap(COLOURS[:-1]).with_extremes(over=COLOURS[-1])
    return colours, BoundaryNorm(LEVELS, len(COLOURS) - 1)


@cache
def difference_scale() -> tuple[Colormap, BoundaryNorm]:
    """Return colour map and norm of the values of `difference_class`."""
    half = len(STEPS)
    colours = ListedColormap([*BELOW_AND_ABOVE[:half], LAND, *BELOW_AND_ABOVE[half:]])
    return colours, BoundaryNorm(np.arange(-half - 0.5, half + 1), 2 * half + 1)


def difference_class(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the number of STEPS that differences (any shape) in mm/h reach, with their sign.

    NaN is no data.
    """
    reached = np.searchsorted(STEPS, np.abs(difference), side="right").astype(np.float32)
    return np.where(np.isnan(difference), np.nan, np.copysign(reached, difference)).astype(
        np.float32
    )
