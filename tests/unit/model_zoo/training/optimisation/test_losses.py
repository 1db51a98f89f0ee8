"""Losses: as the papers define them, and blind to what is not known."""

import pytest
import torch
from torch import Tensor

from model_zoo import build, intensity
from model_zoo.exceedance import THRESHOLDS
from model_zoo.training.data.sample import Sample
from model_zoo.training.distributed import Ranks
from model_zoo.training.experiment import Loss
from model_zoo.training.learner import Trainer
from model_zoo.training.optimisation.losses import (
    frame_losses,
    make_frame_losses,
    threshold_weights,
    total_loss,
)
from tests.unit.model_zoo.training.conftest import tiny

SCALE = intensity.scale("reflectivity")
HERE = Ranks(0, 1, torch.device("cpu"))


def batch_of(frames: Tensor, mask: Tensor, *measured: float) -> Sample:
    """A batch, of a radar that tells apart what lies between two rates in mm/h, or everything."""
    span = torch.tensor([0.0, 1.0]) if not measured else SCALE.encode(torch.tensor(measured))
    return Sample(frames, mask, torch.empty(len(frames), 0), span.expand(len(frames), 2))


def test_the_loss_is_a_sum_over_cells_and_a_mean_over_frames_and_samples() -> None:
    frames = torch.zeros(2, 3, 1, 4, 5)
    predicted = torch.full_like(frames, 0.5)
    losses = frame_losses(predicted, frames, torch.ones_like(frames, dtype=torch.bool))
    assert torch.allclose(losses, torch.full((2, 3), 20 * (0.25 + 0.5)))
    assert total_loss(losses, torch.tensor(2.0), 2, Loss(decoupling=0.1)) == pytest.approx(15.2)


def test_only_future_frames_count_if_it_is_said_so() -> None:
    losses = torch.tensor([[100.0, 100.0, 1.0, 2.0, 3.0]])  # frames 2 and 3 given, 4 to 6 future
    assert total_loss(losses, torch.tensor(0.0), 3, Loss(history=False)) == 2.0
    assert total_loss(losses, torch.tensor(0.0), 3, Loss()) == pytest.approx(206 / 5)


@pytest.mark.parametrize("kind", ["l1+l2", "exceedance"])
def test_what_is_not_known_has_no_influence_on_loss_or_gradient(kind: str) -> None:
    rain = {"source": "germany", "given": 3, "horizon": 2}
    experiment = tiny(data=rain, loss={"kind": kind}, batch=2)
    torch.manual_seed(0)
    frames = torch.rand(2, 5, 1, 16, 16)
    mask = torch.rand(2, 5, 1, 16, 16) < 0.7
    found = []
    for unknown in (0.0, 0.9, torch.nan, torch.inf):
        torch.manual_seed(1)
        number = len(experiment.thresholds)
        network = build("ms-convlstm", channels=3, exceedances=number)
        with torch.no_grad():
            network.head.weight.normal_()
        learner = Trainer(network, experiment, 10, HERE)
        loss = learner.loss(batch_of(frames.where(mask, unknown), mask), step=4)
        loss.backward()  # type: ignore[no-untyped-call]
        gradients = [weight.grad for weight in learner.network.parameters()]
        found.append([loss.detach(), *(g for g in gradients if g is not None)])
    for other in found[1:]:
        assert len(other) == len(found[0]) > 10
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))
    changed = learner.loss(batch_of((frames + 0.1).where(mask, 0.0), mask), step=4)
    assert changed != found[0][0], "what is known has"


def test_predictions_of_what_is_not_known_are_neither_right_nor_wrong() -> None:
    torch.manual_seed(0)
    mask = torch.rand(2, 3, 1, 8, 8) < 0.6
    frames = torch.rand(2, 3, 1, 8, 8).where(mask, 0.0)
    predicted = torch.rand(2, 3, 1, 8, 8, requires_grad=True)
    losses = frame_losses(predicted, frames, mask)
    losses.sum().backward()  # type: ignore[no-untyped-call]
    assert predicted.grad is not None
    assert (predicted.grad[~mask] == 0).all()
    assert (predicted.grad[mask] != 0).all()
    assert torch.equal(losses, frame_losses(predicted.where(mask, 9.0), frames, mask))


def test_the_penalty_of_cells_adds_by_its_weight() -> None:
    sample = Sample(torch.rand(2, 5, 1, 16, 16), torch.ones(2, 5, 1, 16, 16, dtype=torch.bool))
    found = {}
    for settings in ((0.0, False), (10.0, False), (10.0, True)):
        torch.manual_seed(1)
        loss = {"decoupling": settings[0], "decoupling_sum": settings[1]}
        experiment = tiny(model="ms-predrnn-v2", loss=loss)
        learner = Trainer(build("ms-predrnn-v2", channels=3), experiment, 10, HERE)
        found[settings] = learner.loss(sample, 0).item()
    mean, summed = (found[10.0, is_sum] - found[0.0, False] for is_sum in (False, True))
    assert 0 < mean < 10
    assert summed == pytest.approx(mean * 6 * 3, rel=1e-2), "6 layers of 3 channels"


