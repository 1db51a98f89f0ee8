"""What a training begins with: random weights, those of a parent, a first guess that is lent."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from model_zoo import intensity
from model_zoo.checkpoints import checkpoint
from model_zoo.exceedance import THRESHOLDS
from model_zoo.guided_guess import GuidedGuess
from model_zoo.nowcaster import Nowcaster
from model_zoo.training.checkpoints import initial_network, view_of
from model_zoo.training.errors import BadExperiment
from model_zoo.training.experiment import Experiment
from tests.unit.model_zoo.training.conftest import tiny

SIDE, LEADS = 16, 2
DATA = {"source": "corpus", "train": ["one"], "given": 2, "horizon": LEADS, "view": "moving"}


def plain(**changes: Any) -> Experiment:
    """A training on exceedances in a moving view."""
    settings: dict[str, Any] = {
        "data": DATA,
        "loss": {"kind": "exceedance"},
        "sampling": "none",
        "scale": "rate",
    }
    return tiny(**settings | changes)


def guided(**changes: Any) -> Experiment:
    """The same with guidance."""
    return plain(**{"guidance": 4, "data": DATA | {"guidance": "s-prog"}, **changes})


def stir(network: Nowcaster) -> Nowcaster:
    """As after some training."""
    torch.manual_seed(7)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.3)
    return network


def saved(experiment: Experiment, path: Path) -> Path:
    """A checkpoint of a training that has learnt something."""
    checkpoint.save(
        path,
        stir(initial_network(experiment, None).network),
        model=experiment.model,
        channels=experiment.channels,
        scale=experiment.scale,
        view=view_of(experiment),
        thresholds=experiment.thresholds,
        experiment={},
        provenance={},
    )
    return path


def radar() -> Tensor:
    """Rain, where it is known, and the forecast of a baseline for each lead."""
    drawn = torch.rand(1, 2, 2 + LEADS, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    drawn[:, :, 1] = (drawn[:, :, 1] > 0.2).float()
    drawn[:, :, 2:] = drawn[:, -1:, 2:]
    return drawn


def same(network: torch.nn.Module, other: torch.nn.Module) -> bool:
    """Whether two modules have the same weights."""
    first, second = network.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    return saved(plain(), tmp_path / "parent.safetensors")


@pytest.fixture
def lender(tmp_path: Path) -> Path:
    """Another network with guidance."""
    other = guided(model="convlstm", channels=5)
    return saved(other, tmp_path / "lender.safetensors")


def test_random_weights_follow_from_the_seed_and_know_their_thresholds() -> None:
    initial, again, other = (initial_network(guided(seed=seed), None) for seed in (1, 1, 2))
    assert same(initial.network, again.network)
    assert not same(initial.network, other.network)
    assert initial.parents is None
    assert isinstance(initial.network.guess, GuidedGuess)
    levels = intensity.scale("rate").encode(torch.tensor(THRESHOLDS))
    assert torch.equal(initial.network.guess.levels, levels)


def test_a_parent_lends_all_its_weights(parent: Path) -> None:
    loaded = checkpoint.load(parent)
    network, parents = initial_network(plain(), parent)
    assert same(network, loaded.network)
    assert parents == loaded.sha256


def test_a_guided_parent_lends_all_its_weights(tmp_path: Path) -> None:
    path = saved(guided(), tmp_path / "x")
    assert same(initial_network(guided(), path).network, checkpoint.load(path).network)


def test_a_network_widened_by_guidance_keeps_the_stack_and_says_the_guess_alone(
    parent: Path,
) -> None:
    old = checkpoint.load(parent).network
    network, parents = initial_network(guided(), parent)
    assert network.guidance == 4
    assert same(network.stack, old.stack)
    assert torch.equal(network.embed.weight[:, :2], old.embed.weight)
    assert (network.embed.weight[:, 2:] == 0).all()
    assert network.embed.bias is not None
    assert old.embed.bias is not None
    assert torch.equal(network.embed.bias, old.embed.bias)
    assert all((weight == 0).all() for weight in network.head.parameters())
    assert isinstance(network.guess, GuidedGuess)
    with torch.no_grad():
        for weight in network.guess.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.3)
    with torch.no_grad():
        whole, guess = (
            network(radar(), horizon=LEADS, guess_only=only).frames for only in (False, True)
        )
    assert guess.std() > 0.01
    torch.testing.assert_close(whole, guess)
    assert parents == checkpoint.load(parent).sha256


def test_new_inputs_begin_without_effect_on_the_stack(parent: Path) -> None:
    """With the head of the parent, guidance changes nothing that the stack says."""
    old, (network, _) = checkpoint.load(parent).network, initial_network(guided(), parent)
    given = radar()
    with torch.no_grad():
        hidden, past, _ = network.stack(network.embed(network.guided_input(given, 0)), None)
        wanted, then, _ = old.stack(old.embed(given[:, 0, :2]), None)
        torch.testing.assert_close(hidden, wanted)
        hidden, *_ = network.stack(network.embed(network.guided_input(given, 2)), past)
        wanted, *_ = old.stack(old.embed(given[:, 1, :2]), then)
        torch.testing.assert_close(hidden, wanted)


def test_all_of_a_widened_network_can_learn(parent: Path) -> None:
    network = stir(initial_network(guided(), parent).network)
    network(radar(), horizon=LEADS).frames.square().sum().backward()
    assert all(weight.grad is not None and weight.requires_grad for weight in network.parameters())


def test_a_first_guess_is_lent_by_any_network(parent: Path, lender: Path) -> None:
    guess = checkpoint.load(lender)
    alone, both = initial_network(guided(), None, lender), initial_network(guided(), parent, lender)
    for network, _ in (alone, both):
        assert same(network.guess, guess.network.guess)
    assert same(alone.network.stack, initial_network(guided(), None).network.stack)
    assert same(both.network.stack, checkpoint.load(parent).network.stack)
    assert alone.parents == guess.sha256
    assert both.parents == f"{checkpoint.load(parent).sha256} {guess.sha256}"


def test_with_parent_and_guess_it_begins_as_the_guess_alone(parent: Path, lender: Path) -> None:
    network, _ = initial_network(guided(), parent, lender)
    other = checkpoint.load(lender).network
    with torch.no_grad():
        found = network(radar(), horizon=LEADS).frames
        wanted = other(radar(), horizon=LEADS, guess_only=True).frames
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize(
    "other",
    [
        guided(guidance=8),
        guided(scale="reflectivity"),
        plain(),
        tiny(data={"source": "germany"}),
    ],
    ids=["wider", "scale", "unguided", "rain"],
)
def test_a_wrong_guess_is_refused(other: Experiment, tmp_path: Path) -> None:
    path = saved(other, tmp_path / "other.safetensors")
    with pytest.raises(BadExperiment, match=r"other\.safetensors has scale .* the same only"):
        initial_network(guided(), None, path)


def test_a_network_without_guidance_takes_no_guess(parent: Path, lender: Path) -> None:
    for path in (parent, lender):
        with pytest.raises(BadExperiment, match="the same only"):
            initial_network(plain(), None, path)


@pytest.mark.parametrize(
    "other",
    [
        plain(channels=4),
        plain(model="convlstm"),
        plain(scale="reflectivity"),
        plain(data=DATA | {"view": "fixed"}),
        guided(guidance=8),
        tiny(data={"source": "germany"}),
    ],
    ids=["channels", "model", "scale", "view", "guidance", "rain"],
)
def test_a_parent_of_another_network_is_refused(other: Experiment, tmp_path: Path) -> None:
    path = saved(other, tmp_path / "other.safetensors")
    with pytest.raises(BadExperiment, match=r"other\.safetensors is .* the experiment is of"):
        initial_network(guided(), path)


def test_guidance_is_not_dropped(tmp_path: Path) -> None:
    path = saved(guided(), tmp_path / "x")
    with pytest.raises(BadExperiment, match="guidance 4; the experiment is of"):
        initial_network(plain(), path)
