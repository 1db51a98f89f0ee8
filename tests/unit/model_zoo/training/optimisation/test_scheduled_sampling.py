"""Scheduled sampling: the published probabilities, as masks."""

import math

import pytest
import torch

from model_zoo.training.data.batches import generator
from model_zoo.training.optimisation.scheduled_sampling import (
    SamplingProbabilities,
    draw_fed_mask,
    sampling_probabilities,
)


def test_scheduled_sampling_falls_linearly_from_one_to_nothing() -> None:
    found = [sampling_probabilities("scheduled", step, 10, 2) for step in range(10)]
    assert [fed.future for fed in found] == pytest.approx([1 - step / 10 for step in range(10)])
    assert {fed.past for fed in found} == {1.0}


def test_reverse_scheduled_sampling_has_the_published_phases() -> None:
    epochs, per_epoch = 15, 4
    for epoch in range(1, epochs + 1):
        steps = range((epoch - 1) * per_epoch, epoch * per_epoch)
        found = {
            sampling_probabilities("reverse", step, epochs * per_epoch, epochs) for step in steps
        }
        assert len(found) == 1, "the same within an epoch"
        past, future = found.pop()
        if epoch < 5:
            assert (past, future) == (0.5, 0.5)
        elif epoch < 10:
            assert past == pytest.approx(1 - 0.5 * math.exp(-(epoch - 5) / 1))
            assert future == pytest.approx(0.5 - 0.1 * (epoch - 5))
        else:
            assert (past, future) == (1.0, 0.0)


def test_without_sampling_only_the_past_is_seen() -> None:
    fed = draw_fed_mask(sampling_probabilities("none", 3, 10, 2), 5, 4, 7, generator(1))
    assert fed[:, :4].all()
    assert not fed[:, 4:].any()


def test_masks_are_drawn_with_these_chances_for_every_sample_and_step() -> None:
    fed = draw_fed_mask(SamplingProbabilities(0.8, 0.3), 20_000, 4, 7, generator(1)).float()
    assert (fed[:, 0] == 1).all(), "the first frame has nothing before it"
    assert fed[:, 1:4].mean(0) == pytest.approx([0.8] * 3, abs=0.02)
    assert fed[:, 4:].mean(0) == pytest.approx([0.3] * 3, abs=0.02)
    correlation = torch.corrcoef(fed[:, 1:].T) - torch.eye(6)
    assert correlation.abs().max() < 0.03, "each by itself"
    assert torch.equal(
        fed, draw_fed_mask(SamplingProbabilities(0.8, 0.3), 20_000, 4, 7, generator(1)).float()
    )
