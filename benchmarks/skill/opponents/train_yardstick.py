"""Train the yardstick, a small U-Net that corrects advection and S-PROG lead by lead.

    python -m benchmarks.skill.opponents.train_yardstick --cases FOLDER
    python -m benchmarks.skill.opponents.train_yardstick --cases FOLDER --minutes 30

5,000 steps of 32 crops of 48x48 cells, with convolutions in bfloat16. With `--minutes` it stops
then; the learning rate falls to its end by whichever comes first. How many steps it got is kept
with the weights.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from benchmarks.skill.events import SHARED
from benchmarks.skill.opponents.baseline_cases import BaselineCase, read_cases
from benchmarks.skill.opponents.yardstick import (
    CHANNELS,
    THRESHOLDS,
    WEIGHTS,
    YardstickNetwork,
    inputs_of,
    write_weights,
)
from model_zoo.forecasters.contract import HORIZON
from verification import event

STEPS, CROPS, SIDE = 5000, 32, 48
RATE, LEAST_RATE, WARM_UP = 2e-3, 6e-5, 100
"""Highest and last learning rate, and steps up to the highest."""
DECAY = 0.02
MEMORY, FORGET = 0.995, 50
"""Of the mean of the weights over steps, which is what is kept, and the last step it forgets."""
LEAST_KNOWN, LEAST_WET = 0.3, 0.01
"""Share of the cells of a crop that are known, and of these that are wet."""
WEIGHING = 0.6
"""A threshold counts as this power of it, so that rare events are learnt too."""
TURNS = 8
SMALL_FIELD_WEIGHT, SIDE_OF_WEIGHT_1 = 0.25, 96


class Crop(NamedTuple):
    """A piece of a forecast at a lead.

    Attributes:
        seen: (INPUTS, SIDE, SIDE).
        reached: (thresholds, SIDE, SIDE), 1 where the threshold was reached.
        known: (1, SIDE, SIDE), 1 where both are known.
    """

    seen: NDArray[np.float32]
    reached: NDArray[np.float32]
    known: NDArray[np.float32]


def main() -> None:
    """Train, and write the weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=Path, required=True, help="folder of baseline forecasts")
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder with data/ in it")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--minutes", type=float, help="stop after so many")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--write", type=Path, default=WEIGHTS, help="a .safetensors file")
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    torch.set_num_threads(options.threads)
    cases = read_cases(options.shared / "data" / "corpus", options.cases)
    print(f"{len(cases)} forecasts", flush=True)
    network, steps = train(cases, options.steps, options.minutes)
    about = {"steps": steps, "planned_steps": options.steps, "crops": CROPS, "side": SIDE}
    about |= {"channels": CHANNELS, "events": sorted({case.event for case in cases})}
    write_weights(options.write, network, about)


def train(
    cases: Sequence[BaselineCase],
    steps: int,
    most_minutes: float | None = None,
    *,
    channels: int = CHANNELS,
    crops: int = CROPS,
    seed: int = 0,
    start: YardstickNetwork | None = None,
) -> tuple[YardstickNetwork, int]:
    """Train a network; return the mean of its weights over steps, and how many steps it made."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = start or YardstickNetwork(channels)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    shares = case_weights(cases)
    begun, done = perf_counter(), 0
    while done < steps:
        minutes = (perf_counter() - begun) / 60
        progress = max(done / steps, minutes / most_minutes if most_minutes else 0.0)
        if progress >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(done, progress)
        loss = loss_of(network, [draw(cases, shares, rng) for _ in range(crops)])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        for name, value in network.state_dict().items():
            mean[name].lerp_(value, 1 - MEMORY if done > FORGET else 1.0)
        if done % 100 == 0:
            print(f"step {done}, loss {loss.item():.4f}, {minutes:.1f} minutes", flush=True)
        done += 1
    network.load_state_dict(mean)
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return network.eval(), done


def learning_rate(step: int, progress: float) -> float:
    """A warm-up, then a cosine from `RATE` to `LEAST_RATE` as progress goes from 0 to 1."""
    falling = LEAST_RATE + (RATE - LEAST_RATE) * (1 + np.cos(np.pi * progress)) / 2
    return float(falling * min(1.0, (step + 1) / WARM_UP))


def case_weights(cases: Sequence[BaselineCase]) -> NDArray[np.float64]:
    """Return the probability (case,) of drawing each case, larger for larger fields."""
    sides = np.array([min(max(case.observed.shape[-2:]), 180) for case in cases], float)
    weights = np.where(sides <= SIDE, SMALL_FIELD_WEIGHT, sides / SIDE_OF_WEIGHT_1)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def draw(
    cases: Sequence[BaselineCase], shares: NDArray[np.float64], rng: np.random.Generator
) -> Crop:
    """Draw a crop with rain from cases, with their probabilities (case,)."""
    while True:
        case = cases[rng.choice(len(cases), p=shares)]
        crop = cut(case, int(rng.integers(HORIZON)), rng)
        if crop is not None:
            return crop


def cut(case: BaselineCase, lead: int, rng: np.random.Generator) -> Crop | None:
    """A crop of a case, turned or mirrored; None where too little is known or wet."""
    rows, columns = (int(rng.integers(max(n - SIDE, 0) + 1)) for n in case.observed.shape[-2:])
    window = (slice(None), slice(rows, rows + SIDE), slice(columns, columns + SIDE))
    advection, sprog, observed = (
        field[window] for field in (case.advection, case.sprog, case.observed[lead : lead + 1])
    )
    rain = observed[0]
    data = np.isfinite(rain)
    if rain.shape != (SIDE, SIDE) or data.mean() < LEAST_KNOWN:
        return None
    events = np.stack([event.reaches(rain, threshold) for threshold in THRESHOLDS])
    if events[0][data].mean() < LEAST_WET:
        return None
    known = (data & np.isfinite(advection[lead]))[None].astype(np.float32)
    reached = events.astype(np.float32)
    turn = int(rng.integers(TURNS))
    fields = [inputs_of(advection, sprog, lead), reached, known]
    return Crop(*(turned(field, turn) for field in fields))


def turned(field: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    """A field (..., y, x) turned by quarters, and mirrored from the fourth on."""
    quarter = np.rot90(field, turn % 4, (-2, -1))
    return np.ascontiguousarray(quarter[..., ::-1] if turn >= TURNS // 2 else quarter)


def loss_of(network: YardstickNetwork, crops: Sequence[Crop]) -> Tensor:
    """Return the mean cross entropy of the known cells, weighted by threshold, a scalar."""
    seen, reached, known = (
        torch.from_numpy(np.stack([crop[index] for crop in crops])) for index in range(3)
    )
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(seen.contiguous(memory_format=torch.channels_last))
    entropy = F.binary_cross_entropy_with_logits(logits, reached, reduction="none") * known
    weights = (torch.tensor(THRESHOLDS) / 0.5) ** WEIGHING
    return (entropy.sum(dim=(0, 2, 3)) * weights).sum() / known.sum()


if __name__ == "__main__":
    main()
