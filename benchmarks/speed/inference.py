"""Seconds of a forecast: our networks against the published ones, in turns.

    python -m benchmarks.speed.inference
    python -m benchmarks.speed.inference --all --threads 1 --write docs/performance.md

Ours run in the way that `model_zoo.fast.autotune` finds fastest, as in the service. Before every
run of ours the published network (`benchmarks.published`: eager, in float32, gate by gate) makes
the same forecast in the same process, so that whatever else the machine does slows both alike;
ratios are medians over such pairs, by the clock and by processor time, which other work disturbs
less. Memory is measured in a process of its own, from where the network is loaded and has not run
yet.
"""

import argparse
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.published.networks import NETWORKS
from benchmarks.report import at_least_one, where, write_section
from benchmarks.speed.saved_activations import COUNTERPARTS
from model_zoo.checkpoints import convert
from model_zoo.checkpoints.arrays import blank
from model_zoo.errors import NotConvertible
from model_zoo.fast.autotune import AutotunedNetwork, Forecast, unoptimised, with_bf16
from model_zoo.nowcaster import Nowcaster
from model_zoo.profiling.activations import drifting_blobs
from model_zoo.profiling.measure import forget_peak, peak
from model_zoo.profiling.papers import DATA_SETS
from model_zoo.zoo import CHANNELS, build

SHAPE = DATA_SETS["germany"]
LIVELY = 2.0
"""Random weights are so many times larger than networks begin with, so that gates open and close
and what comes out is not all bias."""
SHIPPED = {"ms-lstm": 12, "ms-preciplstm": 8}
"""Networks that have trained weights with the package, and their channels."""
SMALL = 48
"""Side of the frames where the published attention is to all of the field: it copies its square."""
UNFOLDED = 48
"""The same where each pixel has a copy of its window."""
OTHERS = 64
"""Side of the frames of networks that are not named, but for those that warp: the smaller the
frames are, the less of a forecast is what can be made faster."""
UNFOLDING, AS_SHIPPED = "windows copied", "as wide as the shipped"
PRECISIONS = ("float32", "bf16")


class Task(NamedTuple):
    """A network to forecast with, and the published one beside it."""

    name: str
    published: str
    channels: int
    side: int
    note: str = ""


