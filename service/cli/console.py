"""Output of the command line: tables and progress bars."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from service.skill import verification

SHOWN_THRESHOLDS = (0.5, 2.0, 5.0)
"""Thresholds in mm/h of the skill table, those of the papers."""
SHOWN_SCORES = {"csi": "CSI", "hss": "HSS", "fbias": "FBIAS"}


def progress(console: Console) -> Progress:
    """A progress bar of a known number of steps, with a note beside it."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
        console=console,
    )


def skill_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Scores by model and lead time, with a column per score and threshold.

    Args:
        rows: Counts of the ledger; only forecasts that all these models have are compared.
    """
    counted = verification.counted(verification.shared_issues(rows))
    by_cell = {
        (r["model"], r["lead_minutes"], r["threshold"]): r for r in verification.table(counted)
    }
    table = Table(
        title="Skill, cells of 5 km with data in the radar frame and in every model",
        caption="an event is a rate at or above the threshold; scores are of counts summed over "
        "all starts; FBIAS: frequency bias, 1 is unbiased",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        caption_justify="left",
        title_justify="left",
    )
    for heading in ("model", "lead", "starts"):
        table.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=True)
    for name in SHOWN_SCORES.values():
        for threshold in SHOWN_THRESHOLDS:
            table.add_column(f"{name}\n{threshold:g} mm/h", justify="right")
    for model in counted["model"].values.tolist():
        for lead in counted["lead_minutes"].values.tolist():
            scored = [by_cell[model, lead, threshold] for threshold in SHOWN_THRESHOLDS]
            cells = [score(row[name]) for name in SHOWN_SCORES for row in scored]
            table.add_row(model, f"{lead} min", str(scored[0]["n_valid"]), *cells)
        table.add_section()
    return table


def plain_table(title: str, headings: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    """A table of text, without empty columns; all columns but the first are right-aligned."""
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left")
    filled = [k for k in range(len(headings)) if any(line[k] not in ("", "-") for line in lines)]
    for k in filled:
        table.add_column(headings[k], justify="right" if k else "left", no_wrap=True)
    for line in lines:
        table.add_row(*(line[k] for k in filled))
    return table


def score(value: float | None) -> str:
    """A score with three decimals, or a dash where it is undefined."""
    return "-" if value is None else f"{value:.3f}"


def outcomes(tally: Mapping[str, int]) -> str:
    """Number of files by outcome, as text."""
    return ", ".join(f"{number} {outcome}" for outcome, number in sorted(tally.items())) or "none"
