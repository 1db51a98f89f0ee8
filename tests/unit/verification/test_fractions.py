"""The fractions skill score against brute force with masks, and `scores` where they agree."""

import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scores.spatial import fss_2d
from xarray import DataArray

from verification import BadWindow, fraction_sums, fss, window_cells


def field(values: NDArray[np.floating]) -> DataArray:
    return DataArray(values, dims=["lead_time", "y", "x"][-values.ndim :])


def showers(seed: int, shape: tuple[int, ...] = (12, 15), gaps: float = 0.2) -> DataArray:
    rng = np.random.default_rng(seed)
    rates = rng.gamma(0.5, 4, shape)
    rates[rng.random(shape) < gaps] = np.nan
    return field(rates.astype(np.float32))


def by_hand(
    forecast_rates: NDArray[np.floating],
    observed_rates: NDArray[np.floating],
    threshold: float,
    window: int,
) -> tuple[int, float, float]:
    """n, squared difference and squared reference, cell by cell from the definition."""
    half, n, difference, reference = window // 2, 0, 0.0, 0.0
    seen = ~np.isnan(forecast_rates) & ~np.isnan(observed_rates)
    for y, x in zip(*np.nonzero(seen), strict=True):
        box = np.s_[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1]
        forecast, observed = (
            v[box][seen[box]] >= np.float32(threshold) for v in (forecast_rates, observed_rates)
        )
        n += 1
        difference += (forecast.mean() - observed.mean()) ** 2
        reference += forecast.mean() ** 2 + observed.mean() ** 2
    return n, difference, reference


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 5, 9, 31, 257]), st.floats(0, 0.9))
def test_agrees_with_brute_force_whatever_is_masked(seed: int, window: int, gaps: float) -> None:
    forecast, observed = showers(seed, gaps=gaps), showers(seed + 1, gaps=gaps)
    sums = fraction_sums(forecast, observed, [0.5, 4], [window]).isel(window=0)
    for threshold in (0.5, 4):
        n, difference, reference = by_hand(
            forecast.to_numpy(), observed.to_numpy(), threshold, window
        )
        here = sums.sel(threshold=threshold)
        assert here.n == n
        np.testing.assert_allclose(here.squared_difference, difference, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(here.squared_reference, reference, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("window", [1, 3, 5, 9])
def test_agrees_with_the_scores_library_where_the_border_is_dry(window: int) -> None:
    """A dry margin as wide as the window makes outside-is-dry and outside-is-unknown the same."""
    forecast, observed = (
        showers(s, (3, 30, 34), gaps=0).pad(y=window, x=window, constant_values=0) for s in (0, 1)
    )
    theirs = fss_2d(
        forecast,
        observed,
        event_threshold=2,
        window_size=(window, window),
        spatial_dims=("y", "x"),
        zero_padding=True,
        preserve_dims=["lead_time"],
        threshold_operator=np.greater_equal,
    )
    sums = fraction_sums(forecast, observed, [2], [window])
    xr.testing.assert_allclose(fss(sums).isel(threshold=0, window=0, drop=True), theirs, rtol=1e-5)


def test_sums_add_up_over_leads() -> None:
    forecast, observed = showers(0, (4, 20, 20)), showers(1, (4, 20, 20))
    sums = fraction_sums(forecast, observed, [0.5], [1, 5])
    assert sums.squared_difference.dims == ("threshold", "window", "lead_time")
    for lead in range(4):
        alone = fraction_sums(forecast[lead], observed[lead], [0.5], [1, 5])
        xr.testing.assert_allclose(sums.isel(lead_time=lead), alone)


def test_the_edge_of_coverage_is_unknown_and_not_dry() -> None:
    """Rain in every cell that is seen is a fraction of 1, however few cells are seen."""
    wet = np.full((9, 9), np.nan, np.float32)
    wet[2:5, 3:6] = 1
    sums = fraction_sums(field(wet), field(wet), [0.5], [5])
    assert sums.n == 9
    assert sums.squared_reference == 2 * 9


def test_a_cell_seen_by_one_field_only_enters_no_fraction() -> None:
    forecast, observed = np.ones((1, 2), np.float32), np.array([[1, np.nan]], np.float32)
    forecast[0, 0] = 0
    sums = fraction_sums(field(forecast), field(observed), [0.5], [3])
    assert sums.n == 1
    assert fss(sums) == 0


def test_a_perfect_forecast_scores_1_and_a_displaced_one_more_the_wider_the_window() -> None:
    observed = np.zeros((40, 40), np.float32)
    observed[18:22, 18:22] = 5
    scores = fss(
        fraction_sums(field(np.roll(observed, 4, 1)), field(observed), [1], [1, 3, 5, 9, 17])
    )
    assert scores[0, 0] == 0
    assert (scores.isel(threshold=0).diff("window") > 0).all()
    np.testing.assert_allclose(fss(fraction_sums(field(observed), field(observed), [1], [1, 9])), 1)


def test_no_events_are_no_score_and_no_warning() -> None:
    dry = field(np.zeros((5, 5), np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(fss(fraction_sums(dry, dry, [0.5], [3]))).all()
        assert np.isnan(fss(fraction_sums(dry, dry * np.nan, [0.5], [3]))).all()


def test_a_year_of_sums_keeps_the_score() -> None:
    sums = fraction_sums(showers(0), showers(1), [0.5, 2], [1, 3])
    xr.testing.assert_allclose(fss(sums * 100_000), fss(sums))


@pytest.mark.parametrize(
    ("scale_km", "cells"), [(1, 1), (5, 1), (10, 3), (15, 3), (20, 5), (25, 5), (40, 9)]
)
def test_a_scale_is_the_narrowest_odd_window_that_covers_it(scale_km: float, cells: int) -> None:
    assert window_cells(scale_km) == cells


def test_the_window_of_a_scale_depends_on_the_cells() -> None:
    assert window_cells(40, cell_km=1) == 41
    assert window_cells(2.1, cell_km=0.7) == 3  # 2.1 / 0.7 is a bit above 3


@pytest.mark.parametrize("window", [0, 2, -1])
def test_a_window_without_a_centre_is_refused(window: int) -> None:
    with pytest.raises(BadWindow, match="no centre"):
        fraction_sums(showers(0), showers(1), [0.5], [window])


def test_a_scale_without_width_is_refused() -> None:
    with pytest.raises(BadWindow):
        window_cells(0)
