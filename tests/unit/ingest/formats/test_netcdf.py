"""Fields on file: what is written comes back."""

from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from xarray import DataArray

from ingest import BadField, to_model_grid
from ingest.formats import netcdf
from ingest.grid import NATIONAL_SPHERE, NATIONAL_WGS84
from ingest.precipitation import (
    exceedance_probability,
    exceedance_probability_name,
    make,
    make_forecast,
)

TIME = np.datetime64("2025-06-21T12:35", "ns")
LEADS = [np.timedelta64(m, "m") for m in (30, 60)]


def rates(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    rate = rng.gamma(0.3, 3, (*shape, 900, 900)).astype(np.float32)
    rate[..., :300, :] = np.nan
    return rate


@pytest.fixture(scope="module")
def frame() -> DataArray:
    return to_model_grid(make(rates(), TIME, NATIONAL_SPHERE, "RY"))


@pytest.fixture(scope="module")
def forecast() -> DataArray:
    field = make_forecast(rates(2), TIME, LEADS, NATIONAL_WGS84, "RV")
    field.attrs |= {"model": "advection", "weights": "none", "generated_at": "2025-06-21T12:39:00Z"}
    return to_model_grid(field)


@pytest.mark.parametrize("name", ["frame", "forecast"])
@pytest.mark.parametrize("packed", [True, False])
def test_a_field_comes_back_as_it_was(
    name: str, packed: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    field = request.getfixturevalue(name)
    path = tmp_path / "field.nc"
    path.write_bytes(netcdf.encode(field, packed=packed, title="a title", history="a history"))
    xr.testing.assert_identical(netcdf.decode(path), field)
    xr.testing.assert_identical(netcdf.decode(path.read_bytes()), field)


def test_unpacked_the_same_field_gives_the_same_bytes(forecast: DataArray) -> None:
    first = netcdf.encode(forecast, packed=False)
    assert netcdf.encode(forecast.copy(deep=True), packed=False) == first


def test_packing_makes_files_smaller(forecast: DataArray) -> None:
    dry = forecast.where(forecast.isnull(), 0)
    assert 2 * len(netcdf.encode(dry)) < len(netcdf.encode(dry, packed=False))


def test_times_on_file_are_utc_with_the_bounds_of_the_interval(
    forecast: DataArray, tmp_path: Path
) -> None:
    path = tmp_path / "field.nc"
    path.write_bytes(netcdf.encode(forecast))
    with xr.open_dataset(path) as dataset:
        bounds = dataset["time_bnds"].values
        np.testing.assert_array_equal(bounds[:, 1], dataset["time"].values)
        assert (bounds[:, 1] - bounds[:, 0] == np.timedelta64(5, "m")).all()
        assert dataset["time"].values[0] == TIME + LEADS[0]
        assert dataset["forecast_reference_time"].values == TIME


def test_no_data_is_nan_on_file_and_dry_is_0(frame: DataArray, tmp_path: Path) -> None:
    path = tmp_path / "field.nc"
    path.write_bytes(netcdf.encode(frame))
    with netCDF4.Dataset(path) as file:
        variable = file["rainfall_rate"]
        variable.set_auto_mask(False)
        assert np.isnan(variable._FillValue)
        np.testing.assert_array_equal(variable[:], frame.values)


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_what_is_no_netcdf_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "field.nc"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(BadField, match="no netCDF file"):
            netcdf.decode(source)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "field.nc"
    xr.Dataset({"temperature": ("x", [1.0])}).to_netcdf(path)
    with pytest.raises(BadField, match="holds temperature, should hold a variable 'rainfall_rate'"):
        netcdf.decode(path)


def with_probabilities(forecast: DataArray, probabilities: dict[float, np.ndarray]) -> DataArray:
    """A forecast that tells how likely thresholds in mm/h are reached."""
    coordinates = {
        exceedance_probability_name(threshold): exceedance_probability(threshold, field)
        for threshold, field in probabilities.items()
    }
    return forecast.assign_coords(coordinates)


def falling(forecast: DataArray) -> dict[float, np.ndarray]:
    """Any probabilities of three thresholds, no data where a forecast has none."""
    rng = np.random.default_rng(1)
    first = rng.random(forecast.shape, np.float32) + 0 * forecast.values
    return {0.5: first, 2.0: first**2, 10.0: first**3}


@pytest.mark.parametrize("packed", [True, False])
def test_exceedance_probabilities_come_back_to_a_thousandth(
    forecast: DataArray, packed: bool, tmp_path: Path
) -> None:
    field = with_probabilities(forecast, falling(forecast))
    path = tmp_path / "field.nc"
    path.write_bytes(netcdf.encode(field, packed=packed))
    back = netcdf.decode(path)
    names = ["exceedance_probability_0.5", "exceedance_probability_2", "exceedance_probability_10"]
    xr.testing.assert_identical(back.drop_vars(names), forecast)
    for name in names:
        assert back[name].attrs == field[name].attrs
        assert back[name].dtype == np.float32
        np.testing.assert_allclose(back[name], field[name], rtol=0, atol=5.01e-4)
        np.testing.assert_array_equal(back[name].isnull(), forecast.isnull())
    xr.testing.assert_identical(back, netcdf.decode(path.read_bytes()))


@pytest.mark.parametrize("packed", [True, False])
def test_exceedance_probabilities_that_were_on_file_once_stay_as_they_are(
    forecast: DataArray, packed: bool
) -> None:
    once = netcdf.decode(
        netcdf.encode(with_probabilities(forecast, falling(forecast)), packed=packed)
    )
    xr.testing.assert_identical(netcdf.decode(netcdf.encode(once, packed=packed)), once)


def test_exceedance_probabilities_of_files_of_earlier_programs_are_read(
    forecast: DataArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = with_probabilities(forecast, falling(forecast))
    expected = netcdf.decode(netcdf.encode(field))
    with monkeypatch.context() as earlier:
        earlier.setattr(netcdf, "PROBABILITY", "probability_of_rainfall_rate")
        file = netcdf.encode(field)
    xr.testing.assert_identical(netcdf.decode(file), expected)


def test_exceedance_probabilities_of_files_with_threshold_before_time_are_read(
    forecast: DataArray, tmp_path: Path
) -> None:
    field = with_probabilities(forecast, falling(forecast))
    expected = netcdf.decode(netcdf.encode(field))
    now, other = tmp_path / "now.nc", tmp_path / "other.nc"
    now.write_bytes(netcdf.encode(field))
    with xr.open_dataset(now, decode_times=False, mask_and_scale=False) as dataset:
        dataset.load().transpose("threshold", "time", ...).to_netcdf(other)
    xr.testing.assert_identical(netcdf.decode(other), expected)


def test_exceedance_probabilities_on_file_are_one_variable_by_threshold(
    forecast: DataArray, tmp_path: Path
) -> None:
    path = tmp_path / "field.nc"
    path.write_bytes(netcdf.encode(with_probabilities(forecast, falling(forecast))))
    with xr.open_dataset(path, decode_timedelta=True) as dataset:
        assert "ancillary_variables" not in dataset["rainfall_rate"].attrs, "they span it"
        variable = dataset["exceedance_probability"]
        assert variable.dims == ("time", "threshold", "y", "x")
        assert variable["threshold"].values.tolist() == [0.5, 2, 10]
        assert variable["threshold"].attrs["units"] == "mm h-1"
        assert not any(
            name.startswith("exceedance_probability_") for name in map(str, dataset.variables)
        )
    path.write_bytes(netcdf.encode(forecast))
    with xr.open_dataset(path, decode_timedelta=True) as dataset:
        assert "threshold" not in dataset.variables
