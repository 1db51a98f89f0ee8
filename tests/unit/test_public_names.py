"""The names that other code may rely on, used as such code would: nothing else is imported."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import ingest
import model_zoo
import verification
from ingest.simulation.simulate import write

START = np.datetime64("2025-06-21T12:00")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """19 frames, from 12:00 to 13:30."""
    return list(write(tmp_path_factory.mktemp("radar"), START, 19, seed=2))


@pytest.fixture(scope="module")
def frames(files: list[Path]) -> xr.DataArray:
    return xr.concat([ingest.to_model_grid(ingest.read(file)) for file in files], "time")


def test_a_file_becomes_a_frame_and_a_frame_goes_to_the_model_grid(files: list[Path]) -> None:
    frame = ingest.read(str(files[0]))
    assert frame.dims == ("time", "y", "x")
    assert frame.shape == (1, 900, 900)
    assert ingest.to_model_grid(frame).shape == (1, 180, 180)
    assert ingest.to_model_grid(frame, method="bilinear").shape == (1, 180, 180)
    assert frame.attrs["units"] == "mm h-1"


@pytest.mark.parametrize("name", ["persistence", "advection"])
@pytest.mark.parametrize("cadence", [1, 2, 6])
@pytest.mark.parametrize("side", [180, 97])
def test_a_baseline_takes_any_grid_and_any_cadence_with_the_steps_it_needs(
    frames: xr.DataArray, name: str, cadence: int, side: int
) -> None:
    given = frames.isel(time=slice(None, None, cadence), y=slice(side), x=slice(side))
    forecast = model_zoo.load_forecaster(name)(given, horizon=3)
    assert forecast.dims == ("lead_time", "y", "x")
    assert forecast.shape == (3, side, side)
    minutes = (forecast.lead_time / np.timedelta64(1, "m")).values
    np.testing.assert_array_equal(minutes, [30, 60, 90])
    assert forecast.forecast_reference_time.values == START + np.timedelta64(90, "m")


def test_a_forecast_is_counted_and_scored(frames: xr.DataArray) -> None:
    past = frames.isel(time=slice(0, 13))
    forecast = model_zoo.load_forecaster("advection")(past, horizon=1)
    observed = frames.isel(time=[18]).rename(time="lead_time").drop_vars("lead_time")
    counts = verification.count(
        forecast.drop_vars(["lead_time", "time", "forecast_reference_time"]),
        observed,
        thresholds=[0.5, 2.0],
        over=["lead_time", "y", "x"],
    )
    for score in (
        verification.csi,
        verification.hss,
        verification.pod,
        verification.far,
        verification.fbias,
        verification.ets,
    ):
        assert score(counts).dims == ("threshold",)
    assert float(verification.csi(counts).sel(threshold=0.5)) > 0.2


def test_every_network_is_built_by_its_name_and_none_forecasts_untrained() -> None:
    for name in model_zoo.MODELS:
        assert isinstance(model_zoo.build(name, channels=2), torch.nn.Module)
    with pytest.raises(model_zoo.errors.NoWeights, match="an untrained network does not forecast"):
        model_zoo.load_forecaster("ms-convlstm")


@pytest.mark.parametrize("name", ["ms-lstm", "ms-preciplstm"])
def test_the_networks_of_the_service_forecast_with_the_weights_that_are_shipped(name: str) -> None:
    torch.set_num_threads(1)
    forecaster = model_zoo.load_forecaster(name, device="cpu")
    forecast = forecaster(showers(), horizon=4)
    assert forecast.sizes == {"lead_time": 4, "y": 40, "x": 44}
    assert len(forecast.attrs["weights"]) == 64
    known = forecast.notnull()
    assert known.any()
    assert (forecast.where(known, 0) >= 0).all()
    probabilities = [
        forecast[f"exceedance_probability_{threshold}"] for threshold in ("0.5", "2", "5")
    ]
    for likelier, rarer in itertools.pairwise(probabilities):
        assert (rarer.where(known, 0) <= likelier.where(known, 0)).all()
    assert all(
        ((probability >= 0) & (probability <= 1)).where(known, other=True).all()
        for probability in probabilities
    )
    assert float(probabilities[0].max()) > 0.5, "it rains hard in there"


def showers() -> xr.DataArray:
    """A shower of 10 mm/h that drifts a cell in ten minutes, every ten minutes for 90."""
    time = np.datetime64("2020-09-07T12:00", "ns") + np.arange(10) * np.timedelta64(10, "m")
    rate = np.zeros((10, 40, 44), np.float32)
    for number in range(10):
        rate[number, 14:24, 10 + number : 22 + number] = 10
    return xr.DataArray(rate, {"time": time}, ("time", "y", "x"))


def test_a_published_network_is_loaded_by_its_own_names(shared: Path) -> None:
    with np.load(shared / "parity" / "MS-LSTM.npz") as kit:
        weights = {key[2:]: kit[key] for key in kit.files if key.startswith("w/")}
        frames, expected = kit["input"], kit["y_autoregressive"]
    network = model_zoo.reference.load("MS-LSTM", weights).double()
    given = torch.from_numpy(frames[:3]).double().transpose(0, 1)
    found = network(given, horizon=3).frames.transpose(0, 1).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-10)