class Row(NamedTuple):
    """What it came to."""

    task: Task
    precision: str
    threads: int
    ours: Sequence[tuple[float, float]]
    """Seconds by the clock and of the processor."""
    theirs: Sequence[tuple[float, float]]
    difference: float
    """The largest between any two numbers of both forecasts."""
    largest: float
    """Of the published forecast."""
    memory: float | None
    """MB above the process at rest; None where it was not measured."""

    def ratio(self, of: int) -> float:
        """How many times as fast, by the clock (0) or by processor time (1)."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return median(theirs[of] / ours[of] for ours, theirs in pairs)


def tasks(names: Iterable[str], channels: int, side: int) -> Iterator[Task]:
    """What to measure of each network."""
    for name in names:
        published, side_here = COUNTERPARTS[name], side
        if "cms" in name:
            side_here = min(side, SMALL)
        side_here -= side_here % blank(name, channels).stack.multiple
        tiled = f"{published}_tiled"
        if tiled in NETWORKS:
            yield Task(name, published, channels, min(side, UNFOLDED), UNFOLDING)
            published = tiled
        yield Task(name, published, channels, side_here)
        if name in SHIPPED and SHIPPED[name] != channels:
            yield Task(name, published, SHIPPED[name], side_here, AS_SHIPPED)


class Measurement(NamedTuple):
    """What to measure of a task."""

    task: Task
    precisions: Sequence[str]
    threads: int
    rounds: int
    weighed: bool = True


def plan(options: argparse.Namespace) -> Iterator[Measurement]:
    """Yield the measurements to make.

    The named networks in every precision, with each number of threads; once those that take long,
    and with most threads those as wide as the shipped. The others once, in the first precision, on
    smaller frames. Memory is weighed with the first number of threads.
    """
    first, most = options.threads[0], max(options.threads)
    for task in tasks(options.names, options.channels, options.side):
        if task.note == UNFOLDING:
            yield Measurement(task, options.precisions[:1], first, 1)
            continue
        for threads in [most] if task.note == AS_SHIPPED else options.threads:
            weighed = threads == first or task.note == AS_SHIPPED
            yield Measurement(task, options.precisions, threads, options.rounds, weighed)
    others = [name for name in COUNTERPARTS if options.all and name not in options.names]
    for name in others:
        side = options.side if "trajgru" in name else min(options.side, OTHERS)
        for task in tasks([name], options.channels, side):
            if task.note != UNFOLDING:
                yield Measurement(task, options.precisions[:1], first, 1, weighed=False)


def rows(measurement: Measurement) -> list[Row]:
    """Measure a network in every precision that is asked for."""
    task, precisions, threads, rounds, weighed = measurement
    torch.manual_seed(0)
    published = NETWORKS[task.published](task.channels, task.side, task.side).eval()
    with torch.no_grad():
        for weight in published.parameters():
            weight.mul_(LIVELY)
    frames = drifting_blobs(SHAPE.given + SHAPE.horizon, task.side, 1, 0)

    def theirs(given: Tensor, horizon: int) -> Tensor:
        # the published networks take the future as well, and blank it out
        frames = torch.cat([given, torch.zeros_like(given[:, :horizon])], dim=1)
        with torch.inference_mode():
            predicted: Tensor = published(frames.transpose(0, 1), given.shape[1])[-horizon:]
        return predicted.transpose(0, 1)

    try:
        network = convert.load(COUNTERPARTS[task.name], published.state_dict()).eval()
        anchor: Forecast = theirs
    except NotConvertible:  # as fast with any weights, but equal only to ours as it is
        network = build(task.name, channels=task.channels).eval()
        anchor = lambda given, horizon: unoptimised(network, given, horizon)  # noqa: E731
    given = frames[:, : SHAPE.given]
    wanted, found = anchor(given, SHAPE.horizon), []
    largest = wanted.abs().max().item()
    for precision in precisions:
        ours = forecast_of(network, precision)
        apart = (ours(given, SHAPE.horizon) - wanted).abs().max().item()
        pairs = [(timed(theirs, given), timed(ours, given)) for _ in range(rounds)]
        before, after = zip(*pairs, strict=True)
        used = memory(task, precision, threads) if weighed else None
        found.append(Row(task, precision, threads, after, before, apart, largest, used))
    return found


def forecast_of(network: Nowcaster, precision: str) -> Forecast:
    """A network in one of `PRECISIONS`."""
    if precision == "float32":
        return AutotunedNetwork(network)
    return with_bf16(network)


def timed(forecast: Callable[[Tensor, int], Tensor], given: Tensor) -> tuple[float, float]:
    """Seconds of a forecast, by the clock and of the processor."""
    clock, processor = perf_counter(), process_time()
    forecast(given, SHAPE.horizon)
    return perf_counter() - clock, process_time() - processor


def memory(task: Task, precision: str, threads: int) -> float:
    """MB that a forecast takes above the process at rest, in a process of its own."""
    numbers = map(str, (task.channels, task.side, threads))
    command = [
        sys.executable,
        "-m",
        "benchmarks.speed.inference",
        "--weigh",
        task.name,
        precision,
        *numbers,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def weigh(name: str, precision: str, channels: int, side: int, threads: int) -> float:
    """The same, in this process."""
    torch.set_num_threads(threads)
    network = build(name, channels=channels).eval()
    given = drifting_blobs(SHAPE.given, side, 1, 0)
    rest = forget_peak(given.device)
    forecast_of(network, precision)(given, SHAPE.horizon)
    return peak(given.device) - rest


HEADINGS = (
    "network",
    "channels",
    "frames",
    "threads",
    "how",
    "seconds",
    "published, seconds",
    "times as fast",
    "by processor time",
    "largest difference",
    "of up to",
    "memory, MB",
)


def table(found: Sequence[Row]) -> str:
    """Rows as Markdown."""
    lines = [HEADINGS, ["---", *["---:"] * (len(HEADINGS) - 1)], *map(cells, found)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells(row: Row) -> list[str]:
    """A row as it is printed, in the order of `HEADINGS`."""
    task = row.task
    ours, theirs = (median(clock for clock, _ in of) for of in (row.ours, row.theirs))
    return [
        f"{task.name}, {task.note}" if task.note else task.name,
        *(str(task.channels), f"{task.side}x{task.side}", str(row.threads), row.precision),
        *(f"{ours:.2f}", f"{theirs:.2f}", f"{row.ratio(0):.2f}", f"{row.ratio(1):.2f}"),
        *(f"{row.difference:.1e}", f"{row.largest:.2g}"),
        "" if row.memory is None else f"{row.memory:,.0f}",
    ]


def section(found: Sequence[Row], rounds: int) -> str:
    """What was found, as Markdown."""
    today = date.today()  # noqa: DTZ011  the day where it ran
    return f"""\
