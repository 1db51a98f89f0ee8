"""What the command line says: tables of skill, progress of long work."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from service.skill import verification

SHOWN_THRESHOLDS = (0.5, 2.0, 5.0)
"""mm/h; those the papers report."""
SHOWN_SCORES = {"csi": "CSI", "hss": "HSS", "fbias": "FBIAS"}


def progress(console: Console) -> Progress:
    """A bar for work on a known number of things."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[said]}", style="dim"),
        console=console,
    )


def skill_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Scores by model and lead, side by side for the thresholds the papers report.

    Args:
        rows: Counts of the ledger; only forecasts that all models among them have are compared.
    """
    counted = verification.counted(verification.shared_issues(rows))
    by_place = {
        (r["model"], r["lead_minutes"], r["threshold"]): r for r in verification.table(counted)
    }
    shown = Table(
        title="Skill, cells of 5 km with data in the radar frame and in every model",
        caption="an event is a rate of the threshold or more; counts of all starts are summed, "
        "then scored; FBIAS: frequency bias, 1 is none",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        caption_justify="left",
        title_justify="left",
    )
    for heading in ("model", "lead", "starts"):
        shown.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=True)
    for name in SHOWN_SCORES.values():
        for threshold in SHOWN_THRESHOLDS:
            shown.add_column(f"{name}\n{threshold:g} mm/h", justify="right")
    for model in counted["model"].values.tolist():
        for lead in counted["lead_minutes"].values.tolist():
            found = [by_place[model, lead, threshold] for threshold in SHOWN_THRESHOLDS]
            cells = [score(row[name]) for name in SHOWN_SCORES for row in found]
            shown.add_row(model, f"{lead} min", str(found[0]["n_valid"]), *cells)
        shown.add_section()
    return shown


def plain_table(title: str, headings: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    """Text in columns, less those that say nothing; all but the first are figures."""
    shown = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left")
    telling = [k for k in range(len(headings)) if any(line[k] not in ("", "-") for line in lines)]
    for k in telling:
        shown.add_column(headings[k], justify="right" if k else "left", no_wrap=True)
    for line in lines:
        shown.add_row(*(line[k] for k in telling))
    return shown


def score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def outcomes(tally: Mapping[str, int]) -> str:
    """How many files came to each outcome, in words."""
    return ", ".join(f"{number} {outcome}" for outcome, number in sorted(tally.items())) or "none"
