"""Where the limits lie: cost of forecasts, larger grids, many readers, from measured slopes.

    python -m benchmarks.speed.scale
    python -m benchmarks.speed.scale --write docs/scale.md

Measured are small cases (`benchmarks.speed.slopes`, `benchmarks.speed.ingest`,
`benchmarks.speed.verification`); what is larger than this machine is worked out from them by the
formulas that are printed beside. What is assumed and not measured is named so: prices, and all of a
GPU.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.conclusions import conclude
from benchmarks.report import at_least_one, measured, table
from benchmarks.speed.inference import SHIPPED
from benchmarks.speed.ingest import compare, simulated
from benchmarks.speed.slopes import MODEL, Forecast, Line, fitted, forecast, request_milliseconds
from benchmarks.speed.verification import comparisons
from model_zoo.checkpoints.checkpoint import write_whole
from model_zoo.profiling.cost import multiply_adds

SIDES = (88, 180, 264, 360)
ISSUES_A_YEAR = 365 * 24 * 12
CYCLE_SECONDS = 300
CORE_HOUR, GPU_HOUR, TERABYTE_MONTH = 0.04, 1.0, 20.0
"""Assumed prices in EUR."""
GPU_FLOPS = 5e12
"""Assumed floating-point operations per second that a GPU of the service class reaches on
convolutions of few channels: less than a tenth of what is written on it, as such networks are bound
by memory and by the many small steps of recurrence."""
REQUESTS = 10_000
HIT_SHARE = 0.99
"""Assumed share of reads that a cache in front answers: a forecast never changes, so it fetches
each form once."""


class Grid(NamedTuple):
    """A grid to forecast on."""

    name: str
    rows: int
    columns: int

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.rows * self.columns


GRIDS = (
    Grid("Germany, 5 km (as served)", 180, 180),
    Grid("Germany, 1 km", 900, 900),
    Grid("Europe, OPERA 2 km", 2200, 1900),
)


class Slopes(NamedTuple):
    """What was measured."""

    forecasts: Sequence[Forecast]
    requests: dict[str, float]
    """Milliseconds of the processor."""
    ingest_seconds: float
    """Of the processor, for a frame."""
    count_seconds: float
    """By the clock, for a field against a field."""

    @property
    def seconds(self) -> Line:
        """Seconds of a forecast by number of cells."""
        return fitted(
            [forecast.cells for forecast in self.forecasts], [f.seconds for f in self.forecasts]
        )

    @property
    def megabytes(self) -> Line:
        """Memory of a forecast by number of cells."""
        some = [max(forecast.megabytes, 1.0) for forecast in self.forecasts]
        return fitted([forecast.cells for forecast in self.forecasts], some)

    @property
    def stored(self) -> Line:
        """Bytes of a stored forecast by number of cells."""
        return fitted(
            [forecast.cells for forecast in self.forecasts], [f.stored for f in self.forecasts]
        )


def measure(sides: Sequence[int], requests: int, rounds: int) -> Slopes:
    """Measure all slopes; minutes."""
    with tempfile.TemporaryDirectory(prefix="nowcast-bench-") as name:
        ours, _ = compare(simulated(Path(name)), Path(name), rounds)
    counting = next(iter(comparisons(180, 2, rounds=3)))
    seconds = min(clock for clock, _ in counting.ours) / counting.pairs
    return Slopes(
        [forecast(side) for side in sides],
        request_milliseconds(requests),
        ours.processor,
        seconds,
    )


# what follows


def gpu_seconds(cells: float) -> float:
    """Of a forecast on a GPU, by its arithmetic and what is assumed of the GPU; not measured."""
    side = 180
    work = multiply_adds(MODEL, SHIPPED[MODEL], side, side, 4, 4).total
    return 2 * work * cells / side**2 / GPU_FLOPS


def costs(slopes: Slopes) -> list[list[str]]:
    """A row for each grid: what a forecast and a year of one model cost."""
    rows = []
    for grid in GRIDS:
        seconds = slopes.seconds.value_at(grid.cells)
        gpu, stored = gpu_seconds(grid.cells), slopes.stored.value_at(grid.cells)
        core_hours = seconds * ISSUES_A_YEAR / 3600
        gpu_hours = gpu * ISSUES_A_YEAR / 3600
        terabytes = stored * ISSUES_A_YEAR / 1e12
        rows.append(
            [
                grid.name,
                f"{grid.cells:,}",
                f"{seconds:,.2f}",
                f"{slopes.megabytes.value_at(grid.cells) / 1e3:,.2f}",
                f"{stored / 1e6:,.2f}",
                f"{core_hours:,.0f}",
                f"{core_hours * CORE_HOUR:,.0f}",
                f"{seconds / CYCLE_SECONDS:.1%}",
                f"{1e3 * gpu:,.0f}",
                f"{gpu_hours * GPU_HOUR:,.0f}",
                f"{terabytes:,.2f}",
                f"{terabytes * TERABYTE_MONTH:,.1f}",
            ]
        )
    return rows


COSTS = (
    "grid",
    "cells",
    "s, one core",
    "GB above rest",
    "MB stored",
    "core-hours a year",
    "EUR a year",
    "of a cycle of 5 min",
    "ms, GPU (assumed)",
    "EUR a year, GPU (assumed)",
    "TB a year",
    "EUR a month to keep them",
)


def readers(slopes: Slopes) -> list[list[str]]:
    """A row for each thing to ask for: what so many requests a second need."""
    rows = []
    for request, milliseconds in slopes.requests.items():
        cores = REQUESTS * milliseconds / 1e3
        behind = cores * (1 - HIT_SHARE)
        each = 1e3 / milliseconds if milliseconds else float("inf")
        rows.append(
            [request, f"{milliseconds:.2f}", f"{each:,.0f}", f"{cores:,.0f}", f"{behind:.1f}"]
        )
    return rows


READERS = (
    "asked for",
    "ms of a processor",
    "requests/s of a core",
    f"cores for {REQUESTS:,}/s",
    f"cores behind a cache of {HIT_SHARE:.0%}",
)


def document(slopes: Slopes) -> str:
    """All of docs/scale.md."""
    seconds, memory, stored = slopes.seconds, slopes.megabytes, slopes.stored
    sizes = [
        [
            f"{forecast.side}x{forecast.side}",
            f"{forecast.seconds:.2f}",
            f"{seconds.value_at(forecast.cells):.2f}",
            f"{forecast.megabytes:,.0f}",
            f"{memory.value_at(forecast.cells):,.0f}",
            f"{forecast.stored / 1e3:,.0f}",
        ]
        for forecast in slopes.forecasts
    ]
    frames, pairs = 1 / slopes.ingest_seconds, 1 / slopes.count_seconds
    about = measured("benchmarks.speed.scale --write docs/scale.md", "torch", "numpy", "fastapi")
    return f"""\
