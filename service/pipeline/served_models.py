"""The models of a deployment: loaded when first asked for, once."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from time import perf_counter

import numpy as np
import xarray as xr
from xarray import DataArray

from ingest.grid import MODEL_FACTOR, NATIONAL_SPHERE
from ingest.precipitation import SIMULATED, make
from model_zoo import load_forecaster
from model_zoo.device import is_device_failure, named, use_threads
from model_zoo.errors import UnknownModel
from model_zoo.forecasters.by_name import BASELINES, SUFFIX
from model_zoo.forecasters.contract import Forecaster, Needs

log = logging.getLogger(__name__)

AUTO = "auto"
"""Name of the forecasts that are those of the best model, lead by lead."""
PROVIDER_MODEL = {"RV": "dwd-rv"}
"""Name under which a provider's own forecast is kept and verified, by product."""


class Forecasters:
    """Forecasters by name.

    Args:
        served: Names that are forecast by schedule; the first is the default.
        weights: Folder of more checkpoints.
        device: Where networks run, as torch names it, or "auto" for the GPU if there is one. What
            fails there is done by the processor instead.
        threads: Of the processor, for a network; 0 leaves it to torch.
        bf16: Whether networks may run in bfloat16.

    Attributes:
        fallbacks: How many forecasts the processor made because the device failed.
        on_fallback: Called at each of them with the name of the model.
        on_forecast: Called after each forecast with the name of the model and how many seconds it
            took.
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
        self.fallbacks = 0
        self.on_fallback: Callable[[str], object] = lambda model: None
        self.on_forecast: Callable[[str, float], object] = lambda model, seconds: None
        self._device, self._bf16 = device, bf16
        use_threads(threads)
        self._weights = weights
        self._loaded: dict[str, Forecaster] = {}
        self._lock = Lock()

    @property
    def device(self) -> str:
        """Where networks run, as torch names it."""
        return str(named(self._device))

    @property
    def default(self) -> str:
        return self.served[0]

    def get(self, name: str | None) -> Forecaster:
        """The forecaster of a name, or the default.

        Raises:
            UnknownModel: There is no such model.
            NoWeights: It is a network that nobody has trained.
        """
        name = name or self.default
        if "/" in name or name.endswith(SUFFIX):
            raise UnknownModel(f"model is {name!r}, should be a name and no path")
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._load(name)
            return self._loaded[name]

    def named(self, name: str | None) -> tuple[str, str]:
        """Name and weights under which the forecasts of a model are kept, also of those that are
        nobody's own: a provider's, and the best of several.

        Raises:
            UnknownModel, NoWeights: As `get`.
        """
        if name is not None and name in (AUTO, *PROVIDER_MODEL.values()):
            return name, "none"
        forecaster = self.get(name)
        return forecaster.name, forecaster.weights

    def all_served(self) -> list[Forecaster]:
        return [self.get(name) for name in self.served]

    def warm(self) -> None:
        """Load all served models and forecast once with each, so that the first forecast that
        counts takes no longer than the next."""
        for forecaster in self.all_served():
            forecaster(made_up_frames(forecaster.needs))

    def _load(self, name: str) -> Forecaster:
        load = partial(load_forecaster, name, weights_folder=self._weights, bf16=self._bf16)
        device = "cpu" if name in BASELINES else self._device
        return Served(load, device, self._fell_back, self.on_forecast)

    def _fell_back(self, model: str) -> None:
        self.fallbacks += 1
        self.on_fallback(model)


class Served:
    """A forecaster whose work is told of. A forecast that fails for the sake of the device is made
    by the processor. The device is touched by the first forecast: a process that makes none leaves
    it alone.

    Args:
        load: Loads the forecaster onto the device of a name.
        on_fallback: Called with the name of the model each time the device fails.
        on_forecast: Called after each forecast with the name and how many seconds it took.
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
        self._spare = load(device="cpu")
        self._on_device: Forecaster | None = None

    @property
    def name(self) -> str:
        return self._spare.name

    @property
    def weights(self) -> str:
        return self._spare.weights

    @property
    def needs(self) -> Needs:
        return self._spare.needs

    def __call__(self, frames: DataArray, horizon: int = 4) -> DataArray:
        begun = perf_counter()
        made = self._forecast(frames, horizon)
        self._on_forecast(self.name, perf_counter() - begun)
        return made

    def _forecast(self, frames: DataArray, horizon: int) -> DataArray:
        try:
            if self._on_device is None:
                device = str(named(self._device))
                self._on_device = self._spare if device == "cpu" else self._load(device=device)
            return self._on_device(frames, horizon)
        except Exception as error:
            if self._on_device is self._spare or not is_device_failure(error):
                raise
            said = " ".join(str(error).split())
            log.warning("%s failed on %s, the CPU takes over: %s", self.name, self._device, said)
        self._on_fallback(self.name)
        return self._spare(frames, horizon)


def made_up_frames(needs: Needs) -> DataArray:
    """A shower that drifts east over the national grid: frames to try a forecaster on."""
    grid = NATIONAL_SPHERE.coarser(MODEL_FACTOR)
    newest = np.datetime64("2000-01-01T12:00", "ns")
    y, x = np.indices(grid.shape, np.float32)
    frames = []
    for time in needs.times(newest):
        east = (time - newest) / np.timedelta64(10, "m") + 90
        rate = 10 * np.exp(-((x - east) ** 2 + (y - 90) ** 2) / 100)
        frames.append(make(rate, time, grid, "made-up", source=SIMULATED))
    return xr.concat(frames, "time", coords="minimal", compat="override", join="override")
