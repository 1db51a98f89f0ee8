"""Rain sums as tables."""

from typing import Any

from rich.console import Console

from service.cli.console import plain_table

HEADINGS = ("period", "mean", "maximum", "median", "10-90 %")


def print_sums(out: Console, document: dict[str, Any], levels: tuple[float, ...]) -> None:
    """Print a document of the schema `RainSums`, with the probabilities of thresholds in mm."""
    events = [f"{level:g} mm" for level in levels]
    lines = [
        *(period_line(period, "last", levels) for period in document["measured"]),
        *(period_line(period, "next", levels) for period in document["forecast"]),
    ]
    out.print(plain_table("Rain in mm; probabilities of the mean", (*HEADINGS, *events), lines))
    out.print(
        plain_table(
            "Warning levels of DWD: largest sums that end in the next two hours",
            ("level", "mean", "maximum", "probability anywhere"),
            [warning_line(warning) for warning in document["warnings"]],
        )
    )
    missing = document["measured"][-1]["frames_missing"]
    if missing:
        out.print(
            f"{missing} radar frames of the last 24 hours are missing; they do not count as dry"
        )
    if not document["members"]:
        model = document["model"]["name"]
        out.print(f"{model} has no ensemble, so that probabilities are unknown")


def period_line(period: dict[str, Any], name: str, levels: tuple[float, ...]) -> list[str]:
    """A period of a document of sums as a line of a table."""
    mean = period["mean"]
    found = {part["threshold_mm"]: part["probability"] for part in mean["probabilities"]}
    spread = "-" if mean["p10"] is None else f"{mean['p10']:.1f}-{mean['p90']:.1f}"
    return [
        f"{name} {length(period['minutes'])}",
        millimetres(mean["mm"]),
        millimetres(period["maximum"]["mm"]),
        millimetres(mean["median"]),
        spread,
        *(percent(found.get(level)) for level in levels),
    ]


def warning_line(warning: dict[str, Any]) -> list[str]:
    """A warning level of a document of sums as a line of a table."""
    (found,) = warning["maximum"]["probabilities"] or [{"probability": None}]
    return [
        f"{warning['level']}: {warning['from_mm']:g} mm in {length(warning['minutes'])}",
        millimetres(warning["mean"]["mm"]),
        millimetres(warning["maximum"]["mm"]),
        percent(found["probability"]),
    ]


def length(minutes: int) -> str:
    """The length of a period, such as 15 min or 6 h."""
    return f"{minutes} min" if minutes < 60 or minutes % 60 else f"{minutes // 60} h"


def millimetres(value: float | None) -> str:
    """A sum in mm, or a dash for no data."""
    return "-" if value is None else f"{value:.1f}"


def percent(probability: float | None) -> str:
    """A probability, or a dash for no data."""
    return "-" if probability is None else f"{probability:.0%}"
