"""Sums of places and areas, by hand and for any rain."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.accumulation import rate_total
from service.pipeline.rain_sums.area_sums import RainSums, Statistic, rain_sums
from service.pipeline.rain_sums.cell_weights import CellWeights
from service.pipeline.rain_sums.radar_history import DAY_STEPS, STEPS, RadarHistory

LEADS = 24


def cells(*weights: float, inside: float = 1.0) -> CellWeights:
    """Cells of the first row with their weights."""
    columns = np.arange(len(weights))
    return CellWeights(np.zeros_like(columns), columns, np.array(weights), inside, 25.0)


def history(rates: np.ndarray) -> RadarHistory:
    """Radar of a day whose last six hours are given (step, y, x), and whose others are alike."""
    day = np.concatenate([rates] * (DAY_STEPS // STEPS))
    return RadarHistory(rates, rate_total(day), ~np.isnan(day).all(axis=(1, 2)))


def steady(rate: float, steps: int = STEPS, columns: int = 2) -> np.ndarray:
    return np.full((steps, 1, columns), rate, np.float32)


def sums_of(
    past: np.ndarray,
    ahead: np.ndarray,
    members: np.ndarray | None = None,
    weights: CellWeights | None = None,
    thresholds: tuple[float, ...] = (5.0, 12.0),
) -> RainSums:
    return rain_sums(history(past), ahead, members, weights or cells(1.0), thresholds)


def statistics_of(found: RainSums) -> list[tuple[Statistic, Statistic]]:
    """Mean and maximum of all periods and warnings."""
    periods = [(period.mean, period.maximum) for period in (*found.measured, *found.forecast)]
    return periods + [(warning.mean, warning.maximum) for warning in found.warnings]


def test_steady_rain_of_12_mm_per_hour_is_12_mm_in_each_hour() -> None:
    found = sums_of(steady(12), steady(12, LEADS))
    measured = {period.minutes: period.mean.mm for period in found.measured}
    assert measured == {15: 3, 30: 6, 60: 12, 120: 24, 360: 72, 1440: 288}
    forecast = {period.minutes: period.mean.mm for period in found.forecast}
    assert forecast == {15: 3, 30: 6, 60: 12, 120: 24}


def test_a_dry_place_has_0_mm_and_a_place_without_data_none() -> None:
    assert {period.mean.mm for period in sums_of(steady(0), steady(0, LEADS)).measured} == {0.0}
    unknown = sums_of(steady(np.nan), steady(np.nan, LEADS))
    for mean, maximum in statistics_of(unknown):
        assert mean.mm is None
        assert maximum.mm is None


def test_the_mean_of_an_area_counts_each_cell_by_its_share_and_the_maximum_is_of_one_cell() -> None:
    ahead = steady(0, LEADS)
    ahead[:, 0, 0], ahead[:, 0, 1] = 8, 2
    hour = sums_of(steady(0), ahead, weights=cells(1.0, 0.5)).forecast[2]
    assert hour.mean.mm == pytest.approx((8 + 0.5 * 2) / 1.5)
    assert hour.maximum.mm == 8


@pytest.mark.parametrize(
    ("unknown", "inside", "covered"), [(0, 1.0, 1), (1, 1.0, 0.5), (2, 1.0, 0), (0, 0.4, 0.4)]
)
def test_an_area_has_a_sum_where_at_least_half_of_it_has_data(
    unknown: int, inside: float, covered: float
) -> None:
    ahead = steady(6, LEADS)
    ahead[:, 0, :unknown] = np.nan
    hour = sums_of(steady(0), ahead, weights=cells(1.0, 1.0, inside=inside)).forecast[2]
    assert hour.covered == pytest.approx(covered)
    assert hour.mean.mm == (6 if covered >= 0.5 else None)
    assert hour.maximum.mm == hour.mean.mm


def test_missing_frames_are_reported_and_do_not_count_as_dry() -> None:
    past = steady(12)
    past[-1] = np.nan
    measured = {period.minutes: period for period in sums_of(past, steady(0, LEADS)).measured}
    assert {minutes: period.frames_missing for minutes, period in measured.items()} == {
        15: 1, 30: 1, 60: 1, 120: 1, 360: 1, 1440: 4
    }  # fmt: skip
    assert measured[15].mean.mm is None  # one of three is missing
    assert measured[60].mean.mm == 12  # one of twelve
    past[-2] = np.nan
    assert sums_of(past, steady(0, LEADS)).measured[2].mean.mm is None


def test_a_warning_has_the_largest_sum_of_radar_and_forecast_together() -> None:
    past, ahead = steady(0), steady(0, LEADS)
    past[-6:], ahead[:6] = 30, 30  # half an hour before now and half an hour after
    found = sums_of(past, ahead)
    assert found.measured[2].mean.mm == 15
    assert found.forecast[2].mean.mm == 15
    assert [warning.mean.mm for warning in found.warnings if warning.level.minutes == 60] == [
        30
    ] * 3
    six = next(warning for warning in found.warnings if warning.level.minutes == 360)
    assert six.mean.mm == 30
    assert (six.least_forecast_minutes, six.most_forecast_minutes) == (5, 120)


def test_the_levels_are_those_of_deutscher_wetterdienst() -> None:
    found = [warning.level for warning in sums_of(steady(0), steady(0, LEADS)).warnings]
    assert [(level.minutes, level.from_mm, level.to_mm) for level in found] == [
        (60, 15, 25), (60, 25, 40), (60, 40, None), (360, 20, 35), (360, 35, 60), (360, 60, None)
    ]  # fmt: skip


def test_the_probability_is_the_share_of_members_that_reach_the_threshold() -> None:
    members = np.stack([steady(rate, LEADS) for rate in (0, 4, 5, 12, 20)])
    hour = sums_of(steady(0), steady(6, LEADS), members).forecast[2]
    assert hour.mean.probabilities == {5.0: 0.6, 12.0: 0.4}
    np.testing.assert_allclose(np.array(hour.mean.quantiles, float), [1.6, 5, 16.8])
    assert hour.mean.mm == 6


def test_without_an_ensemble_there_are_no_quantiles_and_no_probabilities() -> None:
    found = sums_of(steady(0), steady(6, LEADS))
    assert found.members == 0
    assert found.forecast[0].mean.quantiles == ()
    assert found.forecast[0].mean.probabilities is None


SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    past, ahead = (rng.gamma(0.3, 20, (steps, 1, 3)).astype("f4") for steps in (STEPS, LEADS))
    return past, ahead, rng.gamma(0.3, 20, (20, LEADS, 1, 3)).astype("f4")


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_quantiles_rise_and_probabilities_fall_with_the_threshold(seed: int) -> None:
    found = sums_of(*drawn(seed), cells(1.0, 0.3, 0.6), (1.0, 10.0, 40.0))
    for mean, maximum in statistics_of(found):
        for statistic in (mean, maximum):
            if not statistic.quantiles:  # measured
                continue
            quantiles = [value for value in statistic.quantiles if value is not None]
            assert len(quantiles) == 3
            assert quantiles == sorted(quantiles)
            shares = [value or 0.0 for value in (statistic.probabilities or {}).values()]
            assert shares == sorted(shares, reverse=True)
        assert (mean.mm or 0) <= (maximum.mm or 0) + 1e-9


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(0, 2), st.floats(0.01, 1))
def test_an_area_of_one_cell_has_the_sums_of_a_place_in_it(
    seed: int, column: int, weight: float
) -> None:
    part = CellWeights(np.array([0]), np.array([column]), np.array([weight]), 1.0, 25.0)
    of_place = part._replace(weights=np.ones(1))
    found, expected = (sums_of(*drawn(seed), weights=weights) for weights in (part, of_place))
    assert found == expected
    assert all(period.mean == period.maximum for period in found.forecast)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_the_longer_of_two_periods_has_no_less_rain(seed: int) -> None:
    found = sums_of(*drawn(seed))
    for periods in (found.measured[:5], found.forecast):
        amounts = [period.mean.mm or 0.0 for period in periods]
        assert amounts == sorted(amounts)
