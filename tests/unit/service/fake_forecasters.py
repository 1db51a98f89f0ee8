"""Forecasters for tests of what the service does with them."""

from xarray import DataArray

from model_zoo.forecasters.baselines import Persistence
from model_zoo.forecasters.contract import HORIZON, STEP_MINUTES, Forecaster, Needs, minutes
from service.pipeline.served_models import Forecasters


class FakeForecasters(Forecasters):
    """Forecasters that are at hand, all of them served."""

    def __init__(self, *stock: Forecaster) -> None:
        super().__init__([forecaster.name for forecaster in stock], device="cpu")
        self.stock = {forecaster.name: forecaster for forecaster in stock}

    def get(self, name: str | None) -> Forecaster:
        return self.stock[name or self.default]


class Demanding(Persistence):
    """Wants what a network wants."""

    name = "demanding"
    needs = Needs(minutes(90, 60, 30, 0))


class Broken(Persistence):
    """Fails with an error that is no domain error."""

    name = "broken"

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        raise RuntimeError("out of order")