# Scale

{about}

The cost of each part by its size is measured; costs beyond this machine are extrapolated from that.
Assumed, not measured: {CORE_HOUR:g} EUR for an hour of a core, {GPU_HOUR:g} EUR for an
hour of a GPU, {TERABYTE_MONTH:g} EUR for a terabyte and month, and
{GPU_FLOPS / 1e12:g} TFLOP/s of a GPU on these networks.

## Measured slopes

One forecast by {MODEL} as shipped (four leads, motion and probabilities included), one thread:

{table(SIZES, sizes)}

- seconds = {seconds.rest:.3g} + {1e6 * seconds.slope:.3g} for each million cells
- MB above the process at rest = {memory.rest:.3g} + {1e6 * memory.slope:.3g} for each million cells
- bytes of a forecast on file = {stored.rest:,.0f} + {stored.slope:.3g} for each cell
- ingest: {1e3 * slopes.ingest_seconds:.1f} ms of a processor for a frame of 900x900, \
{frames:,.0f} frames/s of a core
- counting: {1e3 * slopes.count_seconds:.2f} ms for a field against a field at six thresholds, \
{pairs:,.0f} of a second

## What a forecast and a year cost

A year has {ISSUES_A_YEAR:,} issues. Core-hours = seconds x issues / 3600.

