"""Batches, learning rates and running means: what follows from the number of a step."""

import math
from itertools import chain

import pytest
import torch
from torch import nn

from model_zoo.training.data.batches import Batches, generator
from model_zoo.training.errors import BadExperiment
from model_zoo.training.experiment import Optimiser
from model_zoo.training.optimisation.ema import ExponentialMovingAverage
from model_zoo.training.optimisation.learning_rate import learning_rate


def indices(
    first: int = 0, rank: int = 0, ranks: int = 1, *, order: bool = False
) -> list[list[int]]:
    batches = Batches(23, 4, seed=7, first=first, steps=15, rank=rank, ranks=ranks, in_order=order)
    found = list(batches)
    assert len(found) == len(batches)
    assert [draws[0].epoch for draws in found] == [step // 5 for step in range(first, 15)]
    return [[draw.index for draw in draws] for draws in found]


def test_every_epoch_has_its_own_order_and_no_sample_twice() -> None:
    batches = indices()
    epochs = [list(chain(*batches[start : start + 5])) for start in (0, 5, 10)]
    for epoch in epochs:
        assert len(set(epoch)) == len(epoch) == 20
    assert epochs[0] != epochs[1] != epochs[2]
    assert list(chain(*indices(order=True)[5:10])) == list(range(20))


def test_from_any_step_on_the_batches_are_the_same() -> None:
    assert all(indices(first=step) == indices()[step:] for step in range(15))


def test_devices_share_the_batch_of_one() -> None:
    parts = [indices(rank=rank, ranks=2) for rank in (0, 1)]
    assert [a + b for a, b in zip(*parts, strict=True)] == indices()


def test_batches_that_cannot_be_are_refused() -> None:
    with pytest.raises(BadExperiment, match="cannot be shared evenly by 3"):
        Batches(23, 4, seed=1, first=0, steps=1, ranks=3)
    with pytest.raises(BadExperiment, match="3 samples of training do not make a batch of 4"):
        Batches(3, 4, seed=1, first=0, steps=1)


def test_random_numbers_of_neighbouring_steps_have_nothing_in_common() -> None:
    seeds = {(a, b): torch.rand(500, generator=generator(a, b)) for a in range(8) for b in range(8)}
    correlations = torch.corrcoef(torch.stack(list(seeds.values()))) - torch.eye(64)
    assert correlations.abs().max() < 0.25
    assert torch.equal(torch.rand(3, generator=generator(1, 2)), seeds[1, 2][:3])


def test_the_rate_warms_up_and_falls_as_a_cosine() -> None:
    settings = Optimiser(rate=2.0, schedule="cosine", warm_up=4, floor=0.1)
    rates = [learning_rate(settings, step, 104) for step in range(104)]
    assert rates[:4] == [0.5, 1.0, 1.5, 2.0]
    assert rates[4] == 2.0
    assert rates[54] == pytest.approx(2 * (0.1 + 0.9 / 2))
    assert rates[103] == pytest.approx(2 * (0.1 + 0.45 * (1 + math.cos(math.pi * 0.99))))
    assert learning_rate(Optimiser(), 5, 10) == learning_rate(Optimiser(), 9, 10) == 3e-4


def test_a_running_mean_of_weights_can_be_swapped_in_and_out() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 1.0)
    average = ExponentialMovingAverage(network, 0.9)
    expected = 1.0
    for step in range(200):
        nn.init.constant_(network.weight, 2.0 + step)
        average.update(network, step)
        if step == 0:
            assert average.weights["weight"].item() == pytest.approx(0.1 * 1 + 0.9 * 2)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * (2.0 + step)
    assert average.weights["weight"].item() == pytest.approx(expected, rel=1e-5)
    average.swap(network)
    assert network.weight.item() == pytest.approx(expected, rel=1e-5)
    average.swap(network)
    assert network.weight.item() == 201.0