def test_cells_of_different_samples_count_alike() -> None:
    frames, predicted = torch.rand(2, 3, 1, 4, 4), torch.rand(2, 3, 1, 4, 4)
    mask = torch.rand(2, 3, 1, 4, 4) < 0.5
    both = frame_losses(predicted, frames, mask)
    each = [frame_losses(predicted[n : n + 1], frames[n : n + 1], mask[n : n + 1]) for n in (0, 1)]
    assert torch.allclose(both, torch.cat(each))


def test_a_mean_per_cell_is_over_the_known_cells_of_future_frames() -> None:
    losses = torch.tensor([[100.0, 100.0, 1.0, 2.0, 3.0], [100.0, 100.0, 4.0, 5.0, 6.0]])
    mask = torch.zeros(2, 5, 1, 4, 5, dtype=torch.bool)
    mask[:, :2] = True
    mask[0, 2:, :, 0, :2] = True
    mask[1, 3, :, 1, 1] = True
    settings = Loss(per_cell=True, decoupling=0.5)
    assert total_loss(losses, torch.tensor(2.0), 3, settings, mask) == pytest.approx(21 / 7 + 1)
    nothing = torch.zeros_like(mask)
    assert total_loss(0 * losses, torch.tensor(0.0), 3, settings, nothing) == 0, "and no NaN"


def test_thresholds_weigh_as_is_said_and_one_in_the_mean() -> None:
    assert threshold_weights(Loss(kind="exceedance")) is None
    given = {"0.1": 0.5, "5": 4.0, "40": 8.0}
    weights = threshold_weights(Loss(kind="exceedance", thresholds=given))
    assert weights is not None
    expected = torch.tensor([given.get(f"{t:g}", 1.0) for t in THRESHOLDS])
    torch.testing.assert_close(weights, expected / expected.mean())


def test_exceedance_losses_heed_weights_of_thresholds() -> None:
    torch.manual_seed(0)
    logits, frames = torch.randn(2, 3, 9, 4, 4), torch.rand(2, 3, 1, 4, 4)
    mask = torch.ones_like(frames, dtype=torch.bool)
    even, skewed = (
        make_frame_losses(Loss(kind="exceedance", thresholds=thresholds), SCALE)(
            logits, frames, mask
        )
        for thresholds in ({}, {"5": 9.0})
    )
    assert not torch.allclose(even, skewed)
    certain = make_frame_losses(Loss(kind="exceedance", thresholds={"5": 1e6}), SCALE)
    moved = logits.clone()
    moved[:, :, [0, 1, 2, 3, 4, 6, 7, 8]] += 1
    torch.testing.assert_close(
        certain(logits, frames, mask), certain(moved, frames, mask), rtol=1e-4, atol=0
    )


def test_what_a_radar_does_not_tell_apart_is_not_learnt_from_it() -> None:
    experiment = tiny(
        data={"source": "germany", "given": 3, "horizon": 2}, loss={"kind": "exceedance"}
    )
    frames = SCALE.encode(torch.tensor(10.0).expand(2, 5, 1, 16, 16).clone())
    mask = torch.ones_like(frames, dtype=torch.bool)
    learnt = {}
    for measured in ((), (1.0, 20.0)):
        torch.manual_seed(1)
        learner = Trainer(build("ms-convlstm", channels=3, exceedances=9), experiment, 10, HERE)
        learner.loss(batch_of(frames, mask, *measured), 0).backward()  # type: ignore[no-untyped-call]
        assert learner.network.head.bias is not None
        gradient = learner.network.head.bias.grad
        assert gradient is not None
        learnt[measured] = [t for t, g in zip(THRESHOLDS, gradient, strict=True) if g != 0]
    assert learnt[()] == list(THRESHOLDS)
    assert learnt[1.0, 20.0] == [1.0, 2.0, 5.0, 10.0]


def test_with_frozen_attention_all_else_learns() -> None:
    data = {"source": "germany", "given": 2, "horizon": 1}
    frames = torch.rand(1, 3, 1, 16, 16)
    batch = batch_of(frames, torch.ones_like(frames, dtype=torch.bool))
    for frozen in (False, True):
        torch.manual_seed(0)
        experiment = tiny(model="ms-preciplstm", data=data, frozen_attention=frozen)
        learner = Trainer(build("ms-preciplstm", channels=3), experiment, 1, HERE)
        learner.loss(batch, 0).backward()  # type: ignore[no-untyped-call]
        named = dict(learner.network.named_parameters())
        idle = {name for name, weight in named.items() if weight.grad is None}
        attention = {name for name in named if name.rsplit(".", 2)[-2] in {"query", "key", "value"}}
        assert len(attention) == 3 * 6
        assert idle == (attention if frozen else set())
