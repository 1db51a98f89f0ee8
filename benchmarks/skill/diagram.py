"""Reliability diagrams as pictures."""

from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from xarray import Dataset

from ingest.precipitation import lead_minutes_of
from verification import reliability
from verification.probabilistic import BINS, FEWEST

INK, QUIET, FAINT = "#1f2a37", "#6b7280", "#d6d3d1"
LINES = (("#0b4a91", "o"), ("#3d86c0", "s"), ("#f29e38", "^"), ("#8e1652", "D"))
"""Colour and marker of each lead, distinct for colour-blind eyes and in grey."""
DOTS_PER_INCH = 110


def draw(sums: Dataset, title: str) -> bytes:
    """PNG with a panel per threshold, a line per lead, and below how often each bin was used.

    Args:
        sums: Of one model over all starts, by (threshold, lead_time, bin); see
            `verification.probability_sums`.
        title: Stands above it.
    """
    found = reliability(sums)
    thresholds = found["threshold"].to_numpy()
    figure = Figure(figsize=(3.1 * len(thresholds) + 0.7, 4.9), dpi=DOTS_PER_INCH)
    axes = figure.subplots(
        2, len(thresholds), squeeze=False, sharex=True, sharey="row", height_ratios=(3, 1)
    )
    figure.subplots_adjust(
        left=0.075, right=0.985, bottom=0.145, top=0.865, wspace=0.08, hspace=0.1
    )
    for threshold, (above, below) in zip(thresholds, axes.T, strict=True):
        panel(above, below, found.sel(threshold=threshold))
        above.set_title(f"{threshold:g} mm/h or more", size=9.5, color=INK)
    axes[1, 0].set(yscale="log", ylim=(1, 2 * max(float(found["number"].max()), 10)))
    axes[0, 0].set_ylabel("observed frequency", size=8.5, color=INK)
    axes[0, 0].yaxis.set_major_formatter(PercentFormatter(1))
    axes[1, 0].set_ylabel("cells", size=8.5, color=INK)
    axes[0, 0].legend(loc="upper left", fontsize=8, frameon=False, labelcolor=INK)
    figure.text(0.012, 0.98, title, size=11, weight="bold", va="top", color=INK)
    note = f"dashed: perfect reliability; bins of under {FEWEST} cells are left out above"
    figure.text(0.012, 0.015, note, size=7.5, color=QUIET)
    file = BytesIO()
    figure.savefig(file, format="png", metadata={"Title": title})
    return file.getvalue()


def panel(above: Axes, below: Axes, found: Dataset) -> None:
    """Reliability lines and sharpness histogram of one threshold."""
    minutes = lead_minutes_of(found)
    above.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    for lead, (minute, (colour, marker)) in enumerate(zip(minutes, LINES, strict=False)):
        of_lead = found.isel(lead_time=lead)
        drawn = of_lead.where(of_lead["number"] >= FEWEST)
        above.plot(
            drawn["forecast_probability"],
            drawn["observed_frequency"],
            color=colour,
            marker=marker,
            markersize=4.5,
            linewidth=1.4,
            label=f"+{minute} min",
        )
        edges = np.linspace(0, 1, BINS + 1)
        below.stairs(of_lead["number"], edges, color=colour, linewidth=1.3, baseline=None)
    above.set(xlim=(0, 1), ylim=(0, 1), xticks=np.arange(5) / 5)
    below.set_xlabel("forecast probability", size=8.5, color=INK)
    below.xaxis.set_major_formatter(PercentFormatter(1))
    for axis in (above, below):
        plain(axis)


def plain(axis: Axes) -> None:
    """Plain axes: thin lines, no spines at the top and right."""
    axis.grid(color=FAINT, linewidth=0.5)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=8, colors=INK, length=3)
    for side, spine in axis.spines.items():
        spine.set(color=QUIET, linewidth=0.8, visible=side in {"left", "bottom"})
