"""Gain in skill of each step of a training on the validation event, with its interval.

    python -m benchmarks.skill.steps advection guess.safetensors simulated.safetensors ms-lstm
    python -m benchmarks.skill.steps ... --write docs/experiments.md

Forecasters are named in the order of the steps, each by its name or the path of a checkpoint, and
compared with the one before on the same starts, cells and draws.
"""

import argparse
import platform
import sys
from collections.abc import Iterator
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from xarray import DataArray, Dataset

from benchmarks import conclusions
from benchmarks.report import write_section
from benchmarks.skill import events
from benchmarks.skill.forecasters import open_forecasters
from benchmarks.skill.scoring import Scored, score
from benchmarks.skill.sections import with_probabilities
from benchmarks.skill.skill import add_common, exit_on_bad_events
from benchmarks.skill.tables import (
    COMPARED,
    SCORES,
    EventSums,
    Score,
    at_main_thresholds,
    leads,
    markdown,
    significance,
    with_bounds,
)
from model_zoo.profiling.markdown import tables, with_conclusion
from verification import brier_skill

BRIER = "Brier skill"


def gains(found: Scored) -> str:
    """Of each forecaster against the one before, by score, threshold and lead, as Markdown."""
    lines = [
        [
            name,
            f"{threshold:g}",
            f"{label_of(later)} after {label_of(earlier)}",
            *map(significance, cells),
        ]
        for name, sums, of in compared(found)
        for earlier, later in pairwise(sums.sums["model"].to_numpy().tolist())
        for threshold, cells in by_threshold(sums, partial(gain, earlier, later, of))
    ]
    return markdown(["score", "mm/h", "step", *leads(found.counts)], lines)


def label_of(forecaster: str) -> str:
    """Its name; of the checkpoint in the folder of a run, that of the folder."""
    path = Path(forecaster)
    return path.parent.name if path.suffix == ".safetensors" else forecaster


def compared(found: Scored) -> Iterator[tuple[str, EventSums, Score]]:
    """Names of scores, what they are of, and the scores."""
    (counts,) = at_main_thresholds([EventSums(found.counts, found.hour)])
    for name in COMPARED:
        yield name, counts, SCORES[name]
    if found.probabilities is not None:
        labels = with_probabilities(found)
        (sums,) = at_main_thresholds([EventSums(found.probabilities, found.hour)])
        yield BRIER, sums._replace(sums=sums.sums.sel(model=labels)), brier_skill


def gain(earlier: str, later: str, of: Score, sums: Dataset) -> DataArray:
    """Return the difference of a score, later minus earlier forecaster, (lead_time, ...)."""
    found = of(sums)
    return found.sel(model=later, drop=True) - found.sel(model=earlier, drop=True)


def by_threshold(
    sums: EventSums, difference: Score
) -> Iterator[tuple[float, list[tuple[float, ...]]]]:
    """Thresholds, and at each lead a difference and its bounds."""
    fields = [
        field.transpose("threshold", "lead_time") for field in with_bounds([sums], difference)
    ]
    for number, threshold in enumerate(sums.sums["threshold"].to_numpy().tolist()):
        columns = (field.to_numpy()[number].tolist() for field in fields)
        yield threshold, list(zip(*columns, strict=True))


def section(found: Scored, table: str) -> str:
    """What was found, as Markdown."""
    today = date.today()  # noqa: DTZ011  the day where it ran
    text = f"""\
## What each step gains

Written by `python -m benchmarks.skill.steps`, Python {platform.python_version()}, torch
{torch.__version__}, {today}; no figure by hand. {found.event}: {found.role.value}.
{found.about}; {found.counts.sizes["start"]} starts. Brackets contain the 90 % interval of a
bootstrap over blocks of starts of an hour, which is too narrow, since weather is correlated for
longer; bold where it excludes 0. Brier skill is relative to the event's own frequency.

{table}
"""
    return with_conclusion(text, conclusions.steps(tables(text)))


def main() -> None:
    """Print what each step gains, and write it as a section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("steps", nargs="+", help="names, or paths of checkpoints, in their order")
    parser.add_argument("--event", default=events.VALIDATION)
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    add_common(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with exit_on_bad_events():
        frames = events.read(options.event, options.shared)
        forecasters = open_forecasters(options.steps)
        if len(forecasters) < 2:
            sys.exit(f"{len(forecasters)} forecaster to compare, should be two or more")
        found = score(options.event, frames, forecasters, np.timedelta64(options.every, "m"))
    table = gains(found)
    print(table)
    if options.write:
        write_section(options.write, section(found, table), "what each step gains")


if __name__ == "__main__":
    main()
