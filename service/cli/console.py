"""Output of the command line: tables and progress bars."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from service.skill import verification

LINE_SECONDS = 10.0
"""Shortest time between two lines of progress, in s."""
SHOWN_THRESHOLDS = (0.5, 2.0, 5.0)
"""Thresholds in mm/h of the skill table, those of the papers."""
SHOWN_SCORES = {"csi": "CSI", "hss": "HSS", "fbias": "FBIAS"}


class ProgressLines(Progress):
    """Progress as lines, for logs and pipes: at most one every few seconds, and one at the end.

    Args:
        console: Where to print.
        seconds: Shortest time between two lines of a task, in s.
    """

    def __init__(self, console: Console, seconds: float = LINE_SECONDS) -> None:
        super().__init__(console=console, auto_refresh=False)
        self._line_seconds, self._printed = seconds, time.monotonic()

    def start(self) -> None:
        """Show no bar."""

    def stop(self) -> None:
        """Leave nothing behind."""

    def refresh(self) -> None:
        """Print a line for each task that has changed, if one is due."""
        for task in self.tasks:
            is_due = time.monotonic() - self._printed >= self._line_seconds
            is_last = task.finished and not task.fields.get("is_reported")
            if self.disable or not task.completed or not (is_due or is_last):
                continue
            self._printed = time.monotonic()
            task.fields["is_reported"] = task.finished
            of = "" if task.total is None else f" of {task.total:g}"
            note = f", {task.fields['note']}" if task.fields.get("note") else ""
            line = f"{task.description}: {task.completed:g}{of}{note}"
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def update(self, task_id: TaskID, **changes: Any) -> None:  # noqa: ANN401
        """Change a task; see `rich.progress.Progress.update`."""
        super().update(task_id, **changes)
        self.refresh()

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Advance a task by some steps."""
        super().advance(task_id, advance)
        self.refresh()


def progress(console: Console) -> Progress:
    """A progress bar of a known number of steps with a note, or lines without a terminal."""
    if not console.is_terminal:
        return ProgressLines(console)
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
