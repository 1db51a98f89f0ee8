"""Plots of the activations and receptive fields of networks."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model_zoo.profiling.activations import Sight

INK, QUIET = "#1f2a37", "#6b7280"
FEATURES, HEAT = "viridis", "inferno"
INCHES = 1.15
DOTS_PER_INCH = 110
DECADES = 3
"""Decades of the logarithmic scale of receptive fields, which are nearly Gaussian."""


def layers(outputs: Sequence[NDArray[np.float32]], given: int, title: str) -> bytes:
    """Plot the output of each layer at each step as PNG: top layer first, time to the right.

    Args:
        outputs: Mean magnitude over channels (time, height, width) of each layer, lowest first.
        given: Number of steps with an observed frame as input; later ones have the forecast.
        title: Text above the panels.
    """
    rows, columns = len(outputs), len(outputs[0])
    figure = Figure(figsize=(INCHES * columns + 1.0, INCHES * rows + 0.9), dpi=DOTS_PER_INCH)
    axes = figure.subplots(rows, columns, squeeze=False)
    height = INCHES * rows + 0.9
    figure.subplots_adjust(
        left=0.95 / (INCHES * columns + 1.0),
        right=0.995,
        bottom=0.01,
        top=1 - 0.75 / height,
        wspace=0.05,
        hspace=0.05,
    )
    for number, output in enumerate(outputs):
        row = axes[rows - 1 - number]
        low, high = float(output.min()), float(output.max())
        for t, axis in enumerate(row):
            axis.imshow(output[t], cmap=FEATURES, vmin=low, vmax=high, interpolation="nearest")
            bare(axis, INK if t < given else "#d97706")
        side = f"{output.shape[1]} x {output.shape[2]}"
        row[0].set_ylabel(
            f"layer {number + 1}\n{side}", rotation=0, ha="right", va="center", size=8, color=INK
        )
    for t, axis in enumerate(axes[0]):
        label = f"t = {t + 1}" if t < given else f"+{t - given + 1}"
        axis.set_title(label, size=8, color=INK if t < given else "#d97706", pad=3)
    figure.text(0.01, 1 - 0.08 / height, title, size=11, weight="bold", va="top", color=INK)
    note = "mean magnitude over channels, scaled by row; orange: fed with its own forecast"
    figure.text(0.01, 1 - 0.36 / height, note, size=7.5, va="top", color=QUIET)
    return png(figure, title)


def sights(found: Sequence[Sight], title: str) -> bytes:
    """Plot effective receptive fields and input gradients of the encoder's layers as PNG."""
    columns = len(found)
    figure = Figure(figsize=(2.3 * columns + 0.9, 5.6), dpi=DOTS_PER_INCH)
    axes = figure.subplots(2, columns, squeeze=False)
    figure.subplots_adjust(
        left=0.85 / (2.3 * columns + 0.9),
        right=0.99,
        bottom=0.02,
        top=0.84,
        wspace=0.06,
        hspace=0.1,
    )
    for column, sight in enumerate(found):
        field, gradient = axes[0, column], axes[1, column]
        shown = np.log10(np.maximum(sight.field, 10.0**-DECADES))
        field.imshow(shown, cmap=HEAT, vmin=-DECADES, vmax=0, interpolation="nearest")
        gradient.imshow(sight.gradient, cmap=HEAT, vmin=0, vmax=1, interpolation="nearest")
        scale = f"1/{2**sight.level} resolution" if sight.level else "full resolution"
        field.set_title(f"layer {sight.layer + 1}, {scale}", size=9, color=INK, pad=4)
        field.text(
            0.03,
            0.03,
            f"{seen_share(sight.field):.1%} of the field over 1 % of the peak",
            transform=field.transAxes,
            size=7,
            color="white",
        )
        bare(field, INK)
        bare(gradient, INK)
    for axis, label in (
        (axes[0, 0], "effective\nreceptive\nfield, log"),
        (axes[1, 0], "input\ngradient"),
    ):
        axis.set_ylabel(label, rotation=0, ha="right", va="center", size=8, color=INK)
    figure.text(0.01, 0.985, title, size=11, weight="bold", va="top", color=INK)
    note = "gradients in the newest frame, magnitude over its largest"
    figure.text(0.01, 0.93, note, size=7.5, va="top", color=QUIET)
    return png(figure, title)


def seen_share(field: NDArray[np.float32]) -> float:
    """Return the fraction of a receptive field (y, x) above 1 % of its peak, which is 1."""
    return float((field > 0.01).mean())


def bare(axis: Axes, colour: str) -> None:
    """Remove ticks and set the colour of the frame."""
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set(color=colour, linewidth=0.8)


def png(figure: Figure, title: str) -> bytes:
    """Encode a figure as PNG with a title."""
    file = BytesIO()
    figure.savefig(file, format="png", metadata={"Title": title})
    return file.getvalue()
