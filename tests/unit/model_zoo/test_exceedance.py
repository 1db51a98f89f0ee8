"""How likely thresholds are reached: trained as a proper score, read as rain."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from model_zoo import exceedance
from model_zoo.exceedance import RAIN_FROM, THRESHOLDS, events, falling, losses, rain
from model_zoo.intensity import SCALES, scale

RATE = scale("rate")
LEVELS = RATE.encode(torch.tensor(THRESHOLDS))


def probabilities_of(*shape: int, seed: int = 0) -> Tensor:
    """Probabilities that fall with the threshold, whole thousandths, of cells (height, width)."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(0, 1001, (len(THRESHOLDS), *shape), generator=generator)
    return drawn.sort(dim=0, descending=True).values / 1000


def cells(*probabilities: float) -> Tensor:
    """The same for one cell, (thresholds, 1, 1)."""
    return torch.tensor(probabilities)[:, None, None]


def test_logits_fall_from_threshold_to_threshold() -> None:
    raw = torch.randn(2, 3, 9, 4, 5, generator=torch.Generator().manual_seed(0))
    logits = falling(raw)
    assert logits.shape == raw.shape
    for highest in range(9):
        assert torch.equal(logits[:, :, highest], raw[:, :, : highest + 1].amin(dim=2))
    assert torch.equal(falling(logits), logits), "what falls stays"


def test_logits_have_full_precision() -> None:
    raw = torch.randn(2, 9, 4, 5, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert falling(raw).dtype == torch.float32
    assert torch.equal(falling(raw), falling(raw.float()))


@pytest.mark.parametrize("name", SCALES)
def test_a_threshold_is_reached_by_its_own_rate_and_not_by_less(name: str) -> None:
    levels = scale(name).encode(torch.tensor(THRESHOLDS))
    for threshold, reached in zip(THRESHOLDS, torch.tril(torch.ones(9, 9)).bool(), strict=True):
        just, less = scale(name).encode(torch.tensor([threshold, 0.999 * threshold]))
        below = reached & (torch.tensor(THRESHOLDS) < threshold)
        assert torch.equal(events(just.view(1, 1, 1), levels).flatten(), reached)
        assert torch.equal(events(less.view(1, 1, 1), levels).flatten(), below)


def test_losses_are_cross_entropies_summed_over_cells() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = falling(torch.randn(2, 3, 2, 4, 5, generator=generator))
    rates = 4 * torch.rand(2, 3, 1, 4, 5, generator=generator)
    known = torch.ones_like(rates, dtype=torch.bool)
    levels = RATE.encode(torch.tensor([0.5, 2.0]))
    observed = torch.cat([rates >= 0.5, rates >= 2.0], dim=2).float()
    each = F.binary_cross_entropy(logits.sigmoid(), observed, reduction="none")
    expected = each.mean(dim=2).sum((2, 3))
    assert expected.shape == (2, 3)
    torch.testing.assert_close(losses(logits, RATE.encode(rates), known, levels), expected)


def test_cells_that_are_not_known_add_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 9, 4, 5, generator=generator).requires_grad_()
    frames = torch.rand(2, 3, 1, 4, 5, generator=generator)
    mask = torch.rand(2, 3, 1, 4, 5, generator=generator) < 0.6
    found = losses(logits, frames, mask, LEVELS)
    found.sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    everywhere = mask.expand_as(logits)
    assert (logits.grad[~everywhere] == 0).all()
    assert (logits.grad[everywhere] != 0).all()
    for unknown in (0.0, 1.0, torch.nan):
        other = losses(logits.where(mask, 9.0), frames.where(mask, unknown), mask, LEVELS)
        assert torch.equal(other, found)
    assert (losses(logits, frames, torch.zeros_like(mask), LEVELS) == 0).all()


@pytest.mark.parametrize("name", SCALES)
def test_rates_reach_the_thresholds_whose_probabilities_are_high_enough(name: str) -> None:
    thresholds, probable = torch.tensor(THRESHOLDS)[:, None, None], probabilities_of(40, 50)
    levels = scale(name).encode(torch.tensor(THRESHOLDS))
    scaled, reached = rain(probable, levels), probable >= RAIN_FROM
    assert scaled.shape == (1, 40, 50)
    assert 0 < reached[-1].sum() < reached[0].sum() < 40 * 50
    assert torch.equal(events(scaled, levels), reached)
    assert torch.equal(scale(name).decode(scaled) >= thresholds, reached)


def test_a_threshold_is_reached_only_by_way_of_those_below_it() -> None:
    rate = RATE.decode(rain(cells(0.9, 0.9, 0.1, 0.9, *[0.0] * 5), LEVELS)).item()
    assert THRESHOLDS[1] < rate < THRESHOLDS[2]


def test_a_probability_just_too_low_does_not_reach_its_threshold() -> None:
    below = torch.tensor(RAIN_FROM).nextafter(torch.tensor(0.0))
    for number in range(1, 9):
        probable = cells(*[1.0] * number, *[below.item()] * (9 - number))
        rate = RATE.decode(rain(probable, LEVELS)).item()
        assert THRESHOLDS[number - 1] < rate < THRESHOLDS[number]


