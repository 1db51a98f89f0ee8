"""Counts and scores against hand-made cases, the `scores` library, and themselves."""

import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scores.categorical import BinaryContingencyManager
from xarray import DataArray, Dataset

from verification import (
    BadThreshold,
    DifferentGrids,
    categorical,
    count,
    csi,
    ets,
    far,
    fbias,
    hss,
    pod,
)

SCORES = [csi, hss, pod, far, fbias, ets]
FIELDS = hnp.arrays(
    np.float32,
    (2, 3, 4),
    elements=st.sampled_from([0, 0.1, 0.3, 0.5, 0.7, 1, 2, 5, 10, 300, np.nan]).map(np.float32),
)


def rain(*rates: float) -> DataArray:
    return DataArray(list(rates), dims="x")


def showers(seed: int, *shape: int) -> DataArray:
    rates = np.random.default_rng(seed).gamma(0.5, 4, shape or (3, 20, 20))
    return DataArray(rates, dims=["lead_time", "y", "x"])


def test_counts_each_kind_of_cell() -> None:
    counts = count(rain(1, 0, 1, 0, 0), rain(1, 1, 0, 0, 0), [0.5], over=["x"])
    assert {name: counts[name].item() for name in counts} == {
        "hits": 1,
        "misses": 1,
        "false_alarms": 1,
        "correct_negatives": 2,
    }


class Counted(np.ndarray):
    """A field that notes how many cells are compared with a threshold."""

    compared: ClassVar[list[int]] = []

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *given: Any, **more: Any) -> Any:
        if ufunc is np.greater_equal:
            self.compared.append(np.size(given[0]))
        plain = [np.asarray(array) for array in given]
        if "out" in more:
            more["out"] = tuple(np.asarray(array) for array in more["out"])
        found = getattr(ufunc, method)(*plain, **more)
        return found.view(Counted) if isinstance(found, np.ndarray) else found


def test_only_cells_that_reach_the_lowest_threshold_are_compared_with_the_others() -> None:
    """Which makes it fast, as most are dry: `benchmarks.speed.verification` measures how fast."""
    rates = np.zeros((1, 1000), np.float32)
    rates[0, :30] = 20
    forecast, observed = rates.view(Counted), np.roll(rates, 10).view(Counted)
    Counted.compared.clear()
    categorical._tally(forecast, observed, [10, 0.1, 1, 5])
    assert sorted(Counted.compared) == [40] * 8 + [1000] * 2


def test_no_data_counts_nowhere() -> None:
    counts = count(rain(np.nan, 0, 1), rain(0, np.nan, 1), [0.5], over=["x"])
    assert counts.to_array().sum() == 1


def test_a_rate_at_the_threshold_is_an_event() -> None:
    assert count(rain(0.5), rain(0.5), [0.5], over=["x"]).hits == 1


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.7, 1.1])
def test_a_float32_rate_at_the_threshold_is_an_event(threshold: float) -> None:
    reached = rain(threshold).astype(np.float32)
    below = DataArray(np.nextafter(reached.to_numpy(), np.float32(0)), dims="x")
    assert count(reached, reached, [threshold], over=["x"]).hits == 1
    assert count(below, reached, [threshold], over=["x"]).misses == 1


def test_thresholds_may_come_in_any_order() -> None:
    forecast, observed = showers(0), showers(1)
    shuffled = count(forecast, observed, [5, 0.1, 2], over=["y", "x"])
    rising = count(forecast, observed, [0.1, 2, 5], over=["y", "x"])
    xr.testing.assert_identical(shuffled, rising.sel(threshold=[5, 0.1, 2]))


def test_thresholds_can_be_looked_up_as_they_were_given() -> None:
    counts = count(showers(0), showers(1), np.array([0.1, 0.7]).tolist(), over=["y", "x"])
    assert counts.sel(threshold=0.1).hits.shape == (3,)


def test_whole_numbers_are_rates_too() -> None:
    assert count(rain(0, 1), rain(0, 1), [0.5], over=["x"]).hits == 1


