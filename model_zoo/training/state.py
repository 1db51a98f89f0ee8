"""A training as it stands, on disk: all that its next step depends on.

One safetensors file, like a checkpoint: never run, and whole or not there. The random numbers of a
step, the order of samples and the learning rate follow from the seed and the number of the step, so
the step stands for them.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from model_zoo.checkpoints.arrays import arrays_of
from model_zoo.checkpoints.checkpoint import write_whole
from model_zoo.nowcaster import Nowcaster
from model_zoo.training.errors import BadRun
from model_zoo.training.optimisation.ema import Average

KEY = "training"


@dataclass
class Progress:
    """How far a training is."""

    step: int = 0
    """Steps done."""
    best: float | None = None
    """Least loss of a validation."""
    best_step: int = 0
    worse: int = 0
    """Validations since then."""
    stopped: bool = False
    """Whether it ended early."""
    seconds: float = 0.0
    """It took so far."""


def save(
    path: Path,
    network: Nowcaster,
    average: Average | None,
    optimiser: torch.optim.Optimizer,
    progress: Progress,
    plan: dict[str, Any],
) -> None:
    """Write a training in one piece.

    Args:
        path: Where.
        network: With the last weights, not their mean.
        average: Their mean, if there is one.
        optimiser: With what it remembers of gradients.
        progress: How far it is.
        plan: What must be the same when it goes on.
    """
    arrays = {f"network.{name}": array.detach() for name, array in arrays_of(network).items()}
    if average is not None:
        arrays |= {f"average.{name}": array for name, array in average.weights.items()}
    for number, remembered in optimiser.state_dict()["state"].items():
        arrays |= {f"optimiser.{number}.{key}": value for key, value in remembered.items()}
    # clones, as safetensors refuses arrays that share memory
    arrays = {name: array.cpu().contiguous().clone() for name, array in arrays.items()}
    card = {"progress": asdict(progress), "plan": plan}
    write_whole(path, safetensors.torch.save(arrays, {KEY: json.dumps(card)}))


def load(
    path: Path,
    network: Nowcaster,
    average: Average | None,
    optimiser: torch.optim.Optimizer,
    plan: dict[str, Any],
) -> Progress:
    """Put a training back to where it was; one that was never saved begins.

    Raises:
        BadRun: The file is damaged, or of a training with another plan.
    """
    if not path.is_file():
        return Progress()
    try:
        data = path.read_bytes()
        arrays = safetensors.torch.load(data)
        length = int.from_bytes(data[:8], "little")
        card = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][KEY])
        progress = Progress(**card["progress"])
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BadRun(f"{path} is no training that can be gone on with: {error}") from error
    # through JSON, where tuples are lists
    compare(card["plan"], json.loads(json.dumps(plan)), path)
    with torch.no_grad():
        for name, array in arrays_of(network).items():
            array.copy_(arrays[f"network.{name}"])
    if average is not None:
        average.load(part(arrays, "average."))
    remembered: dict[int, dict[str, Tensor]] = {}
    for name, array in part(arrays, "optimiser.").items():
        number, key = name.split(".")
        remembered.setdefault(int(number), {})[key] = array
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": remembered, "param_groups": groups})
    return progress


def part(arrays: dict[str, Tensor], begin: str) -> dict[str, Tensor]:
    """The arrays whose names begin so, by the rest of their names."""
    return {
        name.removeprefix(begin): array for name, array in arrays.items() if name.startswith(begin)
    }


def compare(then: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    """Refuse to go on with a training that had another plan."""
    other = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    if other:
        said = "; ".join(f"{name} was {then.get(name)}, is {now.get(name)}" for name in other)
        raise BadRun(f"{path} is of another training: {said}. Name another folder to train in")
