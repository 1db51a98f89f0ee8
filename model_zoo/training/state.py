"""State of a training on disk: all that its next step depends on.

One safetensors file, written atomically. Random numbers, the order of samples and the learning rate
are functions of the seed and the step, so that the step stands for them.
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
from model_zoo.training.optimisation.ema import ExponentialMovingAverage

KEY = "training"


@dataclass
class Progress:
    """Progress of a training."""

    step: int = 0
    """Steps done."""
    best: float | None = None
    """Lowest validation loss."""
    best_step: int = 0
    seconds: float = 0.0
    """Duration so far."""


def save(
    path: Path,
    network: Nowcaster,
    average: ExponentialMovingAverage | None,
    optimiser: torch.optim.Optimizer,
    progress: Progress,
    plan: dict[str, Any],
) -> None:
    """Write the state of a training atomically.

    Args:
        path: Of the file.
        network: With the last weights, not their average.
        average: Moving average of the weights, if there is one.
        optimiser: With its moments of the gradient.
        progress: Of the training.
        plan: Settings that must be the same when training resumes.
    """
    arrays = {f"network.{name}": array.detach() for name, array in arrays_of(network).items()}
    if average is not None:
        arrays |= {f"average.{name}": array for name, array in average.weights.items()}
    for number, moments in optimiser.state_dict()["state"].items():
        arrays |= {f"optimiser.{number}.{key}": value for key, value in moments.items()}
    # clones, as safetensors refuses arrays that share memory
    arrays = {name: array.cpu().contiguous().clone() for name, array in arrays.items()}
    card = {"progress": asdict(progress), "plan": plan}
    write_whole(path, safetensors.torch.save(arrays, {KEY: json.dumps(card)}))


def load(
    path: Path,
    network: Nowcaster,
    average: ExponentialMovingAverage | None,
    optimiser: torch.optim.Optimizer,
    plan: dict[str, Any],
) -> Progress:
    """Restore a training from its state; without a file, start from the beginning.

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
        raise BadRun(f"{path} is not a state that training can resume from: {error}") from error
    # through JSON, where tuples are lists
    compare(card["plan"], json.loads(json.dumps(plan)), path)
    with torch.no_grad():
        for name, array in arrays_of(network).items():
            array.copy_(arrays[f"network.{name}"])
    if average is not None:
        average.load(with_prefix(arrays, "average."))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, array in with_prefix(arrays, "optimiser.").items():
        number, key = name.split(".")
        moments.setdefault(int(number), {})[key] = array
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": moments, "param_groups": groups})
    return progress


def with_prefix(arrays: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the arrays (of any shape) with a prefix, by their names without it."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def compare(then: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    """Check that a training resumes with the same plan.

    Raises:
        BadRun: The plan differs.
    """
    changed = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    if changed:
        differences = "; ".join(
            f"{name} was {then.get(name)}, is {now.get(name)}" for name in changed
        )
        raise BadRun(
            f"{path} is of another training: {differences}. Name another folder to train in"
        )
