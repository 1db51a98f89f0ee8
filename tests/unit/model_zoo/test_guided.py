"""Networks with guidance: what all of the zoo promise, and the first guess they begin with."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from model_zoo import MODELS, Nowcaster, build, exceedance
from model_zoo.checkpoints import checkpoint
from model_zoo.errors import BadCheckpoint
from model_zoo.guided_guess import GuidedGuess
from model_zoo.nowcaster import guidance_of

CHANNELS, GUIDANCE, THRESHOLDS, SIDE = 4, 4, 3, 16
GIVEN, LEADS = 3, 4


def guided(name: str = "ms-convlstm") -> Nowcaster:
    """As it begins."""
    torch.manual_seed(0)
    return build(name, channels=CHANNELS, exceedances=THRESHOLDS, guidance=GUIDANCE)


def trained(name: str = "ms-convlstm") -> Nowcaster:
    """Its head and first guess are other than they begin, as after some training."""
    network = guided(name)
    with torch.no_grad():
        for weight in (*network.head.parameters(), *network.guess.parameters()):
            weight.add_(torch.randn_like(weight), alpha=0.3)
    return network


def radar(batch: int = 2, time: int = GIVEN, leads: int = LEADS, side: int = SIDE) -> Tensor:
    """Rain, where it is known, and the forecast of a baseline for each lead, beside each frame."""
    generator = torch.Generator().manual_seed(1)
    rain = torch.rand(batch, time, 1, side, side, generator=generator)
    known = (torch.rand(rain.shape, generator=generator) < 0.8).float()
    ahead = torch.rand(batch, 1, leads, side, side, generator=generator)
    return torch.cat([rain * known, known, ahead.expand(-1, time, -1, -1, -1)], dim=2)


@pytest.mark.parametrize("name", MODELS)
def test_every_network_may_be_guided_and_tells_logits_that_fall(name: str) -> None:
    with torch.no_grad():
        logits = trained(name)(radar(), horizon=LEADS).frames
    assert logits.shape == (2, GIVEN - 1 + LEADS, THRESHOLDS, SIDE, SIDE)
    assert logits.dtype == torch.float32
    assert (logits.diff(dim=2) <= 0).all()
    assert (logits.diff(dim=2) < 0).any()


@pytest.mark.parametrize("name", MODELS)
def test_before_its_head_learns_a_network_says_the_first_guess_alone(name: str) -> None:
    network = trained(name)
    with torch.no_grad():
        for parameter in network.head.parameters():
            parameter.zero_()
        whole = network(radar(), horizon=LEADS).frames
        guess = network(radar(), horizon=LEADS, guess_only=True).frames
    assert guess.std() > 0.01
    torch.testing.assert_close(whole, guess)


def test_a_new_network_begins_with_a_head_of_zeros() -> None:
    network = guided()
    assert all((weight == 0).all() for weight in network.head.parameters())
    with torch.no_grad():
        whole, guess = (
            network(radar(), horizon=LEADS, guess_only=only).frames for only in (False, True)
        )
    torch.testing.assert_close(whole, guess)


@pytest.mark.parametrize("name", MODELS)
def test_trains_every_parameter(name: str) -> None:
    network = trained(name).double()
    given, levels = radar().double(), torch.tensor([0.3, 0.5, 0.7])
    rollout = network(given, horizon=LEADS)
    generator = torch.Generator().manual_seed(3)
    truth = torch.rand(2, LEADS, 1, SIDE, SIDE, generator=generator, dtype=torch.float64)
    losses = exceedance.losses(
        rollout.frames[:, -LEADS:], truth, torch.ones_like(truth, dtype=torch.bool), levels
    )
    (losses.mean() + rollout.penalty).backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or (p.grad == 0).all()]
    assert idle == []


def test_the_first_guess_learns_without_the_stack() -> None:
    network = trained()
    network(radar(), horizon=LEADS, guess_only=True).frames.square().sum().backward()
    for name, weight in network.named_parameters():
        assert (weight.grad is not None) == name.startswith("guess."), name


def test_each_lead_sees_its_guidance_and_that_of_the_next_and_none_before() -> None:
    network, given = trained(), radar()
    with torch.no_grad():
        before = network(given, horizon=LEADS).frames[:, -LEADS:]
        for lead in range(LEADS):
            other = given.clone()
            other[:, :, 2 + lead] = 1 - other[:, :, 2 + lead]
            after = network(other, horizon=LEADS).frames[:, -LEADS:]
            same = [torch.equal(before[:, index], after[:, index]) for index in range(LEADS)]
            # by its first guess a lead sees the next, and by its stack all before it
            assert same == [index < lead - 1 for index in range(LEADS)]


def test_beyond_the_last_lead_of_the_baseline_its_last_forecast_holds() -> None:
    given = radar(leads=2)
    found = guidance_of(given, 0, 4)
    for index, field in enumerate(found):
        torch.testing.assert_close(field, given[:, -1, 2 + min(index, 1)][:, None])


def test_where_nothing_is_known_is_seen_apart_from_where_it_is_dry() -> None:
    blind, network = torch.zeros(1, GIVEN, 2 + LEADS, SIDE, SIDE), trained()
    dry = blind.clone()
    dry[:, :, 1] = 1
    with torch.no_grad():
        assert not torch.allclose(network(blind).frames, network(dry).frames)


def test_samples_of_a_batch_do_not_mix() -> None:
    network, given = trained().eval(), radar()
    with torch.no_grad():
        combined = network(given, horizon=LEADS).frames
        for sample in (0, 1):
            only = slice(sample, sample + 1)
            alone = network(given[only], horizon=LEADS).frames
            torch.testing.assert_close(combined[only], alone)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 7), (16, 16), (17, 33), (24, 9)])
def test_the_guess_takes_a_grid_of_any_size(height: int, width: int) -> None:
    guess = trained().guess
    assert isinstance(guess, GuidedGuess)
    past = [torch.rand(2, 2, height, width) for _ in range(3)]
    ahead = [torch.rand(2, 1, height, width) for _ in range(2)]
    with torch.no_grad():
        logits = guess(past, ahead, 0)
    assert logits.shape == (2, THRESHOLDS, height, width)
    assert logits.isfinite().all()


def test_of_fewer_given_frames_the_oldest_stands_for_those_before_it() -> None:
    guess = trained().guess
    past = [torch.rand(1, 2, 8, 8) for _ in range(4)]
    ahead = [torch.rand(1, 1, 8, 8) for _ in range(2)]
    with torch.no_grad():
        assert torch.equal(guess(past[-1:], ahead, 1), guess([past[-1]] * 3, ahead, 1))
        last = [past[-2], past[-1]]
        assert torch.equal(guess(last, ahead, 1), guess([past[-2], *last], ahead, 1))
        assert torch.equal(guess(past, ahead, 1), guess(past[-3:], ahead, 1))


def test_leads_beyond_the_last_learnt_one_count_as_that() -> None:
    guess = trained().guess
    past = [torch.rand(1, 2, 8, 8) for _ in range(3)]
    ahead = [torch.rand(1, 1, 8, 8) for _ in range(2)]
    with torch.no_grad():
        last = guess(past, ahead, 3)
        assert torch.equal(guess(past, ahead, 7), last)
        assert not torch.allclose(guess(past, ahead, 2), last)


@pytest.mark.parametrize("name", ["ms-lstm", "ms-preciplstm", "predrnn++"])
def test_a_checkpoint_keeps_a_guided_network(name: str, tmp_path: Path) -> None:
    network, path = trained(name).eval(), tmp_path / "x"
    checkpoint.save(
        path,
        network,
        model=name,
        channels=CHANNELS,
        scale="rate",
        view="moving",
        thresholds=(0.5, 2.0, 5.0),
        experiment={},
        provenance={},
    )
    loaded = checkpoint.load(path).network
    assert loaded.guidance == GUIDANCE
    with torch.no_grad():
        found, wanted = (
            network_of(radar(), horizon=LEADS).frames for network_of in (loaded, network)
        )
    assert torch.equal(found, wanted)


def test_a_guided_network_without_thresholds_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"head\.weight"):
        checkpoint.save(
            tmp_path / "x",
            guided(),
            model="ms-convlstm",
            channels=CHANNELS,
            scale="rate",
            view="moving",
            experiment={},
            provenance={},
        )
