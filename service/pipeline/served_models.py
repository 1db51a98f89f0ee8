"""The models of a deployment, each loaded once on first use.

PyTorch is imported with the first of them, since the API is ready before it is loaded.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Lock, RLock
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from xarray import DataArray

from ingest.grid import MODEL_FACTOR, NATIONAL_SPHERE
from ingest.precipitation import SIMULATED, make
from model_zoo.device import is_device_failure, named, use_threads
from model_zoo.errors import UnknownModel
from model_zoo.forecasters.contract import HORIZON, STEP_MINUTES, Forecaster, Needs

if TYPE_CHECKING:
    from model_zoo.forecasters.blend import Blend, BlendTable

log = logging.getLogger(__name__)

AUTO = "auto"
"""Name of the forecast of the best model at each lead time."""
PROVIDER_MODEL = {"RV": "dwd-rv"}
"""Model names of the provider's own forecasts, by product."""


class Forecasters:
    """Forecasters by name.

    Args:
        served: Names of scheduled models; the first is the default.
        weights: Folder of additional checkpoints.
        device: PyTorch device of networks, or "auto" for the GPU if there is one. If it fails, the
            CPU makes the forecast.
        threads: CPU threads of a network; 0 for PyTorch's default.
        bf16: Whether networks can run in bfloat16.

    Attributes:
        served: Names of scheduled models.
        on_fallback: Called with the name of the model when the CPU takes over.
        on_forecast: Called after each forecast with the name of the model and its duration in s.
    """

    def __init__(
        self,
        served: Sequence[str],
        weights: Path | None = None,
        device: str = "auto",
        threads: int = 0,
        *,
        bf16: bool = False,
    ) -> None:
        self.served = tuple(served)
        self.on_fallback: Callable[[str], object] = lambda model: None
        self.on_forecast: Callable[[str, float], object] = lambda model, seconds: None
        self._device, self._bf16 = device, bf16
        use_threads(threads)
        self._weights = weights
        self._loaded: dict[str, Forecaster] = {}
        self._lock = Lock()
        self._on_devices: dict[tuple[str, str], Forecaster] = {}
        self._devices_lock = RLock()

    @property
    def device(self) -> str:
        """PyTorch device of networks."""
        return str(named(self._device))

    @property
    def default(self) -> str:
        """Name of the default model."""
        return self.served[0]

    def get(self, name: str | None) -> Forecaster:
        """Return the forecaster with a name, or the default.

        Raises:
            UnknownModel: There is no model of this name.
            NoWeights: The network has no trained weights.
        """
        name = name or self.default
        with self._lock:
            from model_zoo.forecasters.by_name import SUFFIX

            if "/" in name or name.endswith(SUFFIX):
                raise UnknownModel(f"model is {name!r}, should be a name, not a path")
            if name not in self._loaded:
                self._loaded[name] = self._load(name)
            return self._loaded[name]

    def named(self, name: str | None) -> tuple[str, str]:
        """Return name and weights in the keys of forecasts, also of `auto` and the provider's.

        Raises:
            UnknownModel: There is no model of this name.
            NoWeights: The network has no trained weights.
        """
        if name is not None and name in (AUTO, *PROVIDER_MODEL.values()):
            return name, "none"
        forecaster = self.get(name)
        return forecaster.name, forecaster.weights

    def all_served(self) -> list[Forecaster]:
        """Return the scheduled models.

        Raises:
            UnknownModel: There is no model of a name.
            NoWeights: A network has no trained weights.
        """
        return [self.get(name) for name in self.served]

    def warm(self) -> None:
        """Load all served models and run each once, so that the first forecast is not slower."""
        for forecaster in self.all_served():
            forecaster(sample_frames(forecaster.needs))

    def _load(self, name: str) -> Forecaster:
        from model_zoo.forecasters.by_name import BASELINES

        device = "cpu" if name in BASELINES else self._device
        return Served(partial(self._on, name), device, self._on_fallback, self._on_forecast)

    def _on(self, name: str, device: str) -> Forecaster:
        """The forecaster on a device, the same for the blends it is a member of."""
        from model_zoo import load_forecaster

        with self._devices_lock:
            key = name, device
            if key not in self._on_devices:
                self._on_devices[key] = load_forecaster(
                    name,
                    device=device,
                    weights_folder=self._weights,
                    bf16=self._bf16,
                    member=partial(self._on, device=device),
                )
            return self._on_devices[key]

    def _on_fallback(self, model: str) -> None:
        self.on_fallback(model)  # looked up at each call: it can be set after loading

    def _on_forecast(self, model: str, seconds: float) -> None:
        self.on_forecast(model, seconds)


