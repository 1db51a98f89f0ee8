"""Initial weights of a training, and the checkpoints it saves."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from model_zoo import intensity
from model_zoo.checkpoints import checkpoint
from model_zoo.nowcaster import Nowcaster
from model_zoo.training.data.settings import Rain
from model_zoo.training.errors import BadExperiment
from model_zoo.training.experiment import Experiment
from model_zoo.training.state import Progress
from model_zoo.training.validation import Validation
from model_zoo.zoo import build


def initial_network(experiment: Experiment, start: Path | None) -> tuple[Nowcaster, str | None]:
    """Make a network with random weights, or load it from a checkpoint and return its hash too.

    Raises:
        BadExperiment: The checkpoint is of another network or scale.
    """
    if start is None:
        torch.manual_seed(experiment.seed)
        number = len(experiment.thresholds)
        network = build(experiment.model, channels=experiment.channels, exceedances=number)
        if number:
            scaled = intensity.scale(experiment.scale).encode(torch.tensor(experiment.thresholds))
            network.guess.levels.copy_(scaled)
        return network, None
    parent = checkpoint.load(start)
    given = (parent.model, parent.channels, parent.scale, parent.view, parent.thresholds)
    wanted = (
        experiment.model,
        experiment.channels,
        experiment.scale,
        view_of(experiment),
        experiment.thresholds,
    )
    if given != wanted:
        raise BadExperiment(
            f"{start} is {given[0]} of {given[1]} channels on the scale {given[2]}, "
            f"view {given[3]}, thresholds {given[4]}; the experiment is of "
            + ", ".join(map(str, wanted))
        )
    return parent.network, parent.sha256


def save_checkpoint(
    path: Path,
    network: Nowcaster,
    experiment: Experiment,
    progress: Progress,
    validation: Validation | None,
    about: Mapping[str, Any],
) -> None:
    """Write a checkpoint with its provenance.

    Args:
        path: Of the checkpoint.
        network: With the weights to save.
        experiment: That trained it.
        progress: Of the training.
        validation: Its scores, if known.
        about: Further provenance.
    """
    finite = (
        {}
        if validation is None
        else {k: v for k, v in log_row(validation).items() if math.isfinite(v)}
    )
    checkpoint.save(
        path,
        network,
        model=experiment.model,
        channels=experiment.channels,
        scale=experiment.scale,
        view=view_of(experiment),
        thresholds=experiment.thresholds,
        experiment=experiment.model_dump(mode="json"),
        provenance={
            "data": experiment.data.source,
            "step": progress.step,
            "seconds": round(progress.seconds),
            "validation": finite,
            **about,
        },
    )


def view_of(experiment: Experiment) -> str:
    """Return the view, "fixed" or "moving", that a network is trained in."""
    return experiment.data.view if isinstance(experiment.data, Rain) else "fixed"


def log_row(validation: Validation) -> dict[str, float]:
    """Return a validation as a row of the log: means over future frames, NaN if undefined."""
    scores = validation.scores
    row = {"loss": validation.loss}
    row |= {name: float(scores.mean(name)) for name in ("mse", "mae", "ssim", "psnr")}
    for name in ("csi", "hss"):
        if name in scores.steps:
            means = scores.mean(name)
            row |= {f"{name}_{float(t):g}": float(means.sel(threshold=t)) for t in means.threshold}
    return row
