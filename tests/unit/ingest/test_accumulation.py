"""Rates of five minutes become sums in mm, by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ingest.accumulation import amount, rate_total, running_totals, window_amounts

NAN = np.nan


def sum_of(*rates: float) -> float:
    return float(amount(rate_total(np.array(rates)), len(rates)))


def test_steady_rain_of_12_mm_per_hour_is_12_mm_in_an_hour() -> None:
    assert sum_of(*[12.0] * 12) == 12.0
    assert sum_of(*[12.0] * 3) == 3.0
    assert sum_of(*[12.0] * 288) == 288.0


def test_a_shower_of_ten_minutes_of_30_mm_per_hour_is_5_mm() -> None:
    assert sum_of(0, 0, 30, 30, 0, 0, 0, 0, 0, 0, 0, 0) == pytest.approx(5.0)


def test_a_dry_period_is_0_and_not_no_data() -> None:
    assert sum_of(*[0.0] * 6) == 0.0


def test_a_missing_rate_counts_like_the_mean_of_the_others_and_never_as_dry() -> None:
    assert sum_of(NAN, *[12.0] * 11) == 12.0
    assert sum_of(6, NAN, *[6, 12] * 5) == pytest.approx(96 / 11)


@pytest.mark.parametrize(("steps", "most_missing"), [(3, 0), (6, 0), (12, 1), (24, 2), (72, 6),
                                                     (288, 24)])  # fmt: skip
def test_there_is_no_sum_where_more_than_one_rate_in_twelve_is_missing(
    steps: int, most_missing: int
) -> None:
    rates = np.full(steps, 12.0)
    rates[:most_missing] = NAN
    assert sum_of(*rates) == steps
    rates[: most_missing + 1] = NAN
    assert np.isnan(sum_of(*rates))


def test_each_cell_misses_its_own_rates() -> None:
    rates = np.full((12, 3), 6.0)
    rates[0, 1], rates[:2, 2] = NAN, NAN
    np.testing.assert_array_equal(amount(rate_total(rates), 12), [6.0, 6.0, NAN])


def test_windows_of_a_series_have_the_sums_of_their_own_rates() -> None:
    rates = np.arange(24, dtype=float).reshape(12, 2)
    found = window_amounts(rates, np.array([[0, 12], [3, 6]]))
    np.testing.assert_allclose(found, [rates.sum(0) / 12, rates[3:6].sum(0) / 12])


RATES = arrays(np.float32, (12, 2), elements=st.floats(0, 100, width=32) | st.just(NAN))


@settings(max_examples=25, deadline=None)
@given(RATES, st.integers(0, 12), st.integers(0, 12))
def test_a_window_is_the_difference_of_running_totals(
    rates: np.ndarray, first: int, last: int
) -> None:
    first, last = sorted((first, last))
    running = running_totals(rates)
    plain = rate_total(rates[first:last])
    np.testing.assert_allclose(running.total[last] - running.total[first], plain.total, atol=1e-6)
    np.testing.assert_array_equal(running.valid[last] - running.valid[first], plain.valid)


@settings(max_examples=25, deadline=None)
@given(RATES)
def test_a_sum_lies_between_those_of_the_smallest_and_the_largest_rate(rates: np.ndarray) -> None:
    found = amount(rate_total(rates), 12)
    for cell in np.flatnonzero(~np.isnan(found)):
        assert np.nanmin(rates[:, cell]) <= found[cell] + 1e-4
        assert found[cell] <= np.nanmax(rates[:, cell]) + 1e-4
