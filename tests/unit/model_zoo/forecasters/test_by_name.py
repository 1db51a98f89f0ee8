"""Forecasters by name, and networks from frames to forecasts."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from xarray import DataArray

from model_zoo import intensity
from model_zoo.checkpoints import checkpoint
from model_zoo.errors import BadCheckpoint, NoWeights, UnknownModel
from model_zoo.forecasters import by_name as forecaster_module
from model_zoo.forecasters.by_name import BASELINES, load_forecaster
from model_zoo.forecasters.contract import NotEnoughFrames
from model_zoo.nowcaster import Nowcaster
from model_zoo.zoo import MODELS, build

ISSUE = np.datetime64("2020-09-07T14:00", "ns")
MODEL = "ms-convlstm"  # halves its grid twice


@pytest.fixture(scope="module")
def network() -> Nowcaster:
    """Random weights, as if trained."""
    torch.manual_seed(0)
    return build(MODEL, channels=4).eval()


@pytest.fixture
def weights(network: Nowcaster, tmp_path: Path) -> Path:
    path = tmp_path / f"{MODEL}.safetensors"
    checkpoint.save(
        path,
        network,
        model=MODEL,
        channels=4,
        scale="reflectivity",
        experiment={},
        provenance={},
    )
    return path


def frames(rows: int = 16, columns: int = 20, step: int = 30, count: int = 4) -> DataArray:
    random = np.random.default_rng(0)
    rates = random.gamma(0.3, 4, (count, rows, columns)).astype(np.float32)
    time = ISSUE - np.timedelta64(step, "m") * np.arange(count)[::-1]
    return DataArray(rates, {"time": time}, ("time", "y", "x"))


def test_a_checkpoint_forecasts_by_its_path(weights: Path) -> None:
    forecaster = load_forecaster(weights)
    assert forecaster.name == MODEL
    assert forecaster.weights == hashlib.sha256(weights.read_bytes()).hexdigest()
    forecast = forecaster(frames(), horizon=3)
    assert forecast.sizes == {"lead_time": 3, "y": 16, "x": 20}
    assert forecast.dtype == np.float32
    assert forecast.attrs["weights"] == forecaster.weights
    assert len(forecast.attrs["radar_times"].split()) == 4
    assert float(forecast.min()) >= 0
    xr.testing.assert_identical(forecast, load_forecaster(str(weights))(frames(), horizon=3))


def test_a_forecast_is_what_the_network_says_in_its_own_scale(
    weights: Path, network: Nowcaster
) -> None:
    given, scale = frames(), intensity.SCALES["reflectivity"]
    with torch.no_grad():
        scaled = scale.encode(torch.from_numpy(given.values))[None, :, None]
        expected = scale.decode(network(scaled, horizon=2).frames[0, 3:, 0])
    np.testing.assert_allclose(load_forecaster(weights)(given, horizon=2), expected, rtol=1e-5)


@pytest.mark.parametrize(("step", "count"), [(5, 19), (10, 10), (15, 7), (30, 6)])
def test_a_network_picks_its_frames_by_their_times(weights: Path, step: int, count: int) -> None:
    forecaster = load_forecaster(weights)
    given = frames(step=step, count=count)
    picked = given.sel(time=ISSUE - np.array([90, 60, 30, 0], "timedelta64[m]"))
    xr.testing.assert_identical(forecaster(given), forecaster(picked))
    assert list(picked["time"].values) == forecaster.needs.times(ISSUE)


def test_a_missing_frame_is_named(weights: Path) -> None:
    with pytest.raises(NotEnoughFrames, match="2020-09-07T13:00:00Z missing, got") as error:
        load_forecaster(weights)(frames(count=6).isel(time=[0, 1, 2, 4, 5]))
    assert MODEL in str(error.value)


def test_a_network_forecasts_no_data_where_the_newest_frame_has_none(weights: Path) -> None:
    given = frames()
    given[0, :4] = np.nan
    given[-1, 6:9, 5:9] = np.nan
    gone = load_forecaster(weights)(given).isnull()
    for lead in gone:
        np.testing.assert_array_equal(lead, np.isnan(given[-1]))


def test_no_data_reaches_a_network_as_dry(weights: Path) -> None:
    forecaster, given = load_forecaster(weights), frames()
    dry = given.copy(deep=True)
    given[:3, 2:9, 5:9] = np.nan
    dry[:3, 2:9, 5:9] = 0
    np.testing.assert_array_equal(forecaster(given), forecaster(dry))


def test_frames_without_any_data_give_no_forecast(weights: Path) -> None:
    assert load_forecaster(weights)(frames() * np.nan).isnull().all()


@pytest.mark.parametrize(("rows", "columns"), [(13, 17), (4, 5), (1, 1), (15, 20)])
def test_a_network_takes_a_grid_of_any_size(weights: Path, rows: int, columns: int) -> None:
    forecaster, given = load_forecaster(weights), frames(rows, columns)
    forecast = forecaster(given)
    assert forecast.shape == (4, rows, columns)
    padded = given.pad(y=(0, -rows % 4), x=(0, -columns % 4), constant_values=0)
    np.testing.assert_array_equal(forecast, forecaster(padded)[:, :rows, :columns])


def test_a_network_of_the_zoo_forecasts_by_name_with_weights_from_a_folder(weights: Path) -> None:
    forecaster = load_forecaster(MODEL, weights_folder=weights.parent, device="cpu")
    assert forecaster.name == MODEL
    xr.testing.assert_identical(forecaster(frames()), load_forecaster(weights)(frames()))


@pytest.mark.parametrize("name", MODELS)
def test_a_network_without_trained_weights_never_forecasts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecaster_module, "SHIPPED", tmp_path / "shipped")
    with pytest.raises(NoWeights) as error:
        load_forecaster(name, weights_folder=tmp_path)
    message = str(error.value)
    assert str(tmp_path / f"{name}.safetensors") in message
    assert str(tmp_path / "shipped" / f"{name}.safetensors") in message
    assert "nowcast train" in message
    assert "nowcast convert" in message


def test_a_checkpoint_that_is_not_there_is_no_weights(tmp_path: Path) -> None:
    with pytest.raises(NoWeights, match=r"gone\.safetensors"):
        load_forecaster(tmp_path / "gone.safetensors")


def test_weights_of_another_network_are_refused(weights: Path) -> None:
    weights.rename(weights.with_name("ms-lstm.safetensors"))
    with pytest.raises(BadCheckpoint, match="should hold weights of 'ms-lstm' but holds those of"):
        load_forecaster("ms-lstm", weights_folder=weights.parent)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownModel, match="did you mean 'advection'") as error:
        load_forecaster("Advektion")
    assert all(name in str(error.value) for name in [*BASELINES, *MODELS])


@pytest.mark.parametrize("name", ["persistence", "advection"])
def test_baselines_are_loaded_by_name(name: str) -> None:
    forecaster = load_forecaster(name)
    assert (forecaster.name, forecaster.weights) == (name, "none")


def test_weights_in_a_folder_are_a_forecaster_by_their_own_name(
    weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "my-alps.safetensors").write_bytes(weights.read_bytes())
    forecaster = load_forecaster("my-alps", weights_folder=tmp_path)
    assert forecaster.name == "my-alps"
    assert forecaster.weights == load_forecaster(weights).weights
    with pytest.raises(UnknownModel, match="did you mean 'my-alps'"):
        load_forecaster("my-alp", weights_folder=tmp_path)