def test_counts_are_integers_by_threshold_and_what_stays() -> None:
    leads = np.array([30, 60, 90], "m8[m]").astype("m8[ns]")
    forecast = showers(0).assign_coords(lead_time=leads, forecast_reference_time=0)
    observed = showers(1).assign_coords(lead_time=leads)
    counts = count(forecast, observed, [0.5, 2], over=["y", "x"])
    assert counts.hits.dims == ("threshold", "lead_time")
    assert all(counts[name].dtype == np.int64 for name in counts)
    assert set(counts.coords) == {"threshold", "lead_time", "forecast_reference_time"}


def test_several_forecasts_share_one_observation() -> None:
    forecast = xr.concat([showers(0), showers(2)], "model")
    both = count(forecast, showers(1), [0.5], over=["y", "x"])
    second = count(showers(2), showers(1), [0.5], over=["y", "x"])
    xr.testing.assert_equal(both.isel(model=1), second)


def test_frames_that_were_not_matched_are_refused() -> None:
    frames = showers(1).rename(lead_time="time")
    with pytest.raises(DifferentGrids, match="nothing to compare along"):
        count(showers(0), frames, [0.5], over=["y", "x"])


def test_fields_on_other_cells_are_refused() -> None:
    north = showers(0).assign_coords(y=np.arange(20.0))
    south = showers(1).assign_coords(y=np.arange(20.0)[::-1])
    with pytest.raises(DifferentGrids, match=r"y\[0\] is 0.0 in the forecast and 19.0"):
        count(north, south, [0.5], over=["y", "x"])
    with pytest.raises(DifferentGrids, match="20 cells along y, the frames 19"):
        count(showers(0), showers(1).isel(y=slice(1, None)), [0.5], over=["y", "x"])


def test_a_dim_that_is_not_there_is_refused() -> None:
    with pytest.raises(DifferentGrids, match="no \\['z'\\] to sum over"):
        count(rain(1), rain(1), [0.5], over=["z"])


@pytest.mark.parametrize("thresholds", [[], [np.nan], [0.5, np.inf]])
def test_thresholds_that_are_no_rates_are_refused(thresholds: list[float]) -> None:
    with pytest.raises(BadThreshold):
        count(rain(1), rain(1), thresholds, over=["x"])


@settings(deadline=None)
@given(FIELDS, FIELDS)
def test_counts_are_those_of_each_threshold_alone(
    forecast_rates: np.ndarray, observed_rates: np.ndarray
) -> None:
    """Brute force: subset by mask, compare, and count, for each threshold."""
    thresholds = [2.0, 0.1, 0.7]
    forecast, observed = (
        DataArray(f, dims=["lead_time", "y", "x"]) for f in (forecast_rates, observed_rates)
    )
    counts = count(forecast, observed, thresholds, over=["y", "x"])
    for lead in range(2):
        seen = ~np.isnan(forecast_rates[lead]) & ~np.isnan(observed_rates[lead])
        for threshold in thresholds:
            f, o = (
                v[lead][seen] >= np.float32(threshold) for v in (forecast_rates, observed_rates)
            )
            cell = counts.sel(threshold=threshold).isel(lead_time=lead)
            assert cell.hits == (f & o).sum()
            assert cell.misses == (~f & o).sum()
            assert cell.false_alarms == (f & ~o).sum()
            assert cell.correct_negatives == (~f & ~o).sum()


@settings(deadline=None)
@given(FIELDS, FIELDS)
def test_counts_add_up_over_what_is_counted_apart(
    forecast_rates: np.ndarray, observed_rates: np.ndarray
) -> None:
    forecast, observed = (
        DataArray(f, dims=["lead_time", "y", "x"]) for f in (forecast_rates, observed_rates)
    )
    combined = count(forecast, observed, [0.5, 2], over=["lead_time", "y", "x"])
    apart = count(forecast, observed, [0.5, 2], over=["y"])
    xr.testing.assert_equal(combined, apart.sum(["lead_time", "x"]))