{table(COSTS, costs(slopes))}

GPU columns are calculated: 2 x multiply-adds / {GPU_FLOPS / 1e12:g} TFLOP/s. A GPU is paid by the
hour even when idle; the column has the cost of its busy time only.

## {REQUESTS:,} requests a second

{table(READERS, readers(slopes))}

{limits(slopes)}"""


def limits(slopes: Slopes) -> str:
    """What each part comes to its end by, and which engine takes over, as Markdown."""
    seconds, memory = slopes.seconds, slopes.megabytes
    germany, national, europe = GRIDS
    one_km, two_km = seconds.value_at(national.cells), seconds.value_at(europe.cells)
    in_time = "within" if one_km < CYCLE_SECONDS else "beyond"
    frame = slopes.ingest_seconds
    minutes = ISSUES_A_YEAR * 4 * slopes.count_seconds / 60
    return f"""\
## Limits and how to scale beyond them

- **Forecasts as served.** A core makes {CYCLE_SECONDS / seconds.value_at(germany.cells):,.0f} of
  {germany.rows}x{germany.columns} in five minutes. Beyond: more Celery workers on the queues of
  forecasts, on any machine that reaches Redis and the archive; each takes one job at a time,
  independently of the others.
- **Germany at 1 km.** {one_km:,.0f} s on a core, {in_time} a cycle of five minutes, and
  {memory.value_at(national.cells) / 1e3:,.1f} GB above rest. Rain that is too far away to
  arrive has no influence, so several workers can forecast tiles with a margin in parallel. The
  shipped network is trained on cells of 5 km and has to be retrained.
- **All of Europe at 2 km.** {two_km / CYCLE_SECONDS:,.1f} cores busy all the time for each model,
  and {memory.value_at(europe.cells) / 1e3:,.1f} GB in one piece; a forecast is ready after
  {two_km:,.0f} s, or sooner in tiles by several workers, or on a GPU, of whose time it takes
  {gpu_seconds(europe.cells) / CYCLE_SECONDS:.1%} as assumed above.
- **Readers.** A process of the API answers with one core. Replicas on a shared archive and
  PostgreSQL stand behind a proxy; reads have no state. The URL of a forecast by its issue is
  immutable for a year, so that a proxy or CDN fetches each representation once; each cache
  revalidates `latest` every 30 s.
- **Radar in.** A day of 288 frames takes {288 * frame:.1f} s of a core, so one process keeps up
  with {CYCLE_SECONDS / frame:,.0f} radar networks of this size. `nowcast ingest FOLDER` uses all
  cores. Archives of many years are prepared by Dask, divided by time:
  {ISSUES_A_YEAR * frame / 3600:,.1f} core-hours for a year.
- **Verification.** A year of one model at four leads is counted in {minutes:,.1f} minutes of a
  core. Counts are additive, so years can be divided among processes and their sums added.
- **Training.** One process uses one GPU. With DDP (`torchrun`) each rank takes a share of every
  batch; the limit is the exchange of gradients, a few MB a step for these networks.
- **The ledger.** SQLite allows one writer at a time, enough for one machine; PostgreSQL allows
  many. Rows of counts: {ISSUES_A_YEAR * 4 * 6:,} a year for each model.
"""


SIZES = ("cells", "s", "s by the line", "MB above rest", "MB by the line", "kB on file")


def main() -> None:
    """Print the document, and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", nargs="+", type=at_least_one, default=list(SIDES))
    parser.add_argument("--requests", type=at_least_one, default=300)
    parser.add_argument("--rounds", type=at_least_one, default=20)
    parser.add_argument("--write", type=Path, help="a Markdown file, to overwrite")
    options = parser.parse_args()
    if len(options.sides) < 2:
        parser.error("--sides needs two sizes or more, to have a slope")
    text = document(measure(options.sides, options.requests, options.rounds))
    print(text)
    if options.write:
        write_whole(options.write, conclude(text).encode())


if __name__ == "__main__":
    main()
