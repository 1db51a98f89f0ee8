"""Seconds of the forecasts of a cycle: each model alone, and all that are served together.

    python -m benchmarks.speed.served.cycle
    python -m benchmarks.speed.served.cycle --write docs/performance.md

24 leads of 5 minutes on 180x180 cells of simulated radar. Together, a blend takes the forecasts of
its members, and all of them the motion, which are computed once. Each measurement has other frames.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import cv2
import numpy as np
import torch
import xarray as xr
from xarray import DataArray

from benchmarks.report import at_least_one, measured, table, write_section
from benchmarks.speed.comparison import shifted, timed
from ingest.grid import MODEL_FACTOR, NATIONAL_SPHERE, block_mean
from ingest.precipitation import SIMULATED, make
from ingest.simulation.simulate import simulate
from service.pipeline.served_models import Forecasters
from service.settings import Settings

NEWEST = np.datetime64("2025-06-21T12:00", "ns")
FRAMES = 19
"""5 minutes apart: 90 minutes."""
LEADS, STEP_MINUTES = 24, 5
TOGETHER = "all together"
HEADINGS = ("model", "threads", "seconds", "processor seconds")


class Cost(NamedTuple):
    """Of a forecast, or of those of a cycle.

    Attributes:
        model: Its name.
        threads: Of networks and of OpenCV.
        seconds: By the clock, the median over rounds.
        processor: Seconds of processor time, likewise.
    """

    model: str
    threads: int
    seconds: float
    processor: float

    def cells(self) -> list[str]:
        """As a row."""
        return [self.model, str(self.threads), f"{self.seconds:.2f}", f"{self.processor:.2f}"]


def frames() -> DataArray:
    """Simulated rain (time, y, x) in mm/h, every 5 minutes."""
    grid = NATIONAL_SPHERE.coarser(MODEL_FACTOR)
    fields = [
        make(block_mean(rate, MODEL_FACTOR), time, grid, "simulated", source=SIMULATED)
        for time, rate in simulate(NEWEST, FRAMES, seed=1)
    ]
    return xr.concat(fields, "time", coords="minimal", compat="override", join="override")


def costs(models: Sequence[str], threads: int, rounds: int) -> list[Cost]:
    """The cost of each model alone, the first time that it sees the frames, and of all in turn."""
    cv2.setNumThreads(threads)
    torch.set_num_threads(threads)
    forecasters = Forecasters(models, device="cpu", threads=threads)
    forecasters.warm()
    given = shifted(frames())
    found = []
    for forecaster in forecasters.all_served():
        times = [
            timed(partial(forecaster, next(given), LEADS, STEP_MINUTES)) for _ in range(rounds)
        ]
        found.append(cost(forecaster.name, threads, times))
    times = []
    for _ in range(rounds):
        rain = next(given)
        cycle = [timed(partial(f, rain, LEADS, STEP_MINUTES)) for f in forecasters.all_served()]
        times.append((sum(clock for clock, _ in cycle), sum(used for _, used in cycle)))
    return [*found, cost(TOGETHER, threads, times)]


def cost(model: str, threads: int, times: Sequence[tuple[float, float]]) -> Cost:
    """The medians over rounds of seconds by the clock and of the processor."""
    return Cost(model, threads, *(median(of) for of in zip(*times, strict=True)))


def section(found: Sequence[Cost]) -> str:
    """What was found, as Markdown."""
    about = measured("benchmarks.speed.served.cycle --write docs/performance.md", "torch")
    return f"""\
## Forecasts of a cycle

{about}

{table(HEADINGS, (row.cells() for row in found))}

24 leads of 5 minutes on 180x180 cells with the shipped weights, from simulated radar; each model
alone with frames that are new to it, then all that are served, one after the other, from the same
frames: a blend takes the forecasts of its members.
"""


def main() -> None:
    """Print the table, and write it as a section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=at_least_one, nargs="+", default=(1, 2))
    parser.add_argument("--rounds", type=at_least_one, default=3)
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    options = parser.parse_args()
    models = Settings().models
    found = [row for threads in options.threads for row in costs(models, threads, options.rounds)]
    text = section(found)
    print(text)
    if options.write:
        write_section(options.write, text, "forecasts of a cycle")


if __name__ == "__main__":
    main()