## Forecasts on the processor

Written by `python -m benchmarks.speed.inference --write docs/performance.md`; no figure by hand.
{where("cpu")}, Python {platform.python_version()}, torch {torch.__version__}, {today}.

{SHAPE.given} frames to {SHAPE.horizon}, one sequence, six layers, random weights {LIVELY:g} times
those of the usual initialisation. Seconds are medians of {rounds}. Ratios are medians over pairs of
a forecast of the published network and the next one of ours, so they hold on a busy machine, where
seconds do not. Networks with a single row were run once.

{table(found)}
{NOTES}"""


NOTES = f"""
"Published" are the networks of the MS-RNN and MS-LSTM papers, rebuilt gate by gate
(`benchmarks/published`) and run eagerly in float32. Ours have the same weights and run in the
fastest way found on this machine (`model_zoo/fast`): "float32" is the default of the service,
"bf16" (`NOWCAST_BF16=true`) has convolutions in bfloat16, by the matrix unit of the processor if it
has one, else by torch, and everything else in float32. Memory is that of a forecast above the
process with the loaded network, including rearranged weights.

The published attention of PrecipLSTM copies the window of every pixel, which takes minutes on
180x180 pixels; with it, ours are compared on {UNFOLDED}x{UNFOLDED}. In the other rows the published
network computes the same attention in tiles of 12x12. CMS-LSTM attends to the whole field and is
measured on {SMALL}x{SMALL}. The published weights of ms-mim and ms-motionrnn do not fit ours, which
differ (docs/models.md); their differences are relative to our own network as trained.
"""


def arguments() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--names", nargs="+", default=list(SHIPPED), choices=COUNTERPARTS)
    others = "every other network too, in the first precision, with the first threads, once"
    parser.add_argument("--all", action="store_true", help=others)
    parser.add_argument("--precisions", nargs="+", default=["float32"], choices=PRECISIONS)
    parser.add_argument("--threads", nargs="+", type=at_least_one, default=[1])
    parser.add_argument("--rounds", type=at_least_one, default=3)
    parser.add_argument("--channels", type=at_least_one, default=CHANNELS)
    parser.add_argument("--side", type=at_least_one, default=SHAPE.height, help="of the frames")
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    parser.add_argument("--weigh", nargs=5, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Print a row for each network, and write all as a section."""
    options = arguments()
    if options.weigh:
        name, precision, *numbers = options.weigh
        print(weigh(name, precision, *map(int, numbers)))
        return
    print(table([]), flush=True)
    found: list[Row] = []
    for asked in plan(options):
        torch.set_num_threads(asked.threads)
        some = rows(asked)
        print("\n".join(table(some).splitlines()[2:]), flush=True)
        found += some
    if options.write:
        text = section(found, options.rounds)
        write_section(options.write, text, "forecasts on the processor")


if __name__ == "__main__":
    main()
