"""Samples per second in training: our networks against the published ones, in turns.

    python -m benchmarks.speed.throughput
    python -m benchmarks.speed.throughput --names ms-lstm --rounds 7 --write docs/performance.md

A step is forward, loss, backward and Adam. Before every step of ours the published network
(`benchmarks.published`) takes one in the same process, so that whatever else the machine does slows
both alike; ratios are medians over such pairs, by the clock and by processor time, which other work
disturbs less, least with one thread. So that faster is not different, all begin with the same
weights: shown are by how much the first loss differs, and what is learnt on a small field. Peak
memory is that of a process of its own, which takes two steps, above what it held before them.
"""

import argparse
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.published.network import DECOUPLING, Network, loss
from benchmarks.published.networks import NETWORKS
from benchmarks.report import at_least_one, where, write_section
from benchmarks.speed.throughput_table import (
    LESSON,
    LESSON_SIDE,
    MODES,
    PUBLISHED_MODE,
    Row,
    TimedStep,
    advice,
    table,
)
from model_zoo.checkpoints import convert
from model_zoo.checkpoints.arrays import blank
from model_zoo.checkpoints.published_networks import PUBLISHED
from model_zoo.profiling.activations import drifting_blobs
from model_zoo.profiling.measure import forget_peak, peak
from model_zoo.profiling.papers import DATA_SETS
from model_zoo.training.data.sample import Sample
from model_zoo.training.data.settings import Germany
from model_zoo.training.distributed import Ranks
from model_zoo.training.experiment import Experiment, Loss, Machine, Optimiser
from model_zoo.training.learner import Trainer
from model_zoo.zoo import CHANNELS

SHAPE = DATA_SETS["germany"]

COUNTERPARTS = {published.model: name for name, published in PUBLISHED.items()}
"""Our networks, and the published ones whose weights they can take."""

Step = Callable[[Sample], Tensor]
"""Learns from a batch; gives the loss from before."""


class Trial(NamedTuple):
    """What is trained on what.

    Attributes:
        name: One of `COUNTERPARTS`.
        channels: Width of every layer.
        side: Height and width of the frames, a multiple of what the network needs.
        batch: Samples of a step.
        device: Where.
        unfolded: Attention of the published network is as it was published: by copies.
    """

    name: str
    channels: int
    side: int
    batch: int
    device: torch.device
    unfolded: bool = False

    @property
    def rival(self) -> str:
        """The published network to compare with: where it has attention, that in tiles."""
        published = COUNTERPARTS[self.name]
        tiled = f"{published}_tiled"
        return tiled if tiled in NETWORKS and not self.unfolded else published

    def published(self) -> Network:
        """That network, as it begins."""
        torch.manual_seed(0)
        return NETWORKS[self.rival](self.channels, self.side, self.side)


def theirs(network: Network, device: torch.device) -> Step:
    """Training as published: eager, in float32."""
    optimiser = torch.optim.Adam(network.to(device).parameters(), lr=Optimiser().rate)

    def step(sample: Sample) -> Tensor:
        frames = sample.frames.to(device).transpose(0, 1)
        optimiser.zero_grad(set_to_none=True)
        found = loss(frames, *network.rollout(frames, SHAPE.given))
        torch.autograd.backward(found)
        optimiser.step()
        return found.detach()

    return step


def ours(name: str, network: Network, machine: Machine, device: torch.device) -> Step:
    """Training of our network `name`, from the weights that a published one has now."""
    experiment = Experiment(
        name="throughput",
        model=name,
        data=Germany(given=SHAPE.given, horizon=SHAPE.horizon),
        loss=Loss(decoupling=DECOUPLING, decoupling_sum=True),
        sampling="none",
        machine=machine,
    )
    converted = convert.load(COUNTERPARTS[name], network.state_dict())
    learner = Trainer(converted, experiment, 1, Ranks(0, 1, device))
    return lambda sample: learner.step(sample, 0).loss