class Served:
    """A forecaster with callbacks, which falls back to the CPU if the device fails.

    The device is first used by the first forecast: a process that makes none does not touch it.

    Args:
        load: Loads the forecaster onto a device.
        device: PyTorch device, or "auto".
        on_fallback: Called with the name of the model each time the device fails.
        on_forecast: Called after each forecast with the name of the model and its duration in s.
    """

    def __init__(
        self,
        load: Callable[..., Forecaster],
        device: str,
        on_fallback: Callable[[str], object],
        on_forecast: Callable[[str, float], object],
    ) -> None:
        self._load, self._device = load, device
        self._on_fallback, self._on_forecast = on_fallback, on_forecast
        self._on_cpu = load(device="cpu")
        self._on_device: Forecaster | None = None

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._on_cpu.name

    @property
    def weights(self) -> str:
        """SHA-256 of the weights, or "none"."""
        return self._on_cpu.weights

    @property
    def needs(self) -> Needs:
        """Required and optional input frames."""
        return self._on_cpu.needs

    @property
    def blend(self) -> "Blend | None":
        """The forecaster if it is a blend."""
        from model_zoo.forecasters.blend import Blend

        return self._on_cpu if isinstance(self._on_cpu, Blend) else None

    def with_table(self, table: "BlendTable") -> "Served":
        """The same blend with its members weighed by another table.

        Raises:
            TypeError: It is no blend.
        """
        from model_zoo.forecasters.blend import Blend

        def load(device: str) -> Forecaster:
            blend = self._load(device=device)
            if not isinstance(blend, Blend):
                raise TypeError(f"{self.name} is no blend and has no table")
            return blend.with_table(table)

        return Served(load, self._device, self._on_fallback, self._on_forecast)

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        """Forecast (lead_time, y, x) in mm/h from frames (time, y, x) in mm/h; NaN is no data."""
        started = perf_counter()
        forecast = self._forecast(frames, horizon, step_minutes)
        self._on_forecast(self.name, perf_counter() - started)
        return forecast

    def _forecast(self, frames: DataArray, horizon: int, step_minutes: int) -> DataArray:
        try:
            if self._on_device is None:
                device = str(named(self._device))
                self._on_device = self._on_cpu if device == "cpu" else self._load(device=device)
            return self._on_device(frames, horizon, step_minutes)
        except Exception as error:
            if self._on_device is self._on_cpu or not is_device_failure(error):
                raise
            reason = " ".join(str(error).split())
            log.warning("%s failed on %s, the CPU takes over: %s", self.name, self._device, reason)
        self._on_fallback(self.name)
        return self._on_cpu(frames, horizon, step_minutes)


def sample_frames(needs: Needs) -> DataArray:
    """Return frames (time, y, x) in mm/h of a shower drifting east over the national grid."""
    grid = NATIONAL_SPHERE.coarser(MODEL_FACTOR)
    newest = np.datetime64("2000-01-01T12:00", "ns")
    y, x = np.indices(grid.shape, np.float32)
    frames = []
    for time in needs.times(newest):
        east = (time - newest) / np.timedelta64(10, "m") + 90
        rate = 10 * np.exp(-((x - east) ** 2 + (y - 90) ** 2) / 100)
        frames.append(make(rate, time, grid, "made-up", source=SIMULATED))
    return xr.concat(frames, "time", coords="minimal", compat="override", join="override")
