"""Mean errors against the `scores` library and hand-made cases."""

import warnings

import numpy as np
import pytest
import xarray as xr
from scores import continuous
from xarray import DataArray

from verification import bias, error_sums, mae, rmse


@pytest.fixture
def fields() -> tuple[DataArray, DataArray]:
    rng = np.random.default_rng(0)
    forecast, observed = (
        DataArray(rng.gamma(0.5, 4, (3, 20, 20)).astype(np.float32), dims=["lead_time", "y", "x"])
        for _ in range(2)
    )
    return forecast.where(rng.random(forecast.shape) > 0.1), observed


def test_agrees_with_the_scores_library(fields: tuple[DataArray, DataArray]) -> None:
    sums = error_sums(*fields, over=["y", "x"])
    seen = [field.astype(float) for field in fields]
    theirs = {
        mae: continuous.mae(*seen, preserve_dims=["lead_time"]),
        rmse: continuous.rmse(*seen, preserve_dims=["lead_time"]),
        bias: continuous.additive_bias(*seen, preserve_dims=["lead_time"]),
    }
    for mean, value in theirs.items():
        xr.testing.assert_allclose(mean(sums), value)


def test_sums_add_up_over_what_is_summed_apart(fields: tuple[DataArray, DataArray]) -> None:
    apart = error_sums(*fields, over=["y", "x"]).sum("lead_time")
    xr.testing.assert_allclose(apart, error_sums(*fields, over=["lead_time", "y", "x"]))


def test_no_data_counts_nowhere() -> None:
    forecast, observed = (DataArray(v, dims="x") for v in ([1.0, np.nan, 4], [3.0, 2, np.nan]))
    sums = error_sums(forecast, observed, over=["x"])
    assert {name: sums[name].item() for name in sums} == {
        "n": 1,
        "signed": -2,
        "absolute": 2,
        "squared": 4,
    }


def test_nothing_compared_is_no_mean_and_no_warning() -> None:
    sums = error_sums(DataArray([np.nan], dims="x"), DataArray([1.0], dims="x"), over=["x"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mean in (mae, rmse, bias):
            assert np.isnan(mean(sums))


def test_a_year_of_small_errors_is_not_lost_beside_a_large_one() -> None:
    """float32 sums would swallow them."""
    forecast = DataArray(np.full(100_000, 0.1, np.float32), dims="x")
    forecast[0] = 1e4
    sums = error_sums(forecast, forecast * 0, over=["x"])
    np.testing.assert_allclose(sums.absolute, 1e4 + 99_999 * np.float64(np.float32(0.1)))
