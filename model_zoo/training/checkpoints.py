"""Initial weights of a training, and the checkpoints it saves."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

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


class FirstWeights(NamedTuple):
    """What a training begins with."""

    network: Nowcaster
    parents: str | None
    """Hashes of the checkpoints that lent weights, with a space between; None if all are random."""


def initial_network(
    experiment: Experiment, start: Path | None, guess: Path | None = None
) -> FirstWeights:
    """A network with random weights of the seed, or those of checkpoints.

    Args:
        experiment: What is to be trained.
        start: Checkpoint of the same network. Where only the experiment has guidance, the new
            inputs begin without effect and the head with zeros.
        guess: Checkpoint of any network with guidance, whose first guess is taken.

    Raises:
        BadExperiment: A checkpoint is of another network or scale.
    """
    network = random_weights(experiment) if start is None else of_parent(experiment, start)
    parents = [checkpoint.load(path) for path in (start, guess) if path is not None]
    if guess is not None:
        take_guess(network, experiment, guess)
    return FirstWeights(network, " ".join(parent.sha256 for parent in parents) or None)


def random_weights(experiment: Experiment) -> Nowcaster:
    """A network with random weights of the seed."""
    torch.manual_seed(experiment.seed)
    number = len(experiment.thresholds)
    network = build(
        experiment.model,
        channels=experiment.channels,
        exceedances=number,
        guidance=experiment.guidance,
    )
    if number:
        scaled = intensity.scale(experiment.scale).encode(torch.tensor(experiment.thresholds))
        network.guess.levels.copy_(scaled)
    return network


def of_parent(experiment: Experiment, start: Path) -> Nowcaster:
    """The network of a checkpoint, given guidance if only the experiment has it.

    Raises:
        BadExperiment: The checkpoint is of another network or scale.
    """
    parent = checkpoint.load(start)
    given = (parent.model, parent.channels, parent.scale, parent.view, parent.thresholds)
    wanted = (
        experiment.model,
        experiment.channels,
        experiment.scale,
        view_of(experiment),
        experiment.thresholds,
    )
    guidance = parent.network.guidance
    if given != wanted or guidance not in {0, experiment.guidance}:
        raise BadExperiment(
            f"{start} is {given[0]} of {given[1]} channels on the scale {given[2]}, "
            f"view {given[3]}, thresholds {given[4]}, guidance {guidance}; the experiment is of "
            + ", ".join(map(str, (*wanted, experiment.guidance)))
        )
    if guidance == experiment.guidance:
        return parent.network
    network = random_weights(experiment)
    network.stack.load_state_dict(parent.network.stack.state_dict())
    with torch.no_grad():
        old = parent.network.embed.state_dict()
        inputs = old["weight"].shape[1]
        new = torch.zeros_like(network.embed.weight)
        new[:, :inputs] = old["weight"]
        network.embed.load_state_dict({**old, "weight": new})
    return network


def take_guess(network: Nowcaster, experiment: Experiment, path: Path) -> None:
    """Give a network the first guess of another.

    Raises:
        BadExperiment: The other has none like it.
    """
    lender = checkpoint.load(path)
    given = (lender.scale, lender.view, lender.thresholds, lender.network.guidance)
    wanted = (experiment.scale, view_of(experiment), experiment.thresholds, experiment.guidance)
    if given != wanted or not experiment.guidance:
        raise BadExperiment(
            f"{path} has scale {given[0]}, view {given[1]}, thresholds {given[2]} and guidance "
            f"{given[3]}; its first guess is of use with the same only, the experiment has "
            + ", ".join(map(str, wanted))
        )
    network.guess.load_state_dict(lender.network.guess.state_dict())


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
