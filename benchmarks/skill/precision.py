"""Effect of bfloat16 on scores: the trained networks in float32 and bfloat16 on real radar.

    python -m benchmarks.skill.precision
    python -m benchmarks.skill.precision --write docs/performance.md

Both see the same frames and are counted on the same cells. Shown is the largest change of CSI and
HSS over all leads and thresholds, counts summed over all starts, and that of any probability.
"""

import argparse
import platform
import sys
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from xarray import DataArray

from benchmarks.report import at_least_one, where, write_section
from benchmarks.skill import events
from benchmarks.skill.forecasters import NamedForecaster, path_of
from benchmarks.skill.scoring import HORIZON, MAIN_THRESHOLDS, NoStarts, score
from ingest import precipitation
from model_zoo.checkpoints import checkpoint
from model_zoo.fast.autotune import AutotunedNetwork, with_bf16
from model_zoo.forecasters.network import Network
from verification import csi, hss

NETWORKS = ("ms-lstm", "ms-preciplstm")
PRECISIONS = {"float32": AutotunedNetwork, "bf16": with_bf16}
ALLOWED = 0.002
"""Change of CSI or HSS."""


class Row(NamedTuple):
    """A network on an event."""

    name: str
    event: str
    starts: int
    csi: float
    """Largest change over leads and thresholds."""
    hss: float
    probability: float
    """Largest change of a probability in the last of the forecasts."""
    events: int
    """Least number of cells that reached a threshold at a lead."""


def row(name: str, event: str, frames: DataArray, every: np.timedelta64) -> Row:
    """Compare a network in reduced with itself in full precision.

    Args:
        name: Name of the network.
        event: Name of the event.
        frames: Frames (time, y, x) of the event in mm/h.
        every: Interval of issue times.

    Raises:
        NoStarts: The event is too short.
    """
    trained = checkpoint.load(path_of(name))
    both = {
        precision: Network(trained, name=precision, device="cpu", by=by)
        for precision, by in PRECISIONS.items()
    }
    forecasters = [
        NamedForecaster(precision, network, [trained.experiment])
        for precision, network in both.items()
    ]
    counts = score(event, frames, forecasters, every).counts
    summed = counts.sel(threshold=list(MAIN_THRESHOLDS)).sum("start")
    events_observed = (summed["hits"] + summed["misses"]).sel(model="float32").min().item()
    exact, reduced = (
        precipitation.exceedance_probabilities(network(frames, horizon=HORIZON))
        for network in both.values()
    )
    probability = max(
        abs(exact[threshold] - reduced[threshold]).max().item() for threshold in exact
    )
    changes = change(csi(summed)), change(hss(summed)), probability
    return Row(Path(name).stem, event, counts.sizes["start"], *changes, int(events_observed))


def change(scores: DataArray) -> float:
    """Return the largest difference of scores (model, ...) between the precisions.

    NaN if a score is defined in one of them only.
    """
    exact, reduced = (scores.sel(model=precision) for precision in PRECISIONS)
    if not (exact.isnull() == reduced.isnull()).all():
        return float("nan")
    return float(abs(reduced - exact).max())


HEADINGS = (
    "network",
    "event",
    "starts",
    "largest change of CSI",
    "of HSS",
    "of a probability",
    "cells at least",
)


def table(found: list[Row]) -> str:
    """Rows as Markdown."""
    lines = [HEADINGS, ["---", "---", *["---:"] * (len(HEADINGS) - 2)]]
    for row in found:
        changes = (f"{row.csi:.4f}", f"{row.hss:.4f}", f"{row.probability:.1e}")
        lines.append([row.name, row.event, str(row.starts), *changes, f"{row.events:,}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def section(found: list[Row], options: argparse.Namespace) -> str:
    """What was found, as Markdown."""
    today = date.today()  # noqa: DTZ011  the day where it ran
    return f"""\
## Scores in bfloat16

Written by `python -m benchmarks.skill.precision --write docs/performance.md`; no figure by hand.
{where("cpu")}, Python {platform.python_version()}, torch {torch.__version__}, {today}.

The trained networks with convolutions in bfloat16 (`NOWCAST_BF16=true` lets the service do so where
it is fastest) against the same in float32: starts every {options.every} minutes, counts summed over
them, the largest change over leads of 30 to 120 minutes and thresholds of 0.5, 2 and 5 mm/h. "Cells
at least" is how often the rarest of these was reached: few cells change a score by much. At most
{ALLOWED:g} is allowed.

{table(found)}
"""


def main() -> None:
    """Print a row for each network and event, and write all as a section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--names", nargs="+", default=list(NETWORKS), help="or paths")
    parser.add_argument("--events", nargs="+", default=[events.GERMAN], metavar="EVENT")
    parser.add_argument("--shared", type=Path, default=events.SHARED)
    parser.add_argument("--every", type=at_least_one, default=15, help="minutes between starts")
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    options = parser.parse_args()
    found: list[Row] = []
    try:
        for event in options.events:
            frames = events.read(event, options.shared)
            compare = partial(row, event=event, frames=frames)
            every = np.timedelta64(options.every, "m")
            found += [compare(name, every=every) for name in options.names]
    except (events.UnknownEvent, NoStarts) as error:
        sys.exit(f"{error}")
    print(table(found))
    if options.write:
        write_section(options.write, section(found, options), "scores in bfloat16")


if __name__ == "__main__":
    main()
