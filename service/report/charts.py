"""Line and bar charts as inline SVG, with the colours of a light or dark page."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from service.report.language import day_format, translate
from service.report.markup import Html, element, joined
from service.report.radar import Span
from service.report.report_data import BASELINES, name_of
from service.report.words import figure, percent

WIDTH, HEIGHT = 320, 190
LEFT, RIGHT, TOP, BOTTOM = 34, 16, 10, 30
NICE = (0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Upper ends of axes."""

Points = Sequence[tuple[float, float | None]]
"""Positions along the axis and values; None is undefined and leaves a gap."""


class Axis(NamedTuple):
    """Horizontal axis: first and last value, and labels of some values."""

    first: float
    last: float
    marks: Sequence[tuple[float, str]]

    def x(self, value: float) -> float:
        """Return the horizontal position of a value in the drawing."""
        span = (self.last - self.first) or 1
        return LEFT + (value - self.first) / span * (WIDTH - LEFT - RIGHT)


def classes(models: Sequence[str]) -> dict[str, str]:
    """Return the classes of each model in the style sheet; baselines have their own."""
    plain = [model for model in models if model not in BASELINES]
    found = {model: f"model m{k % 4}" for k, model in enumerate(plain)}
    return found | {model: f"base {model}" for model in models if model in BASELINES}


def curves(
    description: str, axis: Axis, of: Mapping[str, Points], looks: Mapping[str, str], top: float,
    level: float | None = None, *, with_points: bool = True,
) -> Html:  # fmt: skip
    """Draw a line for each of several models.

    Args:
        description: Text alternative for screen readers.
        axis: Horizontal axis.
        of: Points by model.
        looks: Classes by model.
        top: Value at the upper end; see `top_of`.
        level: Value of a horizontal line; None for no line.
        with_points: Whether the points are marked.
    """
    lines = [
        line(axis, points, looks[model], top, with_points=with_points)
        for model, points in of.items()
    ]
    if not any(value is not None for points in of.values() for _, value in points):
        lines = [message(translate("not defined: it never rained so much"))]
    across = [] if level is None else [rule(y_of(level, top), "level")]
    return svg(description, grid(top), *across, bottom(axis), *lines)


def line(axis: Axis, points: Points, look: str, top: float, *, with_points: bool) -> Html:
    """Draw the line of a model, with gaps at undefined values; isolated points are always drawn."""
    path, is_on = [], False
    dots: list[Html] = []
    for position, value in points:
        if value is None:
            is_on = False
            continue
        x, y = axis.x(position), y_of(value, top)
        path.append(f"{'L' if is_on else 'M'}{x:.1f} {y:.1f}")
        if with_points or not is_on:
            dots.append(element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=3 if with_points else 1))
        is_on = True
    return element("g", element("path", d="".join(path)), *dots, class_=look)


def bars(spans: Sequence[Span]) -> Html:
    """Draw the share of existing frames by span."""
    wide, tall, top = 680, 120, 12
    each = (wide - 40) / max(len(spans), 1)
    drawn = []
    for number, span in enumerate(spans):
        share = span.share or 0.0
        rectangle = {"x": f"{36 + number * each:.2f}", "width": f"{max(each - 1.5, 0.8):.2f}"}
        drawn.append(element("rect", **rectangle, y=top, height=tall - 42, class_="missing"))
        if share:
            high = share * (tall - 42)
            y = f"{top + tall - 42 - high:.1f}"
            drawn.append(element("rect", **rectangle, y=y, height=f"{high:.1f}", class_="received"))
    every = -(-len(spans) // 8) or 1
    is_hourly = len(spans) > 1 and (spans[1].begin - spans[0].begin).total_seconds() < 7200
    pattern = "%H:%M" if is_hourly else day_format()
    marks = [
        text(36 + number * each, tall - 12, spans[number].begin.strftime(pattern), "start")
        for number in range(0, len(spans), every)
    ]
    scale = [text(30, top + 8, "100 %", "end"), text(30, tall - 30, "0", "end")]
    about = translate("Share of radar frames in the archive")
    moment = f"{day_format()} %H:%M"
    description = f"{about}: " + "; ".join(
        f"{span.begin.strftime(moment)} {percent(span.share)}" for span in spans[:60]
    )
    return svg(description, *drawn, *marks, *scale, size=(wide, tall), look="chart bars")


def legend(looks: Mapping[str, str]) -> Html:
    """Draw the legend of lines."""
    entries = []
    for model, look in looks.items():
        stroke = element("path", d="M1 7H25")
        drawn = element("g", stroke, element("circle", cx=13, cy=7, r=3), class_=look)
        swatch = element("svg", drawn, viewBox="0 0 26 14", class_="swatch", aria_hidden="true")
        entries.append(element("li", swatch, name_of(model)))
    return element("ul", *entries, class_="legend")


def top_of(values: Sequence[float | None]) -> float:
    """Return a round number above all values."""
    highest = max((value for value in values if value is not None), default=0.0)
    return next((top for top in NICE if top >= highest), highest * 1.05)


def grid(top: float) -> Html:
    """Draw five horizontal lines with their values, from 0 to `top`."""
    found = []
    for k in range(5):
        value = top * k / 4
        y = y_of(value, top)
        label = figure(value, 2 if top >= 0.3 else 3)
        found += [rule(y, "rule" if k else "base-line"), text(LEFT - 5, y + 3.5, label, "end")]
    return joined(*found)


def rule(y: float, look: str) -> Html:
    """Draw a horizontal line."""
    return element("path", d=f"M{LEFT} {y:.1f}H{WIDTH - RIGHT}", class_=look)


def diagonal(axis: Axis) -> Html:
    """Draw the diagonal of a reliability diagram, where both axes have the same value."""
    begin, end = (f"{axis.x(share):.1f} {y_of(share, 1):.1f}" for share in (0, 1))
    return element("path", d=f"M{begin}L{end}", class_="level")


def message(words: str) -> Html:
    """Draw a text instead of lines where there is nothing to draw."""
    return text(WIDTH / 2 + 10, HEIGHT / 2 - 10, words, "middle")


def bottom(axis: Axis) -> Html:
    """Draw the labels of the horizontal axis."""
    return joined(
        *(text(axis.x(value), HEIGHT - 10, label, "middle") for value, label in axis.marks)
    )


def y_of(value: float, top: float) -> float:
    """Return the vertical position of a value, limited to 0..top."""
    return TOP + (1 - max(min(value, top), 0) / top) * (HEIGHT - TOP - BOTTOM)


def text(x: float, y: float, label: str, anchor: str) -> Html:
    """Draw a text at a position; the anchor is start, middle or end."""
    return element("text", label, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)


def svg(
    description: str, *inside: Html, size: tuple[int, int] = (WIDTH, HEIGHT), look: str = "chart"
) -> Html:
    """Return a drawing with its text alternative."""
    view = f"0 0 {size[0]} {size[1]}"
    return element("svg", *inside, viewBox=view, role="img", aria_label=description, class_=look)
