"""Skill by lead time: a row of panels per score, a column per threshold, a line per model."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from service.plots.colours import FAINT, INK, QUIET
from service.skill.scores import SCORES

DOTS_PER_INCH = 110
BASELINES = {
    "persistence": ("#6b7280", "x"),
    "advection": ("#d97706", "+"),
    "dwd-rv": ("#a2603a", "1"),
    "s-prog": ("#8a8178", "2"),
}
"""Colours and markers of baselines, drawn dashed."""
MODELS = (("#0b4a91", "o"), ("#8e1652", "s"), ("#0b6e66", "^"), ("#5b3e92", "D"), ("#1f2a37", "v"))


def of_skill(
    rows: Sequence[Mapping[str, Any]],
    scores: Sequence[str],
    thresholds: Sequence[float],
    title: str,
    note: str,
) -> bytes:
    """Plot scores by lead time, as PNG.

    Args:
        rows: Rows of `service.skill.verification.table`; scores that are None leave a gap.
        scores: Names of the scores, a row of panels each.
        thresholds: Thresholds in mm/h, a column each.
        title: Text above the panels.
        note: Text below the panels.
    """
    looks = styles(sorted({row["model"] for row in rows}))
    width, height = 3.3 * len(thresholds) + 0.7, 2.6 * len(scores) + 1.5
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
    axes = figure.subplots(len(scores), len(thresholds), squeeze=False, sharex=True, sharey="row")
    figure.subplots_adjust(
        left=0.62 / width,
        right=1 - 0.12 / width,
        bottom=0.78 / height,
        top=1 - 1.05 / height,
        wspace=0.08,
        hspace=0.14,
    )
    shown = [row for row in rows if row["threshold"] in thresholds]
    for line, score in zip(axes, scores, strict=True):
        values = [row[score] for row in shown if row[score] is not None]
        line[0].set_ylim(min([0, *values]), 1.05 * max([0.1, *values]))
        for axis, threshold in zip(line, thresholds, strict=True):
            chosen = [row for row in rows if row["threshold"] == threshold]
            panel(axis, chosen, score, looks)
        line[0].set_ylabel(SCORES[score].title, size=9, color=INK)
    for axis, threshold in zip(axes[0], thresholds, strict=True):
        axis.set_title(f"{threshold:g} mm/h or more", size=9.5, color=INK, loc="left")
    for axis in axes[-1]:
        axis.set_xlabel("minutes ahead", size=8.5, color=INK)
    figure.text(0.12 / width, 1 - 0.1 / height, title, size=12, weight="bold", va="top", color=INK)
    figure.legend(
        handles=[Line2D([], [], label=model, **look) for model, look in looks.items()],
        loc="upper left",
        bbox_to_anchor=(0.05 / width, 1 - 0.38 / height),
        ncols=len(looks),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        columnspacing=1.6,
    )
    figure.text(0.12 / width, 0.1 / height, note, size=7.5, va="bottom", color=QUIET)
    file = BytesIO()
    figure.savefig(file, format="png", metadata={"Title": title})
    return file.getvalue()


def styles(models: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the line style of each model; models first, then baselines."""
    plain = [model for model in models if model not in BASELINES]
    found = {model: line(*MODELS[k % len(MODELS)], "-") for k, model in enumerate(plain)}
    dashed = {model: line(*look, (0, (4, 2.5))) for model, look in BASELINES.items()}
    return found | {model: look for model, look in dashed.items() if model in models}


def line(colour: str, marker: str, stroke: object) -> dict[str, Any]:
    """Return the arguments of matplotlib for a line style."""
    return {
        "color": colour,
        "marker": marker,
        "linestyle": stroke,
        "linewidth": 1.7 if stroke == "-" else 1.4,
        "markersize": 5,
    }


def panel(
    axis: Axes,
    rows: Sequence[Mapping[str, Any]],
    score: str,
    looks: Mapping[str, Mapping[str, Any]],
) -> None:
    """Plot one score of one threshold by lead time, a line per model."""
    for model, look in looks.items():
        points = sorted((r["lead_minutes"], r[score]) for r in rows if r["model"] == model)
        leads = [lead for lead, _ in points]
        values = [float("nan") if value is None else value for _, value in points]
        axis.plot(leads, values, clip_on=False, zorder=3, **look)
    if score == "fbias":
        axis.axhline(1, color=QUIET, linewidth=0.9, zorder=1)
    defined = [row[score] for row in rows if row[score] is not None]
    if not defined:
        axis.text(
            0.5, 0.5, "undefined: nothing\nreached this rate", transform=axis.transAxes,
            ha="center", va="center", size=8.5, color=QUIET,
        )  # fmt: skip
    axis.set_xticks(sorted({row["lead_minutes"] for row in rows}))
    axis.grid(color=FAINT, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=8, colors=INK, length=0)
    for side, spine in axis.spines.items():
        spine.set(color=QUIET, linewidth=0.8, visible=side == "bottom")
