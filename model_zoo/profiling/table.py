"""Table of the cost of every network of the zoo, with the published costs."""

import os
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch

from model_zoo.checkpoints.arrays import blank
from model_zoo.profiling.cost import MultiplyAdds, multiply_adds, parameters
from model_zoo.profiling.markdown import Table, number, span, tables, with_conclusion
from model_zoo.profiling.measure import Measurement, MeasurementFile, measure
from model_zoo.profiling.papers import DATA_SETS, PUBLISHED, REASONS, DataSet, Figures
from model_zoo.zoo import MODELS, Model

BILLION = 1e9


class Row(NamedTuple):
    """One network on one data set."""

    name: str
    data_set: str
    shape: DataSet
    """As run: the grid is padded if the network cannot halve it as often as needed."""
    parameters: int
    work: MultiplyAdds
    published: Figures | None
    measured: Measurement | None

    @property
    def is_padded(self) -> bool:
        """Whether the network runs on a larger grid than the data set has."""
        return self.shape != DATA_SETS[self.data_set]


def rows(
    names: Iterable[str],
    data_sets: Iterable[str],
    channels: int,
    patience_seconds: float | None = None,
    notes: Path | None = None,
    progress: Callable[[str], object] = lambda line: None,
) -> Iterator[Row]:
    """Compute the cost of each network on each data set.

    Args:
        names: Of `zoo.MODELS`.
        data_sets: Of `papers.DATA_SETS`.
        channels: Width of every layer.
        patience_seconds: Time limit for measuring a network on a data set; None measures nothing.
        notes: File of earlier measurements on this machine, which are reused.
        progress: Called before each row.
    """
    chosen, file = list(names), MeasurementFile(notes, machine())
    for data_set in data_sets:
        known: dict[Model, Measurement | None] = {}
        for name in chosen:
            progress(f"{name}, {data_set}")
            shape = padded(DATA_SETS[data_set], blank(name, channels).stack.multiple)
            # some networks have two names, and are measured once
            if MODELS[name] not in known:
                known[MODELS[name]] = timed(name, channels, shape, patience_seconds, file)
            found = known.get(MODELS[name])
            yield Row(
                name,
                data_set,
                shape,
                parameters(name, channels),
                multiply_adds(name, channels, *shape[1:]),
                PUBLISHED.get(data_set, {}).get(name),
                found,
            )


def timed(
    name: str, channels: int, shape: DataSet, patience_seconds: float | None, file: MeasurementFile
) -> Measurement | None:
    """Return an earlier measurement of a network, or measure it and append it to the file."""
    same = (other for other in MODELS if MODELS[other] == MODELS[name])
    noted = (file.find(other, channels, shape) for other in same)
    found = next((measured for measured in noted if measured is not None), None)
    if found is None and patience_seconds is not None:
        found = measure(name, channels, shape, patience_seconds)
        if found is not None:
            file.append(name, channels, shape, found)
    return found


def padded(data: DataSet, multiple: int) -> DataSet:
    """Pad the grid to a multiple of what a network needs."""
    height, width = (side + -side % multiple for side in (data.height, data.width))
    return data._replace(height=height, width=width)


HEADINGS = (
    "network",
    "parameters",
    "multiply-adds, 10^9",
    "of which attention",
    "paper",
    "forecast, s",
    "forecast peak, MB",
    "training step, s",
    "training peak, MB",
    "kept for backward, MB",
    "paper, GB per card of 4",
    "paper, hours on 4 A100",
    "paper, million parameters",
)

WORK = "multiply-adds, 10^9"
MILLION = 1e6
PARAMETERS_CLOSE, WORK_CLOSE, WORK_NEAR = 0.06, 0.06, 0.001
"""Differences up to which figures that papers round are the same: millions of parameters, 10^9
multiply-adds, and relative to these."""
NEAR = 0.05
"""Relative difference up to which a figure of a paper counts as reproduced."""

SHORT_HEADINGS = (
    "network",
    "parameters",
    "G mult-adds",
    "attention",
    "paper",
    "forecast s",
    "peak MB",
    "step s",
    "peak MB",
    "kept MB",
    "paper GB",
    "paper h",
    "paper M",
)
"""Headings for the terminal."""


def cells(row: Row) -> list[str]:
    """Format a row in the order of `HEADINGS`."""
    found, published = row.measured, row.published
    attention = row.work.attention / BILLION
    return [
        row.name + "*" * row.is_padded,
        f"{row.parameters:,}",
        f"{row.work.total / BILLION:,.1f}",
        f"{attention:,.1f}" if attention else "",
        f"{published.multiply_adds:,.1f}" if published else "",
        f"{found.forecast_seconds:.3f}" if found else "-",
        f"{found.forecast_peak:,.0f}" if found else "-",
        f"{found.step_seconds:.3f}" if found else "-",
        f"{found.step_peak:,.0f}" if found else "-",
        f"{found.kept:,.0f}" if found else "-",
        f"{published.memory:,.1f}" if published else "",
        f"{published.hours:.1f}" if published else "",
        f"{published.parameters:.1f}" if published else "",
    ]


