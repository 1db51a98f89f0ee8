"""Legend of a map layer as a picture."""

import io
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

WIDTH, HEIGHT, DPI = 1.3, 2.6, 100
"""Size in inches, and dots per inch."""


def legend(labels: Sequence[str], colours: Sequence[str], no_data: str, unit: str) -> bytes:
    """A legend as PNG: a box and a label for each class, the highest above.

    Args:
        labels: Lowest value of each class, the lowest class first.
        colours: Their colours.
        no_data: Colour of no data.
        unit: Unit of the values.
    """
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    entries = [("no data", no_data), *zip(labels, colours, strict=True)]
    rows = len(entries) + 1
    axes.set_xlim(0, 1)
    axes.set_ylim(0, rows)
    for row, (label, colour) in enumerate(entries):
        axes.add_patch(Rectangle((0.06, row + 0.1), 0.22, 0.8, facecolor=colour))
        axes.text(0.36, row + 0.5, label, va="center", fontsize=9)
    axes.text(0.06, rows - 0.5, unit, va="center", fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()