def steps(trial: Trial, modes: Sequence[str]) -> list[Step]:
    """The published network in training, and ours in each mode, from the same weights."""
    torch.compiler.reset()  # else what is compiled would fit all sizes, and none well
    network, device = trial.published(), trial.device
    converted = [ours(trial.name, network, MODES[mode], device) for mode in modes]
    return [theirs(network, device), *converted]


def memory(trial: Trial, mode: str) -> float:
    """MB that training takes above the network at rest, in a process of its own."""
    sizes = (trial.channels, trial.side, trial.batch, torch.get_num_threads(), trial.unfolded + 0)
    command = [sys.executable, "-m", "benchmarks.speed.throughput", "--device", trial.device.type]
    command += ["--weigh", trial.name, mode, *map(str, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def weigh(trial: Trial, mode: str) -> float:
    """The same, in this process."""
    network, device = trial.published(), trial.device
    published = mode == PUBLISHED_MODE
    step = theirs(network, device) if published else ours(trial.name, network, MODES[mode], device)
    sample = batch_of(trial.batch, trial.side)
    rest = forget_peak(device)
    for _ in range(2):  # in the first, Adam remembers nothing
        step(sample)
    return peak(device) - rest


def batch_of(batch: int, side: int, seed: int = 0) -> Sample:
    """Sequences of drifting blobs."""
    frames = drifting_blobs(SHAPE.given + SHAPE.horizon, side, batch, seed)
    return Sample(frames, torch.ones_like(frames, dtype=torch.bool))


def learnt(step: Step, side: int) -> float:
    """The loss of the first sequence of the lesson after it."""
    for seed in range(LESSON):
        step(batch_of(1, side, seed))
    return step(batch_of(1, side)).item()


def timed(step: Step, sample: Sample, device: torch.device) -> TimedStep:
    """Take a step by the clock."""
    finish(device)
    clock, processor = perf_counter(), process_time()
    step(sample)
    finish(device)
    return TimedStep(perf_counter() - clock, process_time() - processor)


def finish(device: torch.device) -> None:
    """Wait for a GPU to finish."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def rows(trial: Trial, modes: Sequence[str], rounds: int) -> list[Row]:
    """Measure a network: the published one, then ours in each mode.

    Args:
        trial: Which, on what.
        modes: Of `MODES`.
        rounds: Steps of each mode that are timed, after one that is not.
    """
    name, batch, device = trial.name, trial.batch, trial.device
    small = trial._replace(side=min(trial.side, LESSON_SIDE), unfolded=False)
    known, *lessons = [learnt(step, small.side) for step in steps(small, modes)]
    published, *converted = steps(trial, modes)
    sample = batch_of(batch, trial.side)
    first, *losses = [step(sample).item() for step in (published, *converted)]
    beside: dict[str, list[TimedStep]] = {mode: [] for mode in modes}
    taken: dict[str, list[TimedStep]] = {mode: [] for mode in modes}
    for _ in range(rounds):
        for mode, step in zip(modes, converted, strict=True):
            beside[mode].append(timed(published, sample, device))
            taken[mode].append(timed(step, sample, device))
    all_theirs = [step for each in beside.values() for step in each]
    del published, converted
    whole, *parts = [memory(trial, mode) for mode in (PUBLISHED_MODE, *modes)]
    own = zip(modes, losses, lessons, parts, strict=True)
    return [
        Row(name, PUBLISHED_MODE, batch, all_theirs, all_theirs, 0.0, known, whole, whole),
        *(
            Row(name, mode, batch, taken[mode], beside[mode], loss / first - 1, lesson, part, whole)
            for mode, loss, lesson, part in own
        ),
    ]


def section(found: Sequence[Row], options: argparse.Namespace) -> str:
    """What was found, as Markdown."""
    today = date.today()  # noqa: DTZ011  the day where it ran
    return f"""\
## {title(options)}

Written by `python -m benchmarks.speed.throughput --write docs/performance.md`; no figure by hand.
{where(options.device)}, {torch.get_num_threads()} threads, Python {platform.python_version()}, \
torch {torch.__version__}, {today}.

{SHAPE.given} frames of {options.side}x{options.side} to {SHAPE.horizon}, six layers of \
{options.channels} channels, batch of {options.batch}; forward, loss, backward and Adam.
Rates are medians of {options.rounds} steps or more. Ratios are medians over pairs of a step of the
published network and the next one of ours, in elapsed and in processor time; they hold on a busy
machine, where rates do not.

{table(found)}

{advice(found)}
{AS_PUBLISHED if options.unfolded else NOTES}"""


def title(options: argparse.Namespace) -> str:
    """Of the section: measurements of one machine and size replace those of before."""
    unfolded = ", windows copied" if options.unfolded else ""
    return f"Training throughput, {options.device}, {options.side}x{options.side}{unfolded}"


NOTES = f"""
"Published" are the networks of the MS-RNN and MS-LSTM papers, rebuilt gate by gate
(`benchmarks/published`) and run eagerly in float32. All start with the same weights. The first loss
is compared on the same frames; the loss after {LESSON} steps on {LESSON} sequences of
{LESSON_SIDE}x{LESSON_SIDE} is that on the first sequence. Peak memory is that of two steps in a
separate process above the network at rest.

PrecipLSTM was published with windows unfolded to 900 copies of keys and values, more than a machine
holds at this size ([memory.md](memory.md)). Ours is compared with the same attention in tiles of
12x12, which gives the same numbers much faster.
"""

AS_PUBLISHED = f"""
As above, but compared with the published attention: a copy of the window of every pixel, all stored
for the backward pass. The loss of the published network after {LESSON} steps is computed in tiles
here, too.
"""


UNFOLDED = "against attention as published, which copies windows"


def arguments() -> argparse.Namespace:
    """What to measure where; refuses what cannot be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ["ms-lstm", "ms-preciplstm"]
    parser.add_argument("--names", nargs="+", default=names, choices=COUNTERPARTS)
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=MODES)
    parser.add_argument("--rounds", type=at_least_one, default=5)
    parser.add_argument("--batch", type=at_least_one, default=1)
    parser.add_argument("--channels", type=at_least_one, default=CHANNELS)
    parser.add_argument("--side", type=at_least_one, default=SHAPE.height, help="of the frames")
    parser.add_argument("--threads", type=at_least_one, default=torch.get_num_threads())
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    parser.add_argument("--unfolded", action="store_true", help=f"{UNFOLDED}; small frames")
    parser.add_argument("--weigh", nargs=7, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.device == "auto":
        options.device = "cuda" if torch.cuda.is_available() else "cpu"
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch sees no GPU here; use --device cpu")
    for name in options.names:
        multiple = blank(name, options.channels).stack.multiple
        if options.side % multiple:
            parser.error(f"--side is {options.side}, {name} needs a multiple of {multiple}")
    return options


def main() -> None:
    """Print a table for each network, and write all as a section."""
    options = arguments()
    device = torch.device(options.device)
    if options.weigh:
        name, mode, *numbers = options.weigh
        channels, side, batch, threads, unfolded = map(int, numbers)
        torch.set_num_threads(threads)
        print(weigh(Trial(name, channels, side, batch, device, bool(unfolded)), mode))
        return
    torch.set_num_threads(options.threads)
    sizes = (options.channels, options.side, options.batch, device, options.unfolded)
    found: list[Row] = []
    for name in options.names:
        found += rows(Trial(name, *sizes), options.modes, options.rounds)
        print(table([row for row in found if row.name == name]), end="\n\n", flush=True)
    if options.write:
        name = title(options).replace("Training", "training")
        write_section(options.write, section(found, options), name)


if __name__ == "__main__":
    main()
