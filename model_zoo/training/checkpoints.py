"""Weights to begin a training with, and those to keep of it."""

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
from model_zoo.training.validation import Judgement
from model_zoo.zoo import build


def first_weights(experiment: Experiment, start: Path | None) -> tuple[Nowcaster, str | None]:
    """A network with random weights of the seed, or those of a checkpoint and its hash.

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
    said = (parent.model, parent.channels, parent.scale, parent.view, parent.thresholds)
    wanted = (
        experiment.model,
        experiment.channels,
        experiment.scale,
        view_of(experiment),
        experiment.thresholds,
    )
    if said != wanted:
        raise BadExperiment(
            f"{start} is {said[0]} of {said[1]} channels on the scale {said[2]}, view {said[3]}, "
            f"thresholds {said[4]}; the experiment is of " + ", ".join(map(str, wanted))
        )
    return parent.network, parent.sha256


def keep(
    path: Path,
    network: Nowcaster,
    experiment: Experiment,
    progress: Progress,
    found: Judgement | None,
    about: Mapping[str, Any],
) -> None:
    """Write a checkpoint that says where its weights come from.

    Args:
        path: Where.
        network: With the weights to keep.
        experiment: That trained it.
        progress: How far that is.
        found: How good it is, if that is known.
        about: More to say.
    """
    known = {} if found is None else {k: v for k, v in row_of(found).items() if math.isfinite(v)}
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
            "validation": known,
            **about,
        },
    )


def view_of(experiment: Experiment) -> str:
    """The view that a network is trained in."""
    return experiment.data.view if isinstance(experiment.data, Rain) else "fixed"


def row_of(found: Judgement) -> dict[str, float]:
    """A validation as a row of the log: means over the future frames; NaN for what has none."""
    scores = found.scores
    row = {"loss": found.loss}
    row |= {name: float(scores.mean(name)) for name in ("mse", "mae", "ssim", "psnr")}
    for name in ("csi", "hss"):
        if name in scores.steps:
            means = scores.mean(name)
            row |= {f"{name}_{float(t):g}": float(means.sel(threshold=t)) for t in means.threshold}
    return row
