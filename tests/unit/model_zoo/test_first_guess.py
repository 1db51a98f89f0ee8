"""The first guess: shares of the cells around, by threshold, put together lead by lead."""

import pytest
import torch
from torch import Tensor

from model_zoo.first_guess import LEADS, LEAST_SHARE, RADII, FirstGuess

THRESHOLDS = 3
SIDE = 40


@pytest.fixture
def guess() -> FirstGuess:
    """With thresholds at 0.25, 0.5 and 0.75."""
    return FirstGuess(THRESHOLDS)


def shown(rain: Tensor, known: Tensor | None = None) -> Tensor:
    """One frame (height, width), known everywhere by default, as a network sees it."""
    known = torch.ones_like(rain) if known is None else known
    return torch.stack([rain * known, known])[None]


def shares(guess: FirstGuess, frame: Tensor) -> Tensor:
    """Shares (window, threshold, height, width) in 0..1."""
    return guess.shares(frame)[0].sigmoid()


def test_shares_are_of_the_cells_of_each_window_that_reach_a_threshold(guess: FirstGuess) -> None:
    rain = torch.zeros(SIDE, SIDE)
    rain[:, :20] = 0.6
    found = shares(guess, shown(rain))
    assert found.shape == (len(RADII), THRESHOLDS, SIDE, SIDE)
    for window, radius in enumerate(RADII):
        for column in (19, 20):  # beside the edge of the rain
            reaching = radius + 1 if column < 20 else radius
            wanted = min(max(reaching / (2 * radius + 1), LEAST_SHARE), 1 - LEAST_SHARE)
            for threshold in (0, 1):
                assert found[window, threshold, 20, column].item() == pytest.approx(wanted)
    assert found[:, 2].flatten().tolist() == pytest.approx([LEAST_SHARE] * found[:, 2].numel())


def test_a_threshold_that_is_just_reached_is_reached(guess: FirstGuess) -> None:
    just, less = (shares(guess, shown(torch.full((SIDE, SIDE), r)))[:, 1] for r in (0.5, 0.499))
    assert (just > 0.99).all()
    assert (less < 0.01).all()


def test_only_known_cells_count(guess: FirstGuess) -> None:
    rain, known = torch.full((SIDE, SIDE), 0.6), torch.ones(SIDE, SIDE)
    known[:, :20] = 0
    found = shares(guess, shown(rain, known))
    assert (found[:, :2, :, 20:] > 0.99).all(), "what is not known, here or beyond, is not dry"
    assert (found[2, :2, :, :18] < 0.01).all(), "where nothing is known near by, it is"


def test_it_is_learnt_for_each_lead_and_the_last_serves_later_ones(guess: FirstGuess) -> None:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in guess.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator))
    of_frame = guess.shares(torch.rand(1, 2, SIDE, SIDE, generator=generator))
    logits = [guess(of_frame, torch.tensor([age])) for age in range(LEADS + 2)]
    assert logits[0].shape == (1, THRESHOLDS, SIDE, SIDE)
    for age in range(1, LEADS):
        assert not torch.allclose(logits[age], logits[age - 1])
    for later in logits[LEADS:]:
        assert torch.equal(later, logits[LEADS - 1])
    index, lead = (0, 1, 7, 9), 2
    expected = guess.bias[lead, 1] + of_frame[0, :, 1, 7, 9] @ guess.weight[lead, 1]
    assert logits[lead][index].item() == pytest.approx(expected.item(), rel=1e-5)


def test_each_sample_has_a_frame_of_its_own_age(guess: FirstGuess) -> None:
    with torch.no_grad():
        guess.bias[:] = torch.arange(LEADS)[:, None]
    of_frame = guess.shares(torch.zeros(3, 2, SIDE, SIDE))
    logits = guess(of_frame, torch.tensor([2, 0, 1]))
    assert (logits - logits[1]).amax((1, 2, 3)).tolist() == pytest.approx([2, 0, 1])


def test_at_first_more_rain_around_is_a_higher_chance_of_it(guess: FirstGuess) -> None:
    near, far = torch.zeros(SIDE, SIDE), torch.zeros(SIDE, SIDE)
    near[18:24, 18:24] = far[28:34, 28:34] = 0.6
    probabilities = [
        guess(guess.shares(shown(rain)), torch.tensor([0])).sigmoid()[0, 0, 20, 20].item()
        for rain in (near, far, torch.zeros(SIDE, SIDE))
    ]
    assert probabilities == sorted(probabilities, reverse=True)
    assert probabilities[0] > 2 * probabilities[1] > 2 * probabilities[2] * 0.99
