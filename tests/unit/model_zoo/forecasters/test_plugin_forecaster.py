"""Forecasters of packages: what they say of themselves, and what they return, is checked."""

from collections.abc import Callable

import numpy as np
import pytest
from xarray import DataArray

from model_zoo.errors import BadForecast
from model_zoo.forecasters.baselines import Persistence
from model_zoo.forecasters.contract import HORIZON, STEP_MINUTES, NotEnoughFrames
from model_zoo.forecasters.plugin_forecaster import CheckedForecaster, accepted_forecaster
from tests.showers import frame

FRAMES = frame(0)


class Mine(Persistence):
    """A forecaster of a package, which changes its forecast."""

    name = "mine"

    def __init__(self, change: Callable[[DataArray], object] = lambda forecast: forecast) -> None:
        self.change = change

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        return self.change(super().__call__(frames, horizon, step_minutes))  # type: ignore[return-value]


def test_a_good_forecaster_forecasts_as_it_is() -> None:
    make = accepted_forecaster("mine", Mine)
    assert make().needs == Persistence.needs
    forecast = make()(FRAMES, 3, 10)
    np.testing.assert_array_equal(forecast, Persistence()(FRAMES, 3, 10))
    assert forecast.attrs["model"] == "mine"


def test_its_own_errors_stay_as_they_are() -> None:
    with pytest.raises(NotEnoughFrames):
        accepted_forecaster("mine", Mine)()(FRAMES.isel(time=[]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("text", "should be a class or function"),
        (dict, r"\{\} should be a model_zoo.forecasters.contract.Forecaster"),
        (Persistence, "calls itself 'persistence', should be 'mine'"),
        (type("Odd", (Mine,), {"weights": "../x"}), "weights are '../x'"),
    ],
)
def test_what_is_no_forecaster_is_refused(given: object, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        accepted_forecaster("mine", given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda forecast: None, "returned NoneType"),
        (lambda forecast: forecast.rename(lead_time="lead"), "'lead': 4"),
        (lambda forecast: forecast.isel(x=slice(9)), "should be {'lead_time': 4"),
        (lambda forecast: forecast.isel(lead_time=slice(None, None, -1)), "returned leads"),
        (lambda forecast: -forecast - 1, "should be 0 to 500"),
        (lambda forecast: forecast + np.inf, "should be 0 to 500"),
        (lambda f: f.assign_coords(forecast_reference_time=np.datetime64(0, "ns")), "issue"),
        (lambda f: f.drop_vars("lead_time"), "without lead_time"),
    ],
)
def test_a_forecast_that_breaks_the_contract_is_a_clear_error(
    change: Callable[[DataArray], object], message: str
) -> None:
    with pytest.raises(BadForecast, match=message):
        CheckedForecaster(Mine(change))(FRAMES, 4, 30)
