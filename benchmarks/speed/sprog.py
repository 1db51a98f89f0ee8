"""Seconds of a forecast by S-PROG: ours against pysteps' in turns.

    python -m benchmarks.speed.sprog
    python -m benchmarks.speed.sprog --write docs/performance.md

Both take the same simulated radar, and the motion that is ours; ratios are medians over pairs, by
the clock and by processor time, which other work disturbs less. Each takes one thread. The skill of
both is printed by `python -m benchmarks.skill --forecasters s-prog pysteps-s-prog`.
"""

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from xarray import DataArray

from benchmarks.pysteps_sprog import PystepsSPROG
from benchmarks.report import at_least_one, measured, table, write_section
from benchmarks.speed.comparison import HEADINGS, LACKING, Comparison, cells, compare, shifted
from ingest.grid import MODEL_FACTOR, block_mean
from ingest.simulation.simulate import simulate
from model_zoo.forecasters.contract import Forecaster
from model_zoo.forecasters.sprog import SPROG

FRAMES = 7
"""5 minutes apart: half an hour."""
SIDES = (48, 180)
HORIZONS = (4, 12)
TARGET = 10


def frames(side: int) -> DataArray:
    """Simulate rain (time, y, x) on the middle of the grid of the models."""
    times, fields = zip(*simulate(np.datetime64("2025-06-21T12:00"), FRAMES, seed=1), strict=True)
    rates = np.stack([block_mean(rate, MODEL_FACTOR) for rate in fields]).astype(np.float32)
    middle = tuple(slice((size - side) // 2, (size + side) // 2) for size in rates.shape[1:])
    coords = {"time": np.array(times, "datetime64[ns]"), "x": 5000.0 * np.arange(side)}
    return DataArray(rates[:, *middle], coords, ("time", "y", "x"))


def comparisons(sides: Sequence[int], rounds: int) -> Iterator[Comparison]:
    """Whole forecasts, the motion with them, of few leads and of more."""
    ours, theirs = SPROG(), PystepsSPROG()
    for side in sides:
        for horizon in HORIZONS:
            what = f"{side} x {side}, {horizon} leads"
            # each has its own frames, so that neither estimates the motion for the other
            given = frames(side)
            before = partial(once, theirs, shifted(given), horizon)
            yield compare(
                what, before, partial(once, ours, shifted(given, side // 2), horizon), 1, rounds
            )


def once(forecaster: Forecaster, given: Iterator[DataArray], horizon: int) -> DataArray:
    """A forecast (lead, y, x) in mm/h from the next frames (time, y, x)."""
    return forecaster(next(given), horizon)


def section(found: Sequence[Comparison]) -> str:
    """What was found, as Markdown."""
    about = measured("benchmarks.speed.sprog --write docs/performance.md", "numpy", "pysteps")
    return f"""\
## S-PROG

{about}

{table(HEADINGS, map(cells, found))}

Milliseconds of a complete forecast, including the motion, which is ours in both. Theirs is pysteps'
S-PROG on the newest three frames; the target is {TARGET} times as fast on 180 x 180 cells.
"""


def main() -> None:
    """Print every comparison, and write them as a section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=at_least_one, default=9)
    parser.add_argument("--sides", type=at_least_one, nargs="+", default=SIDES)
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    options = parser.parse_args()
    if not find_spec("pysteps"):
        print(LACKING)
        return
    cv2.setNumThreads(1)
    print(table(HEADINGS, []), flush=True)
    found = []
    for comparison in comparisons(options.sides, options.rounds):
        found.append(comparison)
        print(table(HEADINGS, [cells(comparison)]).splitlines()[-1], flush=True)
    if options.write:
        write_section(options.write, section(found), "s-prog")


if __name__ == "__main__":
    main()