def test_samples_of_a_batch_are_independent() -> None:
    probable = torch.stack([probabilities_of(6, 7, seed=seed) for seed in range(4)])
    separate = [rain(sample, LEVELS) for sample in probable]
    assert torch.equal(rain(probable, LEVELS), torch.stack(separate))


def test_between_thresholds_rates_are_linear_in_the_probabilities() -> None:
    levels = torch.tensor([0.2, 0.6])
    for above, below, share in ((0.5, 0.3, 0.5), (0.5, 0.37, 0.1 / 0.13), (0.4, 0.1, 0.0)):
        scaled = rain(cells(above, below), levels).item()
        assert scaled == pytest.approx(0.2 + 0.4 * share, abs=1e-5)


def test_improbable_rain_is_dry_and_certain_rain_reaches_the_last_threshold_at_most() -> None:
    assert rain(torch.full((9, 3, 3), 0.399), LEVELS).eq(0).all()
    assert rain(torch.zeros(9, 3, 3), LEVELS).eq(0).all()
    hardest = RATE.decode(rain(torch.ones(9, 3, 3), LEVELS))
    torch.testing.assert_close(hardest, torch.full((1, 3, 3), 40.0), rtol=1e-4, atol=0)
    assert RATE.decode(rain(probabilities_of(40, 50), LEVELS)).max() <= hardest.max()


def test_forecast_thresholds_are_among_the_learnt_ones() -> None:
    assert set(exceedance.FORECAST_THRESHOLDS) <= set(THRESHOLDS)
    assert list(THRESHOLDS) == sorted(THRESHOLDS)


def test_seven_thresholds_are_forecast_all_but_the_finest_and_the_hardest() -> None:
    assert exceedance.FORECAST_THRESHOLDS == (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
    assert set(THRESHOLDS) - set(exceedance.FORECAST_THRESHOLDS) == {0.2, 40.0}


def test_thresholds_count_by_their_weights() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 9, 4, 5, generator=generator)
    frames = torch.rand(2, 3, 1, 4, 5, generator=generator)
    mask = torch.rand(2, 3, 1, 4, 5, generator=generator) < 0.6
    plain = losses(logits, frames, mask, LEVELS)
    torch.testing.assert_close(losses(logits, frames, mask, LEVELS, torch.ones(9)), plain)
    apart = [losses(logits, frames, mask, LEVELS, 9 * torch.eye(9)[index]) for index in range(9)]
    torch.testing.assert_close(torch.stack(apart).mean(dim=0), plain)
    weights = torch.rand(9, generator=generator)
    found = losses(logits, frames, mask, LEVELS, weights)
    expected = sum(weight / 9 * loss for weight, loss in zip(weights, apart, strict=True))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize(
    ("measured", "counted"),
    [
        ((0.0, torch.inf), THRESHOLDS),
        ((0.1, 400.0), THRESHOLDS),
        ((1.0, 40.0), (1.0, 2.0, 5.0, 10.0, 20.0)),
        ((0.3, 5.1), (0.5, 1.0, 2.0, 5.0)),
        ((50.0, 60.0), ()),
    ],
)
def test_thresholds_that_the_radar_does_not_tell_apart_are_left_out(
    name: str, measured: tuple[float, float], counted: tuple[float, ...]
) -> None:
    levels = scale(name).encode(torch.tensor(THRESHOLDS))
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 3, 9, 4, 5, generator=generator).requires_grad_()
    frames = torch.rand(1, 3, 1, 4, 5, generator=generator)
    mask = torch.ones_like(frames, dtype=torch.bool)
    span = scale(name).encode(torch.tensor([measured]))
    found = losses(logits, frames, mask, levels, measured=span)
    found.sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    learnt = logits.grad.abs().sum((0, 1, 3, 4)) > 0
    assert [t for t, is_learnt in zip(THRESHOLDS, learnt, strict=True) if is_learnt] == list(
        counted
    )
    indices = [THRESHOLDS.index(t) for t in counted]
    if indices:
        alone = losses(logits[:, :, indices], frames, mask, levels[indices]) * len(indices) / 9
        torch.testing.assert_close(found, alone)
    else:
        assert found.eq(0).all()


def test_each_sample_of_a_batch_has_a_span_of_its_own() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 2, 9, 4, 5, generator=generator)
    frames = torch.rand(3, 2, 1, 4, 5, generator=generator)
    mask = torch.rand(3, 2, 1, 4, 5, generator=generator) < 0.6
    spans = RATE.encode(torch.tensor([[0.0, torch.inf], [1.0, 40.0], [0.3, 5.1]]))
    combined = losses(logits, frames, mask, LEVELS, measured=spans)
    for sample in range(3):
        only = slice(sample, sample + 1)
        alone = losses(logits[only], frames[only], mask[only], LEVELS, measured=spans[only])
        torch.testing.assert_close(combined[only], alone)
    plain = losses(logits, frames, mask, LEVELS)
    torch.testing.assert_close(combined[0], plain[0])
    assert (combined[1:] < plain[1:]).all()
