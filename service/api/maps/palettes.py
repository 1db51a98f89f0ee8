"""Colours of map layers: those of the page, one for colour-blind eyes, and greys."""

from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.api.maps.layers import Kind

Style = Literal["default", "dark", "colour-blind", "grey"]
STYLES: tuple[Style, ...] = ("default", "dark", "colour-blind", "grey")
LEVELS: dict[Kind, tuple[float, ...]] = {
    "rain": (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0),
    "sum": (0.1, 1.0, 2.0, 5.0, 10.0, 15.0, 25.0, 40.0),
    "probability": (0.1, 0.3, 0.5, 0.7, 0.9),
}
"""Lowest values of the classes, in mm/h, mm or 0 to 1; what is lower is transparent.
The highest three of sums are those of the warnings of Deutscher Wetterdienst for an hour."""
UNITS: dict[Kind, str] = {"rain": "mm/h", "sum": "mm", "probability": "%"}
RAIN_COLOURS: dict[Style, tuple[str, ...]] = {
    "default": (
        "#b9d7ea", "#7fb5da", "#3d86c0", "#0b4a91", "#f9dc5c", "#f29e38", "#dd513a", "#8e1652",
    ),
    "dark": (
        "#26476a", "#2f6ea6", "#4a9be0", "#a4d3fb", "#fbe26b", "#f7a440", "#ee5f4b", "#e0469b",
    ),
    # cividis, which eyes blind to red and green see as others do (doi:10.1371/journal.pone.0199239)
    "colour-blind": (
        "#fee838", "#e1cc55", "#c3b369", "#a69d75", "#8a8779", "#6f7073", "#4f576c", "#00224e",
    ),
    "grey": (
        "#d9d9d9", "#bfbfbf", "#a3a3a3", "#878787", "#6b6b6b", "#4f4f4f", "#333333", "#111111",
    ),
}  # fmt: skip
COLOURS: dict[tuple[Kind, Style], tuple[str, ...]] = {
    **{("rain", style): colours for style, colours in RAIN_COLOURS.items()},
    **{("sum", style): colours for style, colours in RAIN_COLOURS.items()},
    ("probability", "default"): ("#e3d5f2", "#c3a5e2", "#9d70cf", "#7440b0", "#451782"),
    ("probability", "dark"): ("#3a2a58", "#5b3e92", "#8460c6", "#ae8deb", "#dccbff"),
    ("probability", "colour-blind"): ("#fee838", "#c3b369", "#8a8779", "#4f576c", "#00224e"),
    ("probability", "grey"): ("#d9d9d9", "#a9a9a9", "#7d7d7d", "#4f4f4f", "#1a1a1a"),
}
"""Colours of the classes by kind and style, the first two as in `static/colours.js`."""
NO_DATA = (195, 191, 183, 96)
"""Grey that shines through: no data in the area of the radar."""
TRANSPARENT = (0, 0, 0, 0)
Background = tuple[int, int, int]
"""Red, green and blue behind a picture."""


class Palette(NamedTuple):
    """Colours of a layer.

    Attributes:
        levels: Lowest values of the classes.
        colours: Red, green, blue and opacity (class, 4): dry, the classes, no data, outside.
    """

    levels: NDArray[np.float32]
    colours: NDArray[np.uint8]

    def classes(self, values: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Class of each value: 0 below the lowest level, then by level, then no data."""
        found = np.searchsorted(self.levels, values, side="right")
        return np.where(np.isnan(values), len(self.levels) + 1, found).astype(np.uint8)

    def over(self, background: Background) -> "Palette":
        """The palette with opaque colours, as they look over a background."""
        opacity = self.colours[:, 3:] / 255
        mixed = self.colours[:, :3] * opacity + np.array(background) * (1 - opacity)
        opaque = np.full_like(self.colours, 255)
        opaque[:, :3] = np.round(mixed)
        return self._replace(colours=opaque)

    @property
    def outside(self) -> int:
        """Class of what lies outside the grid."""
        return len(self.levels) + 2


@cache
def palette(kind: Kind, style: Style) -> Palette:
    """The colours of a kind of layer in a style."""
    colours = [(*bytes.fromhex(colour[1:]), 255) for colour in COLOURS[kind, style]]
    every = np.array([TRANSPARENT, *colours, NO_DATA, TRANSPARENT], dtype=np.uint8)
    return Palette(np.array(LEVELS[kind], dtype=np.float32), every)
