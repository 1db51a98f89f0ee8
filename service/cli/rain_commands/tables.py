"""Rain sums as tables."""

from typing import Any

from rich.console import Console

from service.cli.console import plain_table
from service.cli.rain_commands.texts import (
    UNKNOWN,
    amount,
    length,
    millimetres,
    percent,
    text_of,
)
from service.pipeline.place_wording import Language


def print_sums(
    out: Console, document: dict[str, Any], levels: tuple[float, ...], language: Language
) -> None:
    """Print a document of the schema `RainSums`, with the probabilities of thresholds in mm."""
    names = ("period", "mean", "maximum", "median", "quantiles")
    headings = [text_of(language, name) for name in names]
    events = [millimetres(level, language) for level in levels]
    lines = [
        period_line(period, name, levels, language)
        for name, periods in (("last", document["measured"]), ("next", document["forecast"]))
        for period in periods
    ]
    out.print(plain_table(text_of(language, "sums"), (*headings, *events), lines))
    columns = ("level", "mean", "maximum", "anywhere")
    out.print(
        plain_table(
            text_of(language, "warnings"),
            [text_of(language, name) for name in columns],
            [warning_line(warning, language) for warning in document["warnings"]],
        )
    )
    for note in notes(document, language):
        out.print(note)


def notes(document: dict[str, Any], language: Language) -> list[str]:
    """What is missing in a document of sums, a sentence each."""
    found = []
    missing = document["measured"][-1]["frames_missing"]
    if missing:
        name = "one_missing" if missing == 1 else "missing"
        found.append(text_of(language, name, number=missing))
    if not document["members"]:
        found.append(text_of(language, "no_ensemble", model=document["model"]["name"]))
    return found


def period_line(
    period: dict[str, Any], name: str, levels: tuple[float, ...], language: Language
) -> list[str]:
    """A period of a document of sums as a line of a table; it is the `last` or the `next`."""
    mean, minutes = period["mean"], period["minutes"]
    found = {part["threshold_mm"]: part["probability"] for part in mean["probabilities"]}
    low, high = (amount(mean[quantile], language) for quantile in ("p10", "p90"))
    is_hour = minutes == 60
    return [
        text_of(language, f"{name}_hour" if is_hour else name, length=length(minutes, language)),
        amount(mean["mm"], language),
        amount(period["maximum"]["mm"], language),
        amount(mean["median"], language),
        UNKNOWN if mean["p10"] is None else text_of(language, "range", low=low, high=high),
        *(percent(found.get(level), language) for level in levels),
    ]


def warning_line(warning: dict[str, Any], language: Language) -> list[str]:
    """A warning level of a document of sums as a line of a table."""
    (found,) = warning["maximum"]["probabilities"] or [{"probability": None}]
    least, within = millimetres(warning["from_mm"], language), length(warning["minutes"], language)
    return [
        f"{warning['level']}: {least} in {within}",
        amount(warning["mean"]["mm"], language),
        amount(warning["maximum"]["mm"], language),
        percent(found["probability"], language),
    ]
