"""From which probability on it shall rain: the cuts of a network that tells exceedances.

Chosen on the validation split and a sample of the training split together, as cuts of one event
alone would be bent to its weather; lead by lead and threshold by threshold: the cut with the
highest CSI among those by which it rains between `LEAST` and `MOST` times as often as it did. A cut
without bounds would gain a little CSI by raining far too often. Thresholds that are too rare to
tell take the cut of the one below.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor

from model_zoo import exceedance, intensity
from model_zoo.checkpoints import checkpoint
from model_zoo.training.data.opening import open_data
from model_zoo.training.data.sample import Split
from model_zoo.training.distributed import process_group
from model_zoo.training.errors import BadExperiment
from model_zoo.training.experiment import Experiment
from model_zoo.training.learner import seen
from model_zoo.training.validation import Validator

BINS = 1000
"""Of probability."""
LEAST, MOST = 0.9, 1.1
"""How often it rains, as a multiple of how often it should: within 0.8 to 1.25, with room for
events that are unlike those of validation."""
FEWEST = 500
"""Cells with the event, below which a cut cannot be told."""


def calibrate(
    path: Path,
    data: Path | None,
    destination: Path,
    *,
    batch: int = 4,
    training_samples: int = 200,
    device: str = "auto",
    report: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Write a checkpoint with cuts. Returns them, (lead, threshold).

    Args:
        path: A checkpoint that was trained here and tells exceedances.
        data: Where the files of its data set lie.
        destination: The new checkpoint; may be the old one.
        batch: Samples at a time.
        training_samples: So many of the training split are looked at.
        device: As torch names it, or "auto" for the GPU if there is one.
        report: Told how many samples of how many are done.

    Raises:
        NoWeights, BadCheckpoint: There is no such checkpoint.
        BadExperiment: It tells no exceedances, or how it was trained cannot be read.
        BadData: Files of the data set are missing or damaged.
    """
    trained = checkpoint.load(path)
    if not trained.thresholds:
        raise BadExperiment(f"{path} tells the rain and no exceedances; there is nothing to cut")
    try:
        experiment = Experiment.model_validate(trained.experiment)
    except ValidationError as error:
        raise BadExperiment(
            f"{path} does not say how it was trained in words this version knows "
            f"({error.error_count()} faults); train it again, or use the version that did"
        ) from error
    levels = intensity.scale(trained.scale).encode(torch.tensor(trained.thresholds))

    def judge(split: Split, samples: int | None) -> Validator:
        settings, seed = experiment.data, experiment.seed
        sequences = open_data(settings, data, split, seed=seed, scale=trained.scale)
        return Validator(sequences, settings, trained.scale, batch=batch, samples=samples)

    judges = [judge(Split.VALIDATION, None), judge(Split.TRAIN, training_samples)]
    total, done = sum(len(one.chosen) for one in judges), 0
    shape = experiment.data.horizon, len(levels), BINS, 2
    found = torch.zeros(shape, dtype=torch.int64)
    with process_group(device) as ranks, torch.inference_mode():
        network = trained.network.to(ranks.device).eval()
        for one in judges:
            for sample in one.batches(ranks):
                frames, mask = (field.to(ranks.device) for field in sample)
                shown = seen(network, frames, mask)[:, : one.given]
                logits = network(shown, horizon=one.horizon).frames[:, -one.horizon :]
                came, there = (field[:, -one.horizon :].cpu() for field in (frames, mask))
                found += histogram(logits.sigmoid().cpu(), came, there, levels)
                done += len(frames)
                if report is not None:
                    report(done, total)
    cuts = choose(found)
    checkpoint.save(
        destination,
        trained.network,
        model=trained.model,
        channels=trained.channels,
        scale=trained.scale,
        view=trained.view,
        thresholds=trained.thresholds,
        cuts=cuts.tolist(),
        experiment=trained.experiment,
        provenance=trained.provenance,
    )
    return cuts


def histogram(probabilities: Tensor, frames: Tensor, mask: Tensor, levels: Tensor) -> Tensor:
    """How often each probability was told without and with the event, (lead, threshold, bin, 2).

    Args:
        probabilities: (batch, lead, threshold, height, width).
        frames: What came, (batch, lead, 1, height, width) in 0..1.
        mask: Where that is known.
        levels: Thresholds in 0..1.
    """
    came = exceedance.events(frames, levels)
    at = (probabilities * BINS).to(torch.int64).clamp(max=BINS - 1) * 2 + came
    leads, thresholds = probabilities.shape[1:3]
    rows = [
        at[:, lead, threshold][mask[:, lead, 0]].bincount(minlength=2 * BINS)
        for lead in range(leads)
        for threshold in range(thresholds)
    ]
    return torch.stack(rows).view(leads, thresholds, BINS, 2)


def choose(found: Tensor) -> Tensor:
    """Cuts (lead, threshold) from a histogram."""
    cuts = best(found)
    for threshold in range(1, cuts.shape[1]):
        rare = found[:, threshold, :, 1].sum(dim=-1) < FEWEST
        cuts[:, threshold] = cuts[:, threshold - 1].where(rare, cuts[:, threshold])
    return cuts


def best(found: Tensor) -> Tensor:
    """The best cuts (lead, threshold) of a histogram, however rare the events are."""
    # of all cells with at least a probability: how many, and how many with the event
    without, hits = found.flip(2).cumsum(2).flip(2).double().unbind(-1)
    events = hits[..., :1]
    csi = hits / (without + events).clamp(min=1)
    often = (hits + without) / events.clamp(min=1)
    allowed = (often >= LEAST) & (often <= MOST)
    highest = csi.where(allowed, -1.0).argmax(dim=-1)
    # no cut gives the right number where probabilities jump: then the nearest
    nearest = (often.clamp(min=1e-9).log()).abs().argmin(dim=-1)
    return highest.where(allowed.any(dim=-1), nearest).double() / BINS
