"""Forecasts are rounded on file, and come back at all lead times or half hours."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis.extra.numpy import arrays
from hypothesis.strategies import floats
from numpy.typing import NDArray
from xarray import DataArray

from ingest.formats import netcdf
from ingest.precipitation import exceedance_probabilities
from service.archive.archive import Archive
from service.archive.key import forecast_name, key_of
from service.archive.rounding import (
    HALF_HOUR_STEP,
    PLACE_STEP,
    PROBABILITY_STEP,
    RATE_STEP,
    SIGNIFICAND,
    rounded,
    rounded_rates,
)
from tests.showers import frame
from tests.unit.service.fake_probabilities import ProbabilisticPersistence

HALF_HOURS = [5, 11, 17, 23]


@pytest.fixture(scope="module")
def forecast() -> DataArray:
    field = ProbabilisticPersistence()(frame(0), horizon=24, step_minutes=5)
    field.attrs["generated_at"] = "2026-06-21T22:34:00Z"
    return field


def test_rates_at_half_hours_stay_as_they_are_and_the_rest_is_rounded(
    forecast: DataArray,
) -> None:
    found = rounded(forecast)
    np.testing.assert_array_equal(found[HALF_HOURS], forecast[HALF_HOURS])
    exact = forecast.values
    within = np.abs(found.values - exact) <= np.maximum(RATE_STEP, exact * SIGNIFICAND) / 2 + 1e-6
    assert bool(within[~np.isnan(exact)].all())
    np.testing.assert_array_equal(found.isnull(), forecast.isnull())
    assert len(exceedance_probabilities(found)) == len(exceedance_probabilities(forecast)) > 0
    for threshold, probability in exceedance_probabilities(found).items():
        exact = exceedance_probabilities(forecast)[threshold].values
        steps = np.full(exact.shape, PROBABILITY_STEP)
        steps[HALF_HOURS] = HALF_HOUR_STEP
        error = np.abs(probability.values - exact)
        assert bool((error <= steps / 2 + 1e-6)[~np.isnan(error)].all())
        np.testing.assert_array_equal(np.isnan(probability), np.isnan(exact))


@given(values=arrays(np.float32, 200, elements=floats(0, 300, width=32)))
def test_rounding_keeps_order_dry_cells_and_thresholds_that_are_reached(
    values: NDArray[np.float32],
) -> None:
    values = np.sort(values)
    found = rounded_rates(values)
    assert found.dtype == np.float32
    assert bool((np.diff(found) >= 0).all())
    assert bool((found[values == 0] == 0).all())
    for threshold in (0.5, 1, 2, 5, 10, 20):
        assert bool((found[values >= threshold] >= threshold).all())


def test_places_on_file_are_right_to_a_metre_and_exact_when_read(
    forecast: DataArray, tmp_path: Path
) -> None:
    archive, key = Archive(tmp_path / "archive"), key_of(forecast)
    archive.put_forecast(forecast, history="")
    path = tmp_path / "file.nc"
    path.write_bytes(archive.forecast_bytes(key))
    with xr.open_dataset(path) as dataset:
        assert "1/65536 degree" in dataset.attrs["precision"]
        for name in ("lat", "lon"):
            assert dataset[name].dtype == forecast[name].dtype
            difference = np.abs(dataset[name] - forecast[name])
            assert 0 < float(difference.max()) <= PLACE_STEP / 2 + 2e-6
            np.testing.assert_array_equal(archive.full_forecast(key)[name], forecast[name])


def test_the_archive_gives_half_hours_or_all_lead_times(
    forecast: DataArray, tmp_path: Path
) -> None:
    archive = Archive(tmp_path)
    archive.put_forecast(forecast, history="")
    key = key_of(forecast)
    assert archive.forecast(key).sizes["lead_time"] == 4
    full = archive.full_forecast(key)
    np.testing.assert_array_equal(full, rounded(forecast))
    xr.testing.assert_identical(
        full.isel(lead_time=HALF_HOURS).drop_attrs(), archive.forecast(key).drop_attrs()
    )
    for threshold, probability in exceedance_probabilities(full).items():
        exact = exceedance_probabilities(forecast)[threshold]
        assert float(np.abs(probability - exact).max()) <= PROBABILITY_STEP / 2 + 1e-6


def test_files_of_earlier_programs_have_half_hours_alone(
    forecast: DataArray, tmp_path: Path
) -> None:
    archive, key = Archive(tmp_path), key_of(forecast)
    early = forecast.isel(lead_time=HALF_HOURS)
    path = tmp_path / "new.nc"
    path.write_bytes(netcdf.encode(early))
    with xr.open_dataset(path, decode_timedelta=False) as dataset:
        # lead_time was the dimension, and thresholds came first
        former = dataset.load().swap_dims({"time": "lead_time"})
    former = former.transpose("threshold", "lead_time", "y", "x", "nv", missing_dims="ignore")
    former.to_netcdf(path)
    archive.store.put(forecast_name(key), path.read_bytes())
    for found in (archive.forecast(key), archive.full_forecast(key)):
        np.testing.assert_array_equal(found, early)
        assert found.dims == ("lead_time", "y", "x")
        assert len(exceedance_probabilities(found)) == len(exceedance_probabilities(early))
