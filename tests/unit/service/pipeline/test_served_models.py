"""The models of a deployment: loaded once, and made by the processor where the device fails."""

from time import perf_counter

import pytest
import torch
from xarray import DataArray
from xarray.testing import assert_identical

from model_zoo import load_forecaster
from model_zoo.device import is_device_failure
from model_zoo.errors import BadFrames, UnknownModel
from model_zoo.forecasters.contract import HORIZON, STEP_MINUTES, Needs
from model_zoo.forecasters.network import Network
from service.pipeline.served_models import Forecasters, Served, sample_frames

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")


class Shaky:
    """A forecaster on a device that fails a given number of times."""

    weights = "none"

    def __init__(self, device: str, failures: list[Exception]) -> None:
        self.whole, self.failures = load_forecaster("persistence"), failures
        self.name, self.device = "persistence", device

    @property
    def needs(self) -> Needs:
        return self.whole.needs

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        if self.failures and self.device != "cpu":
            raise self.failures.pop(0)
        forecast = self.whole(frames, horizon, step_minutes)
        forecast.attrs["device"] = self.device
        return forecast


def served(failures: list[Exception], fell_back: list[str]) -> Served:
    return Served(
        lambda device: Shaky(device, failures), "cuda", fell_back.append, lambda *took: None
    )


@pytest.mark.parametrize(
    "failure",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
        RuntimeError("Found no NVIDIA driver on your system"),
        AssertionError("Torch not compiled with CUDA enabled"),
    ],
)
def test_the_processor_takes_over_from_a_device_that_fails(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    fell_back: list[str] = []
    forecaster = served([failure], fell_back)
    frames = sample_frames(forecaster.needs)
    forecast = forecaster(frames)
    assert forecast.attrs["device"] == "cpu"
    assert fell_back == ["persistence"]
    assert "persistence failed on cuda, the CPU takes over" in caplog.text
    assert forecaster(frames).attrs["device"] == "cuda", "the next one is tried there again"
    assert fell_back == ["persistence"]


@pytest.mark.parametrize("failure", [ValueError("CUDA"), RuntimeError("shapes"), BadFrames("few")])
def test_what_is_no_fault_of_the_device_is_not_tried_again(failure: Exception) -> None:
    fell_back: list[str] = []
    forecaster = served([failure], fell_back)
    with pytest.raises(type(failure)):
        forecaster(sample_frames(forecaster.needs))
    assert fell_back == []


@NO_GPU
def test_a_device_that_is_not_there_is_never_silence() -> None:
    models = Forecasters(("ms-lstm", "persistence"), device="cuda")
    fell_back: list[str] = []
    models.on_fallback = fell_back.append
    frames = sample_frames(models.get(None).needs)
    assert_identical(models.get(None)(frames), load_forecaster("ms-lstm", device="cpu")(frames))
    assert fell_back == ["ms-lstm"]


@NO_GPU
def test_auto_is_the_processor_where_there_is_nothing_better() -> None:
    models = Forecasters(("persistence",))
    assert models.device == "cpu"
    assert not is_device_failure(MemoryError("CUDA"))


def test_a_process_that_forecasts_nothing_leaves_the_device_alone() -> None:
    models = Forecasters(("ms-lstm",), device="nonsense")
    assert len(models.get(None).weights) == 64
    assert models.get(None).needs.required


def test_every_forecast_is_told_of_with_its_duration() -> None:
    took: list[tuple[str, float]] = []
    models = Forecasters(("persistence", "advection"))
    models.on_forecast = lambda *duration: took.append(duration)
    begun = perf_counter()
    models.warm()
    most = perf_counter() - begun
    assert [name for name, _ in took] == ["persistence", "advection"]
    assert all(0 < seconds <= most for _, seconds in took)


@pytest.mark.parametrize("name", ["../weights", "ms-lstm.safetensors", "unet"])
def test_only_models_of_the_zoo_are_served(name: str) -> None:
    with pytest.raises(UnknownModel):
        Forecasters(("persistence",)).get(name)


def test_a_blend_takes_the_forecasts_of_the_networks_that_are_served_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs: list[str] = []
    predict = Network.predict

    def counted(network: Network, *arguments: object) -> object:
        runs.append(network.name)
        return predict(network, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Network, "predict", counted)
    forecasters = Forecasters(["blend", "ms-lstm", "ms-preciplstm"], device="cpu")
    frames = sample_frames(forecasters.get("blend").needs)
    forecasts = [forecaster(frames, 3, 10) for forecaster in forecasters.all_served()]
    assert sorted(runs) == ["ms-lstm", "ms-preciplstm"]
    alone = load_forecaster("blend", device="cpu")(frames, 3, 10)
    assert_identical(forecasts[0].drop_attrs(), alone.drop_attrs())


def test_a_forecast_that_is_changed_does_not_change_the_next() -> None:
    forecaster = load_forecaster("ms-lstm", device="cpu")
    frames = sample_frames(forecaster.needs)
    first = forecaster(frames)
    kept = first.copy(deep=True)
    first[:] = 99
    assert_identical(forecaster(frames).drop_attrs(), kept.drop_attrs())
