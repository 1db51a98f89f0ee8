"""Rain of probabilities: it lies where it is likely, in the amounts that the radar measured."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from model_zoo.exceedance import THRESHOLDS
from model_zoo.forecasters.rain_amounts import (
    EXPECTED_SHARE,
    FAINTEST,
    FEW_CELLS,
    MOST_CHANGE,
    expected_change,
    matched_rain,
    pulled,
    rank_score,
)

Array = NDArray[np.float32]

STAYS = (1.0,) * len(THRESHOLDS)
SIDE = 60


def showers(seed: int = 0, side: int = SIDE) -> Array:
    """Rain in mm/h of a hundredth, no two wet cells alike; about half of it is dry."""
    height = gaussian_filter(np.random.default_rng(seed).standard_normal((side, side)), 2)
    ranks = height.ravel().argsort().argsort().reshape(height.shape) - side * side // 2
    # from 0.06 to 90 mm/h
    rates = 0.06 * 1500 ** (ranks.clip(min=0) / (side * side // 2)) + 1e-3 * ranks
    return np.where(ranks > 0, rates, 0).astype(np.float32)


def chances_of(rates: Array) -> Array:
    """Probabilities (threshold, y, x) that rise with rates, and fall with the threshold."""
    rates = rates + np.float32(0.01)
    thresholds = np.array(THRESHOLDS, np.float32)[:, None, None]
    return (rates / (rates + thresholds)).astype(np.float32)


def any_chances(seed: int = 1, shape: tuple[int, int] = (SIDE, SIDE)) -> Array:
    """Probabilities of cells without any order."""
    drawn = np.random.default_rng(seed).random((len(THRESHOLDS), *shape), np.float32)
    return -np.sort(-drawn, axis=0)


def reached(rates: Array, threshold: float) -> int:
    """How many cells reach a threshold."""
    return int(np.count_nonzero(rates >= threshold))


@pytest.mark.parametrize("rate", [0.06, 0.3, 2.5, 7.77, 80.0])
def test_steady_rain_of_any_rate_stays_whatever_is_likely(rate: float) -> None:
    radar = np.full((12, 15), rate, np.float32)
    for seed in range(3):
        found = matched_rain(any_chances(seed, (12, 15)), radar, THRESHOLDS, STAYS)
        np.testing.assert_array_equal(found, radar)


def test_a_perfect_ranking_gives_the_radar_back() -> None:
    radar = showers()
    assert 0.4 < np.count_nonzero(radar) / radar.size < 0.6
    assert radar.max() > 80
    found = matched_rain(chances_of(radar), radar, THRESHOLDS, STAYS)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, radar)


@pytest.mark.parametrize("seed", range(4))
def test_amounts_are_those_of_the_radar_wherever_they_fall(seed: int) -> None:
    radar = showers(seed)
    for probabilities in (any_chances(seed), chances_of(showers(seed + 10))):
        found = matched_rain(probabilities, radar, THRESHOLDS, STAYS)
        np.testing.assert_array_equal(np.sort(found, axis=None), np.sort(radar, axis=None))


def test_light_rain_falls_where_it_is_likely_and_not_where_it_is_now() -> None:
    radar, later = (np.minimum(field, 1.9) for field in (showers(), np.roll(showers(), 7, axis=0)))
    found = matched_rain(chances_of(later), radar, THRESHOLDS, STAYS)
    for threshold in (0.1, 0.2, 0.5, 1.0):
        wrong = (found >= threshold) != (later >= threshold)
        assert wrong.mean() < 0.05
        assert (found >= threshold)[(later >= threshold) & (radar == 0)].mean() > 0.85


def test_light_rain_stays_where_it_is_hardly_less_likely_than_elsewhere() -> None:
    radar = np.zeros((SIDE, SIDE), np.float32)
    radar[20:30, 20:30] = 0.3
    probabilities = 0.05 * chances_of(np.full((SIDE, SIDE), 0.1, np.float32))
    probabilities[:, 20:30, 20:30] *= 3.5
    probabilities[:, :4] *= 3.8  # where rain may come in from outside
    np.testing.assert_array_equal(matched_rain(probabilities, radar, THRESHOLDS, STAYS), radar)


def test_where_all_is_as_likely_the_heaviest_rain_stays_where_the_radar_has_it() -> None:
    radar = showers()
    even = np.broadcast_to(np.linspace(0.9, 0.1, len(THRESHOLDS))[:, None, None], (9, *radar.shape))
    found = matched_rain(even.astype(np.float32), radar, THRESHOLDS, STAYS)
    heavy = radar >= 10
    assert heavy.any()
    np.testing.assert_array_equal(found[heavy], radar[heavy])


def test_the_likeliest_cells_reach_each_threshold() -> None:
    radar, probabilities = showers(), chances_of(showers(5))
    found = matched_rain(probabilities, radar, THRESHOLDS, STAYS)
    odds = pulled(probabilities.reshape(9, -1), radar.ravel(), THRESHOLDS).reshape(9, SIDE, SIDE)
    for index, threshold in enumerate(THRESHOLDS):
        if threshold >= 2:  # there the radar counts more than the probabilities
            break
        hit = found >= threshold
        assert 0 < hit.sum() < hit.size
        assert odds[index][hit].min() > odds[index][~hit].max()
        assert probabilities[index][hit].mean() > 2 * probabilities[index][~hit].mean()


def test_there_is_no_ceiling() -> None:
    radar = showers()
    radar[30, 30] = 250.0
    for factor in (1.0, 1.3):
        found = matched_rain(any_chances(), radar, THRESHOLDS, (factor,) * len(THRESHOLDS))
        assert found.max() == 250
    shrunk = matched_rain(any_chances(), radar, THRESHOLDS, (0.8,) * len(THRESHOLDS))
    assert np.sort(radar, axis=None)[-2] < shrunk.max() <= 250


def test_showers_stay_where_none_is_likely() -> None:
    """A network that is unsure tells small probabilities, and still it rains as hard as now."""
    radar = np.zeros((SIDE, SIDE), np.float32)
    radar[10:13, 20:24] = np.linspace(5, 60, 12, dtype=np.float32).reshape(3, 4)
    unsure = (0.01 * chances_of(gaussian_filter(radar, 6))).astype(np.float32)
    assert unsure.max() < 0.01
    found = matched_rain(unsure, radar, THRESHOLDS, STAYS)
    np.testing.assert_array_equal(np.sort(found, axis=None), np.sort(radar, axis=None))
    centre = np.argwhere(found > 0).mean(axis=0)
    np.testing.assert_allclose(centre, (11, 21.5), atol=2)


def test_a_single_wet_cell_is_kept_at_the_likeliest_place() -> None:
    radar = np.zeros((9, 9), np.float32)
    radar[2, 2] = 30.0
    probabilities = any_chances(shape=(9, 9))
    probabilities[:, 6, 5] = 1.0
    found = matched_rain(probabilities, radar, THRESHOLDS, STAYS)
    assert np.count_nonzero(found) == 1
    assert found[6, 5] == 30


@pytest.mark.parametrize("factor", [0.7, 0.85, 1.15, 1.5])
def test_the_area_of_each_threshold_grows_by_its_factor(factor: float) -> None:
    radar = showers(side=120)
    found = matched_rain(any_chances(shape=(120, 120)), radar, THRESHOLDS, (factor,) * 9)
    for threshold in THRESHOLDS:
        before = reached(radar, threshold)
        assert before > 500
        assert reached(found, threshold) == pytest.approx(factor * before, abs=2)


def test_thresholds_may_grow_by_factors_of_their_own() -> None:
    radar = showers(side=120)
    growth = np.linspace(1.4, 0.7, 9)
    found = matched_rain(any_chances(shape=(120, 120)), radar, THRESHOLDS, growth.tolist())
    for threshold, factor in zip(THRESHOLDS, growth, strict=True):
        wanted = factor * reached(radar, threshold)
        assert reached(found, threshold) == pytest.approx(wanted, rel=1e-3, abs=2)


def test_less_rain_never_falls_on_fewer_cells_than_more_rain() -> None:
    """Where the area of strong rain should grow beyond that of weak rain, it takes its place."""
    radar, growth = showers(side=120), (*(1.0,) * 6, 1.6, 1.6, 1.6)
    radar[radar < 5] = 0
    found = matched_rain(any_chances(shape=(120, 120)), radar, THRESHOLDS, growth)
    areas = [reached(found, threshold) for threshold in THRESHOLDS]
    assert areas == sorted(areas, reverse=True)
    assert reached(found, 20.0) == pytest.approx(1.6 * reached(radar, 20.0), rel=0.01)


def test_it_grows_no_further_than_the_field() -> None:
    radar = np.full((6, 7), 3.0, np.float32)
    found = matched_rain(any_chances(shape=(6, 7)), radar, THRESHOLDS, (1.6,) * 9)
    np.testing.assert_array_equal(found, radar)


@pytest.mark.parametrize("rate", [2.5, 21.0, 80.0])
def test_steady_rain_stays_also_where_the_area_of_its_rate_should_shrink(rate: float) -> None:
    radar = np.full((12, 15), rate, np.float32)
    growth = (*(1.0,) * 5, *(0.7,) * 4)
    found = matched_rain(any_chances(shape=(12, 15)), radar, THRESHOLDS, growth)
    np.testing.assert_array_equal(found, radar)


def test_areas_change_towards_what_is_expected() -> None:
    radar = showers()
    probabilities = np.stack([np.full(radar.shape, 0.5 / n) for n in range(1, 10)]).astype("f4")
    found = expected_change(probabilities, radar, THRESHOLDS)
    for index, threshold in enumerate(THRESHOLDS):
        ratio = (0.5 / (index + 1) * radar.size + FEW_CELLS) / (
            reached(radar, threshold) + FEW_CELLS
        )
        wanted = ratio ** EXPECTED_SHARE.get(threshold, 0)
        assert found[index] == pytest.approx(np.clip(wanted, 1 / MOST_CHANGE, MOST_CHANGE))
    assert found[THRESHOLDS.index(0.5)] < 1
    assert found[-1] == 1


def test_expected_areas_are_those_of_known_cells() -> None:
    radar, probabilities = showers(), any_chances()
    part = expected_change(probabilities[:, 10:, :50], radar[10:, :50], THRESHOLDS)
    radar[:10] = np.nan
    probabilities[:, :, 50:] = np.nan
    np.testing.assert_allclose(expected_change(probabilities, radar, THRESHOLDS), part)
    unknown = expected_change(np.full_like(probabilities, np.nan), radar, THRESHOLDS)
    np.testing.assert_array_equal(unknown, 1)


def test_an_area_at_most_doubles_by_what_is_expected() -> None:
    radar = np.zeros((SIDE, SIDE), np.float32)
    radar[5, 5] = 60.0
    found = expected_change(np.ones((9, SIDE, SIDE), np.float32), radar, THRESHOLDS)
    assert found.max() == MOST_CHANGE
    none = expected_change(np.zeros((9, SIDE, SIDE), np.float32), radar + 60, THRESHOLDS)
    assert none.min() == 1 / MOST_CHANGE


def test_where_radar_or_probability_is_unknown_so_is_the_rain() -> None:
    radar, probabilities = showers(), any_chances()
    radar[:5] = np.nan
    probabilities[:, :, 50:] = np.nan
    gone = np.isnan(radar) | np.isnan(probabilities[0])
    found = matched_rain(probabilities, radar, THRESHOLDS, STAYS)
    np.testing.assert_array_equal(np.isnan(found), gone)
    # what fell on unknown cells is not put elsewhere
    np.testing.assert_array_equal(np.sort(found[~gone]), np.sort(radar[~gone]))


def test_nothing_known_is_nothing_and_not_dry() -> None:
    radar = np.full((4, 5), np.nan, np.float32)
    assert np.isnan(matched_rain(any_chances(shape=(4, 5)), radar, THRESHOLDS, STAYS)).all()


@pytest.mark.parametrize("faint", [0.0, 0.049])
def test_dry_stays_dry_whatever_is_likely(faint: float) -> None:
    assert faint < FAINTEST
    radar = np.full((8, 8), faint, np.float32)
    radar[0, 0] = np.nan
    found = matched_rain(np.ones((9, 8, 8), np.float32), radar, THRESHOLDS, (1.6,) * 9)
    assert np.isnan(found[0, 0])
    assert (found[~np.isnan(radar)] == 0).all()


def test_probabilities_of_none_and_of_all_are_ranked_too() -> None:
    """A calibrated network may be certain; cells of equal probability keep their order."""
    radar, certain = showers(), (chances_of(showers(2)) > 0.5).astype(np.float32)
    found = matched_rain(certain, radar, THRESHOLDS, STAYS)
    np.testing.assert_array_equal(np.sort(found, axis=None), np.sort(radar, axis=None))
    np.testing.assert_array_equal(
        found, matched_rain(certain, radar, THRESHOLDS, STAYS), "and always the same"
    )


def test_the_score_counts_the_thresholds_a_cell_is_likely_for() -> None:
    probabilities = np.array([[0.9, 0.8, 0.3, 0.1], [0.6, 0.2, 0.25, 0.0]], np.float64)
    score = rank_score(probabilities, [2, 1])
    assert score[0] >= 2
    assert 1 <= score[1] < 2
    assert 0 > score[2] > score[3]


def test_a_cell_that_reaches_a_threshold_by_way_of_none_below_does_not_reach_it() -> None:
    probabilities = np.array([[0.9, 0.8, 0.3], [0.1, 0.2, 0.25]], np.float64)
    assert rank_score(probabilities, [2, 1]).argmax() < 2


def test_a_threshold_that_nothing_reaches_ranks_by_how_near_it_is() -> None:
    probabilities = np.array([[0.9, 0.8, 0.7], [0.1, 0.3, 0.05]], np.float64)
    score = rank_score(probabilities, [3, 0])
    assert ((score >= 1) & (score < 2)).all()
    assert score.argmin() == 2
