"""Forecasters of installed packages, checked when they are loaded and at each forecast."""

import re
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from ingest.precipitation import HIGHEST, NAME, UNITS
from model_zoo.errors import BadForecast
from model_zoo.forecasters.contract import (
    HORIZON,
    NO_WEIGHTS,
    STEP_MINUTES,
    Forecaster,
    Needs,
    lead_minutes,
    lead_times,
    times_of,
)

DIMS = ("lead_time", "y", "x")
SHA256 = re.compile(r"[0-9a-f]{64}")


def accepted_forecaster(name: str, given: object) -> Callable[[], Forecaster]:
    """Make a forecaster from what an entry point refers to, and check what it says of itself.

    Args:
        name: Of the entry point.
        given: Called without arguments, returns the forecaster: a class or a function.

    Returns:
        Returns the forecaster, always the same.

    Raises:
        TypeError: It is no `Forecaster`. Making it may raise anything else.
        ValueError: It has another name, or weights that are no SHA-256.
    """
    if not callable(given):
        raise TypeError(f"{given!r} should be a class or function that returns a forecaster")
    forecaster: Forecaster = given()
    if not callable(forecaster) or not isinstance(getattr(forecaster, "needs", None), Needs):
        raise TypeError(f"{forecaster!r} should be a model_zoo.forecasters.contract.Forecaster")
    if forecaster.name != name:
        raise ValueError(f"the forecaster calls itself {forecaster.name!r}, should be {name!r}")
    if forecaster.weights != NO_WEIGHTS and not SHA256.fullmatch(str(forecaster.weights)):
        raise ValueError(
            f"weights are {forecaster.weights!r}, should be a SHA-256 or {NO_WEIGHTS!r}"
        )
    return partial(CheckedForecaster, forecaster)


class CheckedForecaster:
    """A forecaster of a package, whose forecasts keep the contract or raise a clear error."""

    def __init__(self, forecaster: Forecaster) -> None:
        self._forecaster = forecaster
        self.name, self.weights, self.needs = forecaster.name, forecaster.weights, forecaster.needs

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        """Forecast (lead_time, y, x) in mm/h from frames (time, y, x); see `Forecaster`.

        Raises:
            BadForecast: The package's forecast breaks the contract.
        """
        leads = lead_times(lead_minutes(horizon, step_minutes))
        forecast = self._forecaster(frames, horizon, step_minutes)
        if not isinstance(forecast, DataArray):
            raise BadForecast(f"{self.name} returned {type(forecast).__name__}, should be a field")
        try:
            check_field(forecast, times_of(frames)[-1], leads, frames.shape[1:])
        except BadForecast as error:
            raise BadForecast(f"{self.name} returned {error}") from None
        stated = {"model": self.name, "weights": self.weights, "units": UNITS}
        return forecast.astype(np.float32).rename(NAME).assign_attrs(stated)


def check_field(
    forecast: DataArray,
    issue: np.datetime64,
    leads: NDArray[np.timedelta64],
    shape: tuple[int, ...],
) -> None:
    """Check a forecast against the contract.

    Args:
        forecast: In mm/h.
        issue: Time of the newest frame.
        leads: That it should have, (lead_time,).
        shape: Rows and columns of the frames.

    Raises:
        BadForecast: It breaks it; the message goes on after "returned".
    """
    if forecast.dims != DIMS or forecast.shape != (len(leads), *shape):
        found = dict(zip(forecast.dims, forecast.shape, strict=True))
        wanted = dict(zip(DIMS, (len(leads), *shape), strict=True))
        raise BadForecast(f"a field {found}, should be {wanted}")
    for name in ("lead_time", "forecast_reference_time", "time"):
        if name not in forecast.coords:
            raise BadForecast(f"a field without {name}; make it by contract.make_forecast")
    if not np.array_equal(forecast["lead_time"].to_numpy(), leads):
        raise BadForecast(f"leads {forecast['lead_time'].to_numpy()}, should be {leads}")
    if forecast["forecast_reference_time"].to_numpy() != issue:
        raise BadForecast(f"another issue than the time of the newest frame, {issue}")
    rate = forecast.to_numpy()
    lowest, highest = np.fmin.reduce(rate, None), np.fmax.reduce(rate, None)
    if lowest < 0 or highest > HIGHEST:
        raise BadForecast(f"{lowest:g} to {highest:g} mm/h, should be 0 to {HIGHEST:g}")
