"""Choose the calibration of a network that predicts exceedances.

Coefficients are chosen on the validation events and a sample of the training events together,
each event with the same weight, as one event alone would bend them to its weather; the growth of
areas on the validation events. Windows are whole fields, in the view of the training.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from model_zoo.calibration import IDENTITY, Calibration, logit, wetness
from model_zoo.checkpoints import checkpoint
from model_zoo.checkpoints.checkpoint import Checkpoint
from model_zoo.fast.autotune import AutotunedNetwork
from model_zoo.forecasters.rain_amounts import expected_change
from model_zoo.training.data.data_sets.corpus import whole_fields
from model_zoo.training.data.rain import RainSequences
from model_zoo.training.data.sample import Draw
from model_zoo.training.data.settings import Corpus
from model_zoo.training.distributed import process_group
from model_zoo.training.errors import BadExperiment
from model_zoo.training.experiment import Experiment
from model_zoo.training.learner import seen

Counts = NDArray[np.float64]

EDGES = np.linspace(-14, 14, 113)
"""Of the bins of a probability's logit."""
FACTORS = np.round(np.arange(0.7, 1.61, 0.05), 2)
"""Growths of an area that are tried."""
LEAST_BIAS, MOST_BIAS = 0.9, 1.1
"""Frequency biases that are allowed: within 0.85 to 1.2 with room for other events, and such that
the rain in total stays within 0.9 to 1.1 of that observed."""
FEWEST = 500
"""Cells with the event, below which nothing can be chosen."""
RIDGE = 1e-4
"""Weight that keeps the coefficients near those that change nothing."""
NEWTON_STEPS = 50
SMALLEST_STEP = 1e-8


@dataclass(frozen=True)
class Sums:
    """What the windows of one event add up to.

    Attributes:
        wet: Wetness of each window, (window,).
        bins: How often each probability came without and with the event, (window, lead, threshold,
            bin, 2).
    """

    wet: Counts
    bins: Counts


