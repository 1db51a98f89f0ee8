"""Intervals that cover, that widen with the memory of the weather, and that can be repeated."""

import warnings

import numpy as np
import pytest
import xarray as xr
from xarray import DataArray, Dataset

from verification import (
    BadResample,
    count,
    csi,
    error_sums,
    event_mean,
    fbias,
    interval,
    mae,
    pooled_interval,
)


def starts(n: int, seed: int = 0, skill: float = 0.5, memory: int = 1) -> Dataset:
    """Counts of n starts with some CSI; `memory` starts in a row are the same weather."""
    rng = np.random.default_rng(seed)
    hits = np.repeat(rng.binomial(50, skill, -(-n // memory)), memory)[:n]
    cells = {"hits": hits, "misses": 50 - hits, "false_alarms": 0 * hits}
    data = {
        name: ("issue", v) for name, v in {**cells, "correct_negatives": 900 + 0 * hits}.items()
    }
    return Dataset(data, {"issue": np.arange(n)})


def width(counts: Dataset, **options: float) -> float:
    low, high = interval(counts, csi, "issue", **options)  # type: ignore[arg-type]
    return float(high - low)


def test_covers_the_score_of_all_starts() -> None:
    counts = starts(60)
    low, high = interval(counts, csi, "issue")
    assert low < csi(counts.sum("issue")) < high


def test_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of 200 experiments with a known CSI, about 90 % have it inside their 90 % interval."""
    bounds = [interval(starts(40, seed), csi, "issue", samples=200, block=1) for seed in range(200)]
    inside = np.mean([low <= 0.5 <= high for low, high in bounds])
    assert 0.82 <= inside <= 0.96


def test_blocks_see_the_memory_of_the_weather() -> None:
    """Twelve starts in a row that are the same weather count as one, not as twelve."""
    counts = starts(120, memory=12)
    assert width(counts, block=12) > 2 * width(counts, block=1)


def test_a_higher_level_is_a_wider_interval() -> None:
    assert width(starts(60), level=0.99) > width(starts(60), level=0.5)


def test_the_same_seed_is_the_same_interval() -> None:
    xr.testing.assert_identical(*(interval(starts(30), csi, "issue", seed=3).low for _ in range(2)))
    assert not interval(starts(30), csi, "issue", seed=4).low.identical(
        interval(starts(30), csi, "issue", seed=3).low
    )


def test_one_block_of_all_starts_has_no_width() -> None:
    low, high = interval(starts(30), csi, "issue", block=30)
    np.testing.assert_allclose(low, csi(starts(30).sum("issue")))
    np.testing.assert_allclose(high, low)


def test_keeps_thresholds_leads_and_models_apart() -> None:
    rng = np.random.default_rng(0)
    shape = (10, 2, 4, 8, 8)
    dims = ["issue", "model", "lead_time", "y", "x"]
    forecast, observed = (DataArray(rng.gamma(0.5, 4, shape), dims=dims) for _ in range(2))
    counts = count(forecast, observed, [0.5, 2, 5], over=["y", "x"])
    low, high = interval(counts, csi, "issue", samples=100)
    assert set(low.dims) == {"threshold", "model", "lead_time"}
    assert (low < high).all()
    alone = interval(counts.isel(model=1, threshold=2), csi, "issue", samples=100)
    xr.testing.assert_allclose(high.isel(model=1, threshold=2), alone.high)


def test_models_are_compared_on_the_same_draws() -> None:
    """A model that is better at every start is better for sure, however much starts differ."""
    worse = starts(60, memory=10)
    better = worse.assign(hits=worse.hits + 1, misses=worse.misses - 1)
    counts = xr.concat([worse, better], DataArray(["a", "b"], dims="model", name="model"))
    assert interval(better, csi, "issue").low < interval(worse, csi, "issue").high
    low, _ = interval(counts, lambda c: csi(c.sel(model="b")) - csi(c.sel(model="a")), "issue")
    assert low > 0


def test_sums_of_errors_have_intervals_too() -> None:
    rng = np.random.default_rng(0)
    forecast, observed = (DataArray(rng.random((20, 9)), dims=["issue", "x"]) for _ in range(2))
    sums = error_sums(forecast, observed, over=["x"])
    low, high = interval(sums, mae, "issue")
    assert low < mae(sums.sum("issue")) < high


def test_a_score_that_is_never_defined_has_no_interval_and_no_warning() -> None:
    dry = starts(10) * 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        low, high = interval(dry, fbias, "issue")
    assert np.isnan(low)
    assert np.isnan(high)


@pytest.mark.parametrize(
    "options", [{"samples": 0}, {"level": 1.0}, {"level": 0.0}, {"block": 0}, {"block": 31}]
)
def test_draws_that_cannot_be_made_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(BadResample, match="30 starts"):
        width(starts(30), **options)


def test_nothing_to_draw_from_is_refused() -> None:
    with pytest.raises(BadResample, match="0 starts along 'event'"):
        interval(starts(30), csi, "event")


def models(*counts: Dataset) -> Dataset:
    """Counts by model."""
    return xr.concat(counts, "model").assign_coords(model=list("abc")[: len(counts)])


def test_every_event_counts_the_same_however_many_starts_it_has() -> None:
    events = [starts(100, skill=0.9), starts(10, seed=1, skill=0.1)]
    each = [float(csi(entry.sum("issue"))) for entry in events]
    assert float(event_mean(events, csi, "issue")) == pytest.approx(np.mean(each))


def test_an_event_where_one_model_has_no_score_counts_for_none() -> None:
    dry = starts(10) * 0
    events = [models(starts(10), starts(10, 1)), models(starts(10), dry)]
    both = event_mean(events, csi, "issue")
    first = csi(events[0].sum("issue"))
    np.testing.assert_allclose(both, first)


def test_events_that_differ_widen_the_pooled_interval() -> None:
    alike = [starts(40, seed) for seed in range(4)]
    differing = [starts(40, seed, skill) for seed, skill in enumerate((0.2, 0.4, 0.6, 0.8))]
    narrow, wide = (
        float(np.subtract(*pooled_interval(events, csi, "issue")[::-1]))
        for events in (alike, differing)
    )
    assert wide > 3 * narrow
    (alone,) = ([starts(40)],)
    low, high = pooled_interval(alone, csi, "issue", blocks=[2])
    assert low < csi(alone[0].sum("issue")) < high


def test_a_pooled_difference_is_sure_where_a_model_is_better_in_every_event() -> None:
    def difference(counts: Dataset) -> DataArray:
        return csi(counts.sel(model="b")) - csi(counts.sel(model="a"))

    pairs = [(0.2, 0.35), (0.5, 0.65), (0.8, 0.95)]
    events = [
        models(starts(40, seed, worse), starts(40, seed, better))
        for seed, (worse, better) in enumerate(pairs)
    ]
    low, high = pooled_interval(events, difference, "issue")
    assert 0.1 < low < high < 0.2


def test_a_pooled_interval_needs_events_and_blocks_that_fit() -> None:
    with pytest.raises(BadResample, match="no event"):
        pooled_interval([], csi, "issue")
    with pytest.raises(BadResample, match="block 11"):
        pooled_interval([starts(20), starts(10)], csi, "issue", blocks=[11, 11])
