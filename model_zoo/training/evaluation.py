"""Evaluation of a trained network on a data set, beside the results of the paper."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from model_zoo import intensity
from model_zoo.checkpoints import checkpoint
from model_zoo.training import paper_tables
from model_zoo.training.data.opening import open_data
from model_zoo.training.data.sample import Split
from model_zoo.training.data.settings import data_settings
from model_zoo.training.distributed import process_group
from model_zoo.training.experiment import Loss
from model_zoo.training.metrics import Scores
from model_zoo.training.optimisation.losses import make_frame_losses
from model_zoo.training.validation import RATES, Validator

SEED = 2022
"""Seed of test sequences that are drawn at random."""
AVERAGES = {"all frames, as the paper": True, "future frames alone": False}
"""Names of our rows, and whether predictions of given frames count in them."""
MARK = " *"
"""Mark of the network that is evaluated among those of the paper."""


class Table(NamedTuple):
    """Text in columns."""

    title: str
    headings: list[str]
    lines: list[list[str]]


class Evaluation(NamedTuple):
    """Scores of a network on a data set."""

    samples: int
    scores: Scores
    beside_paper: Table
    by_frame: Table
    paper: Table | None = None
    """The paper's scores of all its networks on the data set; None if it has none."""


def evaluate(
    path: Path,
    source: str,
    data: Path | None,
    *,
    split: Split = Split.TEST,
    samples: int | None = None,
    batch: int = 4,
    workers: int = 0,
    device: str = "auto",
    report: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Evaluate a trained network on a data set, cut as for its training.

    Args:
        path: The checkpoint.
        source: Name of the data set.
        data: Folder of its files.
        split: Training, validation or test.
        samples: Number of samples, spread evenly; all by default.
        batch: Samples at a time.
        workers: Data loader processes.
        device: As torch names it, or "auto" for the GPU if there is one.
        report: Called with the number of samples done and in all.

    Raises:
        NoWeights: There is no such checkpoint.
        BadCheckpoint: It is damaged.
        BadExperiment: There is no such data set, or it needs settings the checkpoint does not have.
        BadData: Files of the data set are missing or damaged.
    """
    trained = checkpoint.load(path)
    settings = data_settings(source, trained.experiment)
    sequences = open_data(settings, data, split, seed=SEED, scale=trained.scale)
    validator = Validator(
        sequences, settings, trained.scale, batch=batch, samples=samples, workers=workers
    )
    with process_group(device) as ranks:
        network = trained.network.to(ranks.device)
        kind = "exceedance" if trained.thresholds else "l1+l2"
        losses = make_frame_losses(Loss(kind=kind), intensity.scale(trained.scale))
        scores = validator(network, ranks, losses, report=report).scores
    samples = len(validator.chosen)
    title = f"{trained.model} on {settings.source}, {split.name.lower()}, {samples} samples"
    return Evaluation(
        samples,
        scores,
        Table(title, *beside_paper(scores, settings.source, trained.model)),
        Table("frame by frame", *by_frame(scores, settings.given)),
        paper_table(settings.source, trained.model),
    )


def beside_paper(scores: Scores, source: str, model: str) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows of the table of the paper: its own, then ours."""
    if source == "taxibj":
        headings = [f"MSE {ahead}" for ahead in range(1, scores.horizon + 1)]
        ours = {"ours": [float(value) for value in scores.future["mse"].values]}
        paper: Sequence[float] | None = paper_tables.TAXIBJ.get(model)
    elif "csi" in scores.steps:
        headings = [f"{name} {rate:g}" for name in ("CSI", "HSS") for rate in RATES]
        ours = {
            f"ours, {way}": [
                float(value)
                for name in ("csi", "hss")
                for value in scores.mean(name, history=history).values
            ]
            for way, history in AVERAGES.items()
        }
        paper = paper_tables.GERMANY.get(model) if source == "germany" else None
    else:
        names = ("ssim", "psnr") if source == "kth" else ("ssim", "mse", "mae")
        headings = [name.upper() for name in names]
        ours = {
            f"ours, {way}": [float(scores.mean(name, history=history)) for name in names]
            for way, history in AVERAGES.items()
        }
        paper = paper_tables.MOVING_MNIST.get(model) if source == "moving-mnist" else None
    published = {"paper": list(paper)} if paper is not None else {}
    return ["", *headings], [[way, *map(figure, row)] for way, row in (published | ours).items()]


def paper_table(source: str, model: str) -> Table | None:
    """Return the paper's table of a data set, with a mark at one model; None if there is none."""
    rows = paper_tables.TABLES.get(source)
    if rows is None:
        return None
    lines = [[name + MARK * (name == model), *map(figure, row)] for name, row in rows.items()]
    return Table(f"the paper on {source}", ["network", *paper_tables.HEADINGS[source]], lines)


def by_frame(scores: Scores, given: int) -> tuple[list[str], list[list[str]]]:
    """Return headings and a row for each frame after the first, given frames first."""
    plain = [name for name in ("mse", "mae", "ssim", "psnr") if name in scores.steps]
    headings = ["frame", *(name.upper() for name in plain)]
    lines = []
    for step in scores.steps["step"].values.tolist():
        scores_of_step = scores.steps.sel(step=step)
        name = f"{step}, given" if step <= given else f"{step}, +{step - given}"
        lines.append([name, *(figure(float(scores_of_step[score])) for score in plain)])
        if "csi" in scores_of_step:
            lines[-1] += [
                figure(float(v)) for score in ("csi", "hss") for v in scores_of_step[score].values
            ]
    if "csi" in scores.steps:
        headings += [f"{name} {rate:g}" for name in ("CSI", "HSS") for rate in RATES]
    return headings, lines


def figure(value: float) -> str:
    """Format a number with about four digits."""
    if math.isnan(value):
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.2f}"