def calibrate(
    path: Path,
    data: Path | None,
    destination: Path,
    *,
    validation_windows: int = 30,
    training_windows: int = 3,
    device: str = "auto",
    report: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Write a checkpoint with its calibration, and return that.

    Args:
        path: A checkpoint that was trained here on a corpus and predicts exceedances.
        data: Where the files of its data set lie.
        destination: The new checkpoint; may be the old one.
        validation_windows: So many of each validation event, spread over it.
        training_windows: So many of each training event.
        device: As torch names it, or "auto" for the GPU if there is one.
        report: Called with the numbers of events done and in all.

    Raises:
        NoWeights, BadCheckpoint: There is no such checkpoint.
        BadExperiment: It predicts no exceedances, or its training is not one on a corpus.
        BadData: Files of the data set are missing or damaged.
    """
    trained = checkpoint.load(path)
    settings = corpus_of(trained, path)
    plan = [(name, validation_windows) for name in settings.validation]
    plan += [(name, training_windows) for name in settings.train]
    events, roles = [], list[bool]()
    for part in plan:
        of_part = whole_fields(settings, data, [part], trained.scale)
        events += of_part
        roles += [part[0] in settings.validation] * len(of_part)
    validated = [event for event, role in zip(events, roles, strict=True) if role]
    found: list[Sums] = []
    areas: list[Counts] = []

    def done() -> None:
        if report is not None:
            report(len(found) + len(areas), len(events) + len(validated))

    with process_group(device) as ranks:
        forecast = AutotunedNetwork(trained.network.to(ranks.device).eval())
        for event in events:
            found.append(sums_of(trained, forecast, *event, ranks.device))
            done()
        # what areas are expected is known by calibrated probabilities only
        right = replace(trained, calibration=Calibration(coefficients_of(found), expects=True))
        for event in validated:
            areas.append(expected_areas(right, forecast, *event, ranks.device))
            done()
    calibration = replace(right.calibration, growth=growth_of(areas))
    trained.network.to("cpu")
    checkpoint.save_again(destination, replace(trained, calibration=calibration))
    return calibration


def corpus_of(trained: Checkpoint, path: Path) -> Corpus:
    """The corpus that a network was trained on.

    Raises:
        BadExperiment: There is none, or the network predicts no exceedances.
    """
    if not trained.thresholds:
        raise BadExperiment(
            f"{path} predicts the rain and no exceedances; there is nothing to calibrate"
        )
    try:
        # a checkpoint may have settings that are no more
        experiment = Experiment.model_validate(trained.experiment, extra="ignore")
    except ValidationError as error:
        raise BadExperiment(
            f"{path} was trained with settings that this version does not know "
            f"({error.error_count()} faults); train it again, or use the version that did"
        ) from error
    if not isinstance(experiment.data, Corpus) or not experiment.data.validation:
        raise BadExperiment(
            f"{path} was trained on {experiment.data.source}; a calibration is chosen on the "
            "validation events of a corpus"
        )
    return experiment.data


def sums_of(
    trained: Checkpoint,
    forecast: AutotunedNetwork,
    sequences: RainSequences,
    windows: Sequence[int],
    device: torch.device,
) -> Sums:
    """What the windows of an event add up to."""
    wet, bins = [], []
    windows_of = predicted(trained, forecast, sequences, windows, device)
    for newest, _, probability, observed in windows_of:
        wet.append(wetness(newest))
        bins.append(histogram(probability, observed, trained.thresholds))
    return Sums(np.array(wet), np.array(bins))


def expected_areas(
    trained: Checkpoint,
    forecast: AutotunedNetwork,
    sequences: RainSequences,
    windows: Sequence[int],
    device: torch.device,
) -> Counts:
    """Sum `areas_beside_expected` of calibrated probabilities over windows of an event."""
    thresholds, found = trained.thresholds, []
    windows_of = predicted(trained, forecast, sequences, windows, device)
    for newest, amounts, raw, observed in windows_of:
        probability = trained.calibration.probabilities(raw, newest, thresholds)
        found.append(areas_beside_expected(amounts, probability, observed, thresholds))
    total: Counts = np.sum(found, axis=0)
    return total


def predicted(
    trained: Checkpoint,
    forecast: AutotunedNetwork,
    sequences: RainSequences,
    windows: Sequence[int],
    device: torch.device,
) -> Iterator[tuple[NDArray[np.float32], ...]]:
    """Predict windows.

    Yields:
        The newest given frame (y, x), the rain (lead, y, x) whose amounts a forecast takes, the
        probabilities (lead, threshold, y, x) and the observed frames (lead, y, x); rain in mm/h,
        NaN for no data.
    """
    scale, given, horizon = sequences.scale, sequences.given, sequences.frames - sequences.given
    for number in windows:
        sample = sequences[Draw(0, number)]
        frames, mask, guidance = (field[None].to(device) for field in sample[:3])
        with torch.inference_mode():
            shown = seen(trained.network, frames, mask, guidance)[:, :given]
            logits = forecast(shown, horizon)[0]
        rates = scale.decode(frames).where(mask, torch.nan)[0, :, 0].cpu().numpy()
        newest = rates[given - 1]
        amounts = np.repeat(newest[None], horizon, axis=0)
        if trained.network.guidance:
            seen_by = scale.decode(guidance)[0, :, 0].cpu().numpy()
            amounts = np.where(np.isnan(newest), np.float32(np.nan), seen_by)
        yield newest, amounts, logits.sigmoid().cpu().numpy(), rates[given:]


def histogram(
    probability: NDArray[np.float32],
    observed: NDArray[np.float32],
    thresholds: Sequence[float],
) -> Counts:
    """How often each probability came without and with the event, (lead, threshold, bin, 2)."""
    leads, number = probability.shape[:2]
    counts = np.zeros((leads, number, len(EDGES) - 1, 2))
    for lead, frame in enumerate(observed):
        known = ~np.isnan(frame)
        for index, threshold in enumerate(thresholds):
            logits, reached = logit(probability[lead, index][known]), frame[known] >= threshold
            for event in (False, True):
                counts[lead, index, :, int(event)], _ = np.histogram(
                    logits[reached == event], EDGES
                )
    return counts


def areas_beside_expected(
    amounts: NDArray[np.float32],
    probability: NDArray[np.float32],
    observed: NDArray[np.float32],
    thresholds: Sequence[float],
) -> Counts:
    """Count as `areas_of`, where areas change as the probabilities expect (`expected_change`)."""
    pairs = zip(probability, amounts, strict=True)
    change = np.stack([expected_change(*pair, thresholds) for pair in pairs])
    return areas_of(amounts, probability, observed, thresholds, change)


def areas_of(
    amounts: NDArray[np.float32],
    probability: NDArray[np.float32],
    observed: NDArray[np.float32],
    thresholds: Sequence[float],
    change: NDArray[np.float64] | None = None,
) -> Counts:
    """Count hits, forecast and observed cells by growth, (lead, threshold, factor, 3).

    The likeliest cells get the rain, so many times as many as have it in `amounts` (lead, y, x),
    times the `change` of that area (lead, threshold) that is expected without any growth.
    """
    changed = np.ones((len(observed), len(thresholds))) if change is None else change
    counts = np.zeros((len(observed), len(thresholds), len(FACTORS), 3))
    for lead, frame in enumerate(observed):
        known = ~np.isnan(frame) & ~np.isnan(amounts[lead])
        for index, threshold in enumerate(thresholds):
            order = np.argsort(-probability[lead, index][known], kind="stable")
            reached = (frame[known] >= threshold)[order]
            hits = np.concatenate([[0], np.cumsum(reached)])
            now = np.count_nonzero(amounts[lead][known] >= threshold)
            wanted = np.rint(FACTORS * changed[lead, index] * now)
            cells = np.minimum(wanted, reached.size).astype(int)
            counts[lead, index] = np.stack(
                [hits[cells], cells, np.full(len(cells), hits[-1])], axis=-1
            )
    return counts


def coefficients_of(
    events: Sequence[Sums],
) -> tuple[tuple[tuple[float, float, float], ...], ...]:
    """Coefficients (lead, threshold, 3) of a logistic regression on logit and wetness."""
    _, leads, thresholds, _, _ = events[0].bins.shape
    return tuple(
        tuple(fitted(events, lead, threshold) for threshold in range(thresholds))
        for lead in range(leads)
    )


def fitted(events: Sequence[Sums], lead: int, threshold: int) -> tuple[float, float, float]:
    """Coefficients of one lead and threshold, by Newton's method."""
    middle = (EDGES[1:] + EDGES[:-1]) / 2
    rows, without, with_event = [], [], []
    number = 0.0
    for event in events:
        counts = event.bins[:, lead, threshold]
        number += counts[..., 1].sum()
        weight = 1 / max(counts.sum(), 1)  # each event alike
        rows.append(np.stack(np.broadcast_arrays(1.0, middle[None], event.wet[:, None]), axis=-1))
        without.append(counts[..., 0] * weight)
        with_event.append(counts[..., 1] * weight)
    if number < FEWEST:
        return IDENTITY
    x = np.concatenate([row.reshape(-1, 3) for row in rows])
    no, yes = (np.concatenate([c.ravel() for c in counts]) for counts in (without, with_event))
    beta = logistic_regression(x, yes, no, np.array(IDENTITY), RIDGE)
    return float(beta[0]), float(beta[1]), float(beta[2])


def logistic_regression(
    x: Counts, with_event: Counts, without: Counts, start: Counts, ridge: float
) -> Counts:
    """Fit coefficients (feature,), held near `start`, by Newton's method.

    Steps are halved until the penalised likelihood rises.

    Args:
        x: Features, (row, feature).
        with_event: Weight of the rows with the event, (row,).
        without: Likewise without it.
        start: Where to begin, and what the penalty pulls to, (feature,).
        ridge: Of the penalty.
    """

    def cost(beta: Counts) -> float:
        logits = x @ beta
        loss = with_event @ np.logaddexp(0, -logits) + without @ np.logaddexp(0, logits)
        return float(loss + ridge / 2 * np.sum((beta - start) ** 2))

    beta, total = start.astype(float), with_event + without
    for _ in range(NEWTON_STEPS):
        p = 0.5 * (1 + np.tanh(x @ beta / 2))
        gradient = x.T @ (with_event - total * p) - ridge * (beta - start)
        curvature = (x * (total * p * (1 - p))[:, None]).T @ x + ridge * np.eye(len(start))
        step, now = np.linalg.solve(curvature, gradient), cost(beta)
        while cost(beta + step) > now and np.abs(step).max() > SMALLEST_STEP:
            step = step / 2
        if np.abs(step).max() <= SMALLEST_STEP:
            break
        beta = beta + step
    return beta


def growth_of(events: Sequence[Counts]) -> tuple[tuple[float, ...], ...]:
    """Choose the growth (lead, threshold) with the highest CSI within bounds of the bias.

    Where an event is too rare to choose, the area stays as it is.

    Args:
        events: Of each the sums of `areas_of`, (lead, threshold, factor, 3).
    """
    # each event alike: counts as shares of the cells with the event
    shares = [areas / np.maximum(areas[..., 2:], 1) for areas in events]
    enough = [areas[..., 2:] >= FEWEST / 5 for areas in events]
    observed = np.sum(
        [np.where(some, areas[..., 2:], 0) for areas, some in zip(events, enough, strict=True)],
        axis=0,
    )[..., 0, 0]
    total = np.sum(
        [np.where(some, share, 0) for share, some in zip(shares, enough, strict=True)], axis=0
    )
    hits, forecast, reached = np.moveaxis(total, -1, 0)
    csi = hits / np.maximum(forecast + reached - hits, 1e-9)
    bias = forecast / np.maximum(reached, 1e-9)
    allowed = (bias >= LEAST_BIAS) & (bias <= MOST_BIAS)
    nearest = np.abs(np.log(np.maximum(bias, 1e-9))).argmin(-1)
    best = np.where(allowed.any(-1), np.where(allowed, csi, -1.0).argmax(-1), nearest)
    factors = FACTORS[best]
    return tuple(map(tuple, np.where(observed < FEWEST, 1.0, factors).tolist()))
