"""Forecasts are rounded between the half hours, and come back at all lead times or half hours."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from xarray import DataArray

from ingest.formats import netcdf
from ingest.precipitation import exceedance_probabilities
from service.archive.archive import Archive
from service.archive.key import forecast_name, key_of
from service.archive.rounding import PROBABILITY_STEP, RATE_STEP, rounded_between
from tests.showers import frame
from tests.unit.service.fake_probabilities import ProbabilisticPersistence


@pytest.fixture(scope="module")
def forecast() -> DataArray:
    field = ProbabilisticPersistence()(frame(0), horizon=24, step_minutes=5)
    field.attrs["generated_at"] = "2026-06-21T22:34:00Z"
    return field


def test_half_hours_stay_as_they_are_and_the_rest_is_rounded(forecast: DataArray) -> None:
    found = rounded_between(forecast)
    half_hours = [5, 11, 17, 23]
    np.testing.assert_array_equal(found[half_hours], forecast[half_hours])
    assert float(np.abs(found - forecast).max()) <= RATE_STEP / 2
    for threshold, probability in exceedance_probabilities(found).items():
        exact = exceedance_probabilities(forecast)[threshold]
        np.testing.assert_array_equal(probability[half_hours], exact[half_hours])
        assert float(np.abs(probability - exact).max()) <= PROBABILITY_STEP / 2 + 1e-6
    np.testing.assert_array_equal(found.isnull(), forecast.isnull())


def test_the_archive_gives_half_hours_or_all_lead_times(
    forecast: DataArray, tmp_path: Path
) -> None:
    archive = Archive(tmp_path)
    archive.put_forecast(forecast, history="")
    key = key_of(forecast)
    assert archive.forecast(key).sizes["lead_time"] == 4
    full = archive.full_forecast(key)
    np.testing.assert_array_equal(full, rounded_between(forecast))
    xr.testing.assert_identical(
        full.isel(lead_time=[5, 11, 17, 23]).drop_attrs(), archive.forecast(key).drop_attrs()
    )
    for threshold, probability in exceedance_probabilities(full).items():
        exact = exceedance_probabilities(forecast)[threshold]
        assert float(np.abs(probability - exact).max()) <= 1.5 * PROBABILITY_STEP / 2


def test_files_of_earlier_programs_have_half_hours_alone(
    forecast: DataArray, tmp_path: Path
) -> None:
    archive, key = Archive(tmp_path), key_of(forecast)
    early = forecast.isel(lead_time=[5, 11, 17, 23])
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
