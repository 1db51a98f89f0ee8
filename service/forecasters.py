"""The models of a deployment: loaded when first asked for, once."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from model_zoo import load_forecaster
from model_zoo.errors import UnknownModel
from model_zoo.forecaster import SUFFIX, Forecaster

PROVIDER_MODEL = {"RV": "dwd-rv"}
"""Name under which a provider's own forecast is kept and verified, by product."""


class Forecasters:
    """Forecasters by name.

    Args:
        served: Names that are forecast by schedule; the first is the default.
        weights: Folder of more checkpoints.
    """

    def __init__(self, served: Sequence[str], weights: Path | None = None) -> None:
        self.served = tuple(served)
        self._weights = weights
        self._loaded: dict[str, Forecaster] = {}
        self._lock = Lock()

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
                self._loaded[name] = load_forecaster(name, weights_folder=self._weights)
            return self._loaded[name]

    def named(self, name: str | None) -> tuple[str, str]:
        """Name and weights under which the forecasts of a model are kept, providers' included.

        Raises:
            UnknownModel, NoWeights: As `get`.
        """
        if name is not None and name in PROVIDER_MODEL.values():
            return name, "none"
        forecaster = self.get(name)
        return forecaster.name, forecaster.weights

    def all_served(self) -> list[Forecaster]:
        return [self.get(name) for name in self.served]