def difference(row: Row) -> str:
    """Say where a row differs from the paper, and why; empty where it does not."""
    if row.published is None:
        return ""
    millions, work = row.parameters / MILLION, row.work.total / BILLION
    pairs = (
        ("million parameters", millions, row.published.parameters, PARAMETERS_CLOSE),
        ("10^9 multiply-adds", work, row.published.multiply_adds, WORK_CLOSE),
    )
    found = [
        f"{ours:.{digits}f} instead of {paper:.1f} {what}"
        for (what, ours, paper, close), digits in zip(pairs, (2, 1), strict=True)
        if abs(ours - paper) > max(close, WORK_NEAR * paper * (what != pairs[0][0]))
    ]
    if not found:
        return ""
    reason = REASONS.get((row.name, row.data_set)) or REASONS.get((row.name, ""), "unexplained")
    return f"{row.name}: {' and '.join(found)}: {reason}"


def document(found: Sequence[Row], channels: int, patience_seconds: float) -> str:
    """Write the table as Markdown, for docs/models.md."""
    about = ABOUT.format(channels=channels, machine=machine(), patience=patience_seconds)
    parts = [about]
    for data_set, data in DATA_SETS.items():
        chosen = [row for row in found if row.data_set == data_set]
        if not chosen:
            continue
        title = f"{data.title}: {data.given} frames of {data.height}x{data.width} to {data.horizon}"
        lines = [HEADINGS, ["---", *["---:"] * (len(HEADINGS) - 1)], *map(cells, chosen)]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts.append(f"## {title}\n\n{table}\n{differences(chosen)}")
    text = "\n".join(parts) + NOTES
    return with_conclusion(text, conclusion(tables(text)))


def differences(found: Sequence[Row]) -> str:
    """List where rows differ from the paper, and why, as Markdown; empty where none does."""
    lines = [f"- {line}." for line in map(difference, found) if line]
    return "\n".join(["\nWhere ours and the paper differ:\n", *lines, ""]) if lines else ""


def conclusion(found: Sequence[Table]) -> list[str]:
    """What the tables say in a few lines, from the numbers they show."""
    work = {
        (table.section, row[0].rstrip("*")): number(row[table.headings.index(WORK)])
        for table in found
        for row in table.rows
    }
    halved = [
        value / work[section, name.removeprefix("ms-")]
        for (section, name), value in work.items()
        if name.startswith("ms-") and (section, name.removeprefix("ms-")) in work
    ]
    cells = [dict(zip(table.headings, row, strict=True)) for table in found for row in table.rows]
    sizes = [number(row["parameters"]) for row in cells]
    compared = [(number(row[WORK]), number(row["paper"])) for row in cells if row["paper"]]
    near = sum(abs(ours / paper - 1) < NEAR for ours, paper in compared)
    lines = [f"Networks have {span(sizes, ',.0f')} parameters at this width."] if sizes else []
    if halved:
        lines.append(
            f"A multi-scale network needs {median(halved):.2f} times the multiply-adds of the "
            f"plain one (median; {span(halved, '.2f')})."
        )
    if compared:
        lines.append(
            f"Multiply-adds are within {NEAR:.0%} of the paper's figure in {near} of "
            f"{len(compared)} cases."
        )
    return [*lines, *measured_lines(found)]


def measured_lines(found: Sequence[Table]) -> list[str]:
    """The quickest and the slowest forecast and training step of the largest data set."""
    timed = [table for table in found if any(cell != "-" for cell in table.column("forecast, s"))]
    if not timed:
        return []
    largest = max(timed, key=lambda table: max(map(number, table.column(WORK))))
    lines = []
    for what, heading in (("forecast", "forecast, s"), ("training step", "training step, s")):
        seconds = {
            name.rstrip("*"): number(cell)
            for name, cell in zip(largest.column("network"), largest.column(heading), strict=True)
            if cell != "-"
        }
        quick, slow = min(seconds, key=seconds.__getitem__), max(seconds, key=seconds.__getitem__)
        lines.append(
            f"{largest.section.partition(':')[0]}: a {what} takes {seconds[quick]:.2g} s "
            f"({quick}) to {seconds[slow]:.2g} s ({slow})."
        )
    return lines


def machine() -> str:
    """Describe this machine."""
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor()
    where = where or platform.machine()
    cores, threads = os.cpu_count(), torch.get_num_threads()
    return (
        f"{where}, {cores} cores, {threads} threads, Python {platform.python_version()}, "
        f"torch {torch.__version__}, {date.today():%Y-%m-%d}"  # noqa: DTZ011  the day where it ran
    )


ABOUT = """# The networks of the zoo, and what they cost

Written by `nowcast models --measure --write docs/models.md`; no figure by hand. Six layers of
{channels} channels, float32, one sample. Measured on: {machine}.

Multiply-adds are those of the convolutions and of attention over all steps of one forecast, as the
papers count what they call FLOPs; times are the best of three runs, of fewer where these take over
5 s, without any compilation; memory is above the process at rest. A dash: not measured, or not
within {patience:.0f} s in all. What is kept for the backward pass beside what the published
networks keep is in [memory.md](memory.md).
"""

NOTES = """
`*` runs on a padded grid: it halves the field more often than its sides allow.

Memory of the papers is of a card of four without cuDNN, ours of one process: compare ratios. Their
hours are of a whole training on four A100.
"""
