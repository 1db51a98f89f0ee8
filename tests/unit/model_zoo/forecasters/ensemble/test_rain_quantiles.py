"""Quantiles of rain: thresholds reached as probable, steady rain kept, a tail without a ceiling."""

import numpy as np
import pytest
from numpy.typing import NDArray

from model_zoo.exceedance import FORECAST_THRESHOLDS
from model_zoo.forecasters.rain_quantiles import rain_exceeded

COUNT = 2000
EXCEEDANCE = ((np.arange(COUNT) + 0.5) / COUNT).astype(np.float32)

CELL = np.zeros(COUNT, np.intp)


def quantiles(probabilities: list[float], rain: float) -> NDArray[np.float32]:
    """Rates of all of a distribution, falling."""
    given = np.array(probabilities, np.float32)[:, None]
    return rain_exceeded(EXCEEDANCE, CELL, given, np.full(1, rain, np.float32), FORECAST_THRESHOLDS)


@pytest.mark.parametrize("rain", [0.0, 0.7, 1.0, 3.0, 30.0])
def test_each_threshold_is_reached_as_often_as_its_probability_says(rain: float) -> None:
    probabilities = [0.9, 0.7, 0.7, 0.4, 0.25, 0.1, 0.02]
    rates = quantiles(probabilities, rain)
    for threshold, probability in zip(FORECAST_THRESHOLDS, probabilities, strict=True):
        assert (rates >= np.float32(threshold)).mean() == pytest.approx(probability, abs=1e-3)
    assert (np.diff(rates) <= 0).all()


def test_the_tail_goes_on_above_the_highest_threshold_without_a_jump() -> None:
    rates = quantiles([0.9, 0.8, 0.7, 0.6, 0.5, 0.3, 0.1], 3.0)
    above = rates[rates >= 20]
    assert above.min() < 20.2
    assert 40 < above.max() < 200
    assert len(np.unique(above)) == len(above)


@pytest.mark.parametrize("rain", [0.15, 0.8, 1.7, 4.0, 12.0, 19.0, 60.0])
def test_where_a_class_is_certain_the_rain_of_the_forecast_is_the_median(rain: float) -> None:
    rates = quantiles([float(rain >= threshold) for threshold in FORECAST_THRESHOLDS], rain)
    assert np.median(rates) == pytest.approx(rain, rel=0.01)
    if rain < 20:
        assert np.quantile(rates, 0.1) > 0.8 * rain
        assert np.quantile(rates, 0.9) < 1.25 * rain


def test_no_rain_is_forecast_where_every_probability_is_zero() -> None:
    assert (quantiles([0.0] * 7, 0.0) == 0).all()


def test_a_single_threshold_is_enough() -> None:
    probability = np.full((1, 1), 0.3, np.float32)
    rates = rain_exceeded(EXCEEDANCE, CELL, probability, np.zeros(1, np.float32), [2.0])
    assert (rates >= 2).mean() == pytest.approx(0.3, abs=1e-3)
    assert (rates[rates > 0] >= 2).all()