@settings(deadline=None)
@given(FIELDS, FIELDS)
def test_swapping_the_fields_swaps_misses_and_false_alarms(
    forecast_rates: np.ndarray, observed_rates: np.ndarray
) -> None:
    forecast, observed = (
        DataArray(f, dims=["lead_time", "y", "x"]) for f in (forecast_rates, observed_rates)
    )
    counts = count(forecast, observed, [0.5], over=["y", "x"])
    swapped = count(observed, forecast, [0.5], over=["y", "x"])
    xr.testing.assert_equal(counts.misses, swapped.false_alarms)
    xr.testing.assert_equal(counts.hits, swapped.hits)
    xr.testing.assert_allclose(hss(counts), hss(swapped))


@settings(deadline=None)
@given(FIELDS, FIELDS)
def test_scores_keep_their_bounds(forecast_rates: np.ndarray, observed_rates: np.ndarray) -> None:
    forecast, observed = (
        DataArray(f, dims=["lead_time", "y", "x"]) for f in (forecast_rates, observed_rates)
    )
    counts = count(forecast, observed, [0.5, 2], over=["y", "x"])
    for score, low, high in [(csi, 0, 1), (pod, 0, 1), (far, 0, 1), (hss, -1, 1), (ets, -1 / 3, 1)]:
        value = score(counts)
        assert value.dtype == np.float64
        assert ((value >= low - 1e-12) & (value <= high + 1e-12) | value.isnull()).all()


@pytest.mark.parametrize("score", SCORES)
def test_what_is_undefined_is_no_score_and_no_warning(score: Callable[..., DataArray]) -> None:
    counts = count(rain(0, 0, np.nan), rain(0, 0, 1), [0.5], over=["x"])
    nothing = count(rain(np.nan), rain(1), [0.5], over=["x"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(score(counts))
        assert np.isnan(score(nothing))


def test_rain_that_never_came_has_no_frequency_bias() -> None:
    counts = count(rain(1, 0), rain(0, 0), [0.5], over=["x"])
    assert np.isnan(fbias(counts))
    assert far(counts) == 1


def test_a_perfect_forecast_of_rain_everywhere_has_no_skill_over_chance() -> None:
    counts = count(rain(1, 1), rain(1, 1), [0.5], over=["x"])
    assert np.isnan(hss(counts))
    assert np.isnan(ets(counts))
    assert csi(counts) == 1


def test_chance_has_no_skill() -> None:
    counts = count(rain(1, 1, 0, 0), rain(1, 0, 1, 0), [0.5], over=["x"])
    assert hss(counts) == 0
    assert ets(counts) == 0


@pytest.mark.parametrize("score", SCORES)
def test_a_century_of_counts_does_not_overflow(score: Callable[..., DataArray]) -> None:
    day = count(rain(1, 1, 0, 0, 0), rain(1, 0, 1, 0, 0), [0.5], over=["x"])
    np.testing.assert_allclose(score(day * 10**14), score(day))


@pytest.mark.parametrize("threshold", [0.5, 2.0, 5.0])
def test_agrees_with_the_scores_library(threshold: float) -> None:
    mask = np.random.default_rng(2).random((3, 20, 20)) > 0.1
    forecast, observed = showers(0).where(mask), showers(1)
    counts = count(forecast, observed, [threshold], over=["y", "x"]).sel(threshold=threshold)
    oracle = BinaryContingencyManager(
        (forecast >= threshold).where(forecast.notnull()), observed >= threshold
    ).transform(preserve_dims=["lead_time"])
    theirs = {
        csi: oracle.critical_success_index(),
        hss: oracle.heidke_skill_score(),
        pod: oracle.probability_of_detection(),
        far: oracle.false_alarm_ratio(),
        fbias: oracle.frequency_bias(),
        ets: oracle.equitable_threat_score(),
    }
    for score, value in theirs.items():
        xr.testing.assert_allclose(score(counts).drop_vars("threshold"), value)


def test_scores_keep_the_dims_of_the_counts() -> None:
    counts: Dataset = count(showers(0), showers(1), [0.5, 2], over=["y", "x"])
    for score in SCORES:
        assert score(counts).dims == ("threshold", "lead_time")
