"""The mean of the weights of several checkpoints of one network.

Checkpoints of one training, or of trainings that went on from the same weights, lie in one valley
of the loss; the mean of their weights is often better calibrated than each, at the cost of one
(Wortsman et al. 2022, arXiv:2203.05482).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from model_zoo.checkpoints import checkpoint
from model_zoo.checkpoints.arrays import arrays_of
from model_zoo.checkpoints.checkpoint import UNCALIBRATED, Checkpoint
from model_zoo.errors import BadCheckpoint

ALIKE = ("model", "channels", "scale", "view", "thresholds")
"""What networks must have in common for the mean of their weights to be one."""


def average(paths: Sequence[Path], destination: Path) -> None:
    """Write the mean of the weights of checkpoints.

    Settings are those of the last one. Its calibration holds for none of the others and is left
    out: calibrate the mean.

    Args:
        paths: Two checkpoints at least, each with the same weight.
        destination: Checkpoint to write.

    Raises:
        NoWeights: A file is missing.
        BadCheckpoint: There is one file only, one is damaged, or of another network.
    """
    if len(paths) < 2:
        raise BadCheckpoint("a mean is of two checkpoints at least; name another")
    loaded = [checkpoint.load(path) for path in paths]
    for path, other in zip(paths, loaded, strict=True):
        check_alike(paths[-1], loaded[-1], path, other)
    last = loaded[-1]
    with torch.no_grad():
        parts = [arrays_of(other.network) for other in loaded]
        for name, array in arrays_of(last.network).items():
            array.copy_(torch.stack([part[name].double() for part in parts]).mean(dim=0))
    provenance = {
        "data": last.provenance.get("data"),
        "start": " ".join(part.sha256 for part in loaded),
        "mean of weights": f"of {len(loaded)} checkpoints",
    }
    mean = replace(last, calibration=UNCALIBRATED, provenance=provenance)
    checkpoint.save_again(destination, mean)


def check_alike(path: Path, network: Checkpoint, other_path: Path, other: Checkpoint) -> None:
    """Check that two checkpoints are of one network.

    Raises:
        BadCheckpoint: They are not.
    """
    for name in ALIKE:
        ours, theirs = getattr(network, name), getattr(other, name)
        if ours != theirs:
            raise BadCheckpoint(
                f"{other_path} has {name} {theirs}, {path} has {ours}; a mean is of checkpoints of "
                "one network"
            )
    shapes = [
        {name: tuple(array.shape) for name, array in arrays_of(part.network).items()}
        for part in (network, other)
    ]
    if shapes[0] != shapes[1] or network.network.guidance != other.network.guidance:
        raise BadCheckpoint(
            f"{other_path} has other layers than {path}; a mean is of checkpoints of one network"
        )
