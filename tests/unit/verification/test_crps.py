"""The continuous ranked probability score, on forecasts whose answers are known."""

import numpy as np
import pytest
from xarray import DataArray

from verification import crps, crps_sums, rate_crps_sums

THRESHOLDS = (0.5, 2.0, 5.0)
HIGHEST = 5.0


def field(values: list[float]) -> DataArray:
    return DataArray([values], dims=("y", "x"))


def exceedance(columns: list[list[float]]) -> DataArray:
    """Probabilities of the thresholds, one list for each cell."""
    values = np.array(columns, np.float32).T[:, None]
    return DataArray(values, {"threshold": list(THRESHOLDS)}, ("threshold", "y", "x"))


def integrated(probability: list[float], rain: float) -> float:
    """The score of a cell by summing over many thresholds."""
    steps = (np.arange(200_000) + 0.5) * HIGHEST / 200_000
    forecast = np.interp(steps, [0, *THRESHOLDS], [probability[0], *probability])
    return float(((forecast - (rain >= steps)) ** 2).mean() * HIGHEST)


@pytest.mark.parametrize("rain", [0.0, 0.3, 0.5, 1.7, 4.0, 9.0])
def test_the_score_is_the_integral_of_the_squared_error_over_all_thresholds(rain: float) -> None:
    probability = [0.8, 0.4, 0.05]
    sums = crps_sums(exceedance([probability]), field([rain]))
    assert float(crps(sums)) == pytest.approx(integrated(probability, rain), abs=1e-4)


def test_the_score_of_rates_is_their_absolute_error_up_to_the_highest_threshold() -> None:
    sums = rate_crps_sums(field([1.0, 0.0, 50.0]), field([3.0, 0.5, 7.0]), HIGHEST)
    assert float(crps(sums)) == pytest.approx((2.0 + 0.5 + 0.0) / 3)


def test_a_cell_without_data_counts_nowhere() -> None:
    sums = crps_sums(exceedance([[0.5, 0.1, 0.0], [np.nan] * 3, [0.0] * 3]), field([1, 1, np.nan]))
    assert float(sums["n"]) == 1
    assert float(crps(sums)) == pytest.approx(integrated([0.5, 0.1, 0.0], 1.0), abs=1e-4)
    assert np.isnan(crps(crps_sums(exceedance([[np.nan] * 3]), field([1.0]))))


def test_leads_stay_apart() -> None:
    leads = np.array([30, 60], "timedelta64[m]").astype("timedelta64[ns]")
    probability = exceedance([[1.0, 1.0, 1.0]]).expand_dims(lead_time=leads)
    observed = field([5.0]).expand_dims(lead_time=leads) * DataArray([1.0, 0.0], dims="lead_time")
    assert crps(crps_sums(probability, observed)).values.tolist() == pytest.approx([0.0, 5.0])
