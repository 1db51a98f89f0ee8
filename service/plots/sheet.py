"""Lays out a sheet: rows of maps under a title, with a legend of the colours."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ingest.precipitation import credit
from service.plots.colours import (
    AHEAD,
    FAINT,
    HATCH,
    INK,
    LEVELS,
    NO_DATA,
    QUIET,
    STEPS,
    difference_scale,
    rain_scale,
)
from service.plots.maps import Panel, draw_map
from service.plots.outlines import MAP_CREDIT

DOTS_PER_INCH = 100
MARGIN, GAP = 14, 8
HEAD, CAPTION, HEADING, APART, TRACK, LEGEND = 62, 24, 22, 14, 46, 84
"""Heights in pixels: of the title, a title of a map, a heading of a row, the gap between rows, the
track and the legend."""
NARROWEST = 620
"""Smallest width of a sheet, in pixels."""


class Row(NamedTuple):
    """Maps side by side under a heading; None leaves a gap."""

    panels: Sequence[Panel | None]
    heading: str = ""

    @property
    def above(self) -> int:
        """Height of the texts above its maps, in pixels."""
        has_captions = any(panel is not None and panel.title for panel in self.panels)
        return HEADING * bool(self.heading) + CAPTION * has_captions


NO_DATA_TEXT = "no data (not dry)"


class Track(NamedTuple):
    """Position in a series of radar frames and lead times.

    Attributes:
        marks: Label of each member of the series, and whether it is radar.
        current: Index of the current one.
    """

    marks: Sequence[tuple[str, bool]]
    current: int


class Sheet(NamedTuple):
    """Rows of maps of one size under a title.

    Attributes:
        title: Text above the maps.
        subtitle: Text below the title.
        rows: The maps.
        map_width: Width of a map in pixels, a multiple of its cells to keep them square.
        track: Position in a series; None outside of animations.
        no_data: What hatching means, in the language of the sheet.
    """

    title: str
    subtitle: str
    rows: Sequence[Row]
    map_width: int = 360
    track: Track | None = None
    no_data: str = NO_DATA_TEXT

    @property
    def panels(self) -> list[Panel]:
        """All maps."""
        return [panel for row in self.rows for panel in row.panels if panel is not None]

    @property
    def map_height(self) -> int:
        """Height of a map, in pixels."""
        field = self.panels[0].field
        return round(self.map_width * field.sizes["y"] / field.sizes["x"])

    @property
    def width(self) -> int:
        """Width of the sheet, in pixels."""
        columns = max(len(row.panels) for row in self.rows)
        return max(2 * MARGIN + columns * (self.map_width + GAP) - GAP, NARROWEST)

    @property
    def height(self) -> int:
        """Height of the sheet, in pixels."""
        rows = sum(self.map_height + row.above for row in self.rows)
        rows += APART * (len(self.rows) - 1)
        return HEAD + rows + TRACK * bool(self.track) + LEGEND

    def axes(self, figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
        """Add axes at a position in pixels."""
        bottom = self.height - top - height
        across, down = self.width, self.height
        return figure.add_axes((left / across, bottom / down, width / across, height / down))

    def text(
        self,
        figure: Figure,
        left: float,
        top: float,
        text: str,
        **look: Any,  # noqa: ANN401  as matplotlib takes them
    ) -> None:
        """Add text at a position in pixels."""
        position = left / self.width, 1 - top / self.height
        figure.text(*position, text, **({"va": "top", "color": INK} | look))


def png(sheet: Sheet) -> bytes:
    """Draw a sheet as PNG, with title and credits in its metadata."""
    figure = draw(sheet)
    about = {"Title": sheet.title, "Copyright": credited(sheet)}
    file = BytesIO()
    figure.savefig(file, format="png", metadata=about)
    return file.getvalue()


def draw(sheet: Sheet) -> Figure:
    """Draw a sheet as a matplotlib figure."""
    size = sheet.width / DOTS_PER_INCH, sheet.height / DOTS_PER_INCH
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, facecolor="white")
    sheet.text(figure, MARGIN, 12, sheet.title, size=13, weight="bold")
    sheet.text(figure, MARGIN, 37, sheet.subtitle, size=9, color=QUIET)
    top = HEAD
    for number, row in enumerate(sheet.rows):
        top += APART * bool(number)
        if row.heading:
            sheet.text(figure, MARGIN, top + 4, row.heading, size=10.5, weight="bold")
        top += row.above
        for column, panel in enumerate(row.panels):
            if panel is None:
                continue
            left = MARGIN + column * (sheet.map_width + GAP)
            axis = sheet.axes(figure, left, top, sheet.map_width, sheet.map_height)
            draw_map(axis, panel, sheet.map_width, sheet.map_height)
        top += sheet.map_height
    if sheet.track:
        draw_track(sheet, figure, sheet.track, top)
        top += TRACK
    draw_legends(sheet, figure, top)
    return figure


def draw_track(sheet: Sheet, figure: Figure, track: Track, top: float) -> None:
    """Draw the marks of a track: discs for radar and rings for forecasts, as on the map page."""
    axis = sheet.axes(figure, MARGIN, top, sheet.width - 2 * MARGIN, TRACK)
    axis.set(xlim=(-0.7, len(track.marks) - 0.3), ylim=(0, TRACK))
    axis.axis("off")
    seen = sum(is_radar for _, is_radar in track.marks)
    axis.plot([-0.4, seen - 0.5], [30, 30], color=INK, linewidth=1.5, zorder=1)
    axis.plot([seen - 0.5, len(track.marks) - 0.6], [30, 30], color=AHEAD, linewidth=1.5, zorder=1)
    for number, (label, is_radar) in enumerate(track.marks):
        colour = INK if is_radar else AHEAD
        face = colour if is_radar else "white"
        size = 11 if number == track.current else 5
        axis.plot(number, 30, "o", color=colour, markerfacecolor=face, markersize=size, zorder=2)
        axis.text(number, 4, label, ha="center", va="bottom", size=7.5, color=colour)


def draw_legends(sheet: Sheet, figure: Figure, top: float) -> None:
    """Draw the colour scales, the hatching of no data, and the credits."""
    room = sheet.width - 2 * MARGIN - 150
    kinds = sorted({panel.is_difference for panel in sheet.panels})
    width = min(room / len(kinds) - 30, 460)
    for number, is_difference in enumerate(kinds):
        axis = sheet.axes(figure, MARGIN + 4 + number * (width + 34), top + 28, width, 13)
        draw_bar(figure, axis, is_difference=is_difference)
    patch = sheet.axes(figure, sheet.width - MARGIN - 132, top + 28, 26, 13)
    patch.add_patch(Rectangle((0, 0), 1, 1, facecolor=NO_DATA, hatch="//////", edgecolor=HATCH))
    patch.set(xticks=[], yticks=[])
    patch.spines[:].set_color(HATCH)
    sheet.text(figure, sheet.width - MARGIN - 100, top + 27, sheet.no_data, size=8)
    credit_line = f"{credited(sheet)}. {MAP_CREDIT}"
    right = {"ha": "right", "size": 7, "color": QUIET}
    sheet.text(figure, sheet.width - MARGIN, sheet.height - 16, credit_line, **right)


def draw_bar(figure: Figure, axis: Axes, *, is_difference: bool) -> None:
    """Draw a colour scale with its bounds in mm/h."""
    colours, norm = difference_scale() if is_difference else rain_scale()
    bar = figure.colorbar(
        ScalarMappable(norm, colours),
        cax=axis,
        orientation="horizontal",
        extend="neither" if is_difference else "max",
        extendfrac=0.03,
        ticks=norm.boundaries[1:-1] if is_difference else LEVELS,
        format="%g",
    )
    if is_difference:
        axis.set_xticklabels([f"{sign}{step:g}" for sign, step in signed()])
    bar.outline.set(color=FAINT, linewidth=0.8)
    axis.tick_params(labelsize=8, length=2, pad=2, colors=INK)
    title = "difference, mm/h" if is_difference else "mm/h"
    axis.set_title(title, size=8, loc="left", pad=3, color=INK)


def signed() -> list[tuple[str, float]]:
    """Return signs and sizes of the bounds of differences, ascending."""
    return [("\N{MINUS SIGN}", step) for step in reversed(STEPS)] + [("+", step) for step in STEPS]


def credited(sheet: Sheet) -> str:
    """Return the attribution of the data of a sheet."""
    return credit(sheet.panels[0].field)
