"""A forecaster that tells probabilities, for tests of what becomes of them."""

import numpy as np
from xarray import DataArray

from model_zoo.forecasters.baselines import Persistence
from model_zoo.forecasters.contract import HORIZON, STEP_MINUTES, make_forecast

THRESHOLDS = (0.5, 2.0, 5.0)
"""mm/h."""


class ProbabilisticPersistence(Persistence):
    """The newest frame, again and again, and less and less sure of it."""

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        rate = super().__call__(frames, horizon, step_minutes).values
        minutes = step_minutes * np.arange(1, horizon + 1, dtype=np.float32)[:, None, None]
        half_hours = np.maximum(minutes / STEP_MINUTES, 1)
        probabilities = {
            least: np.asarray(rate / (rate + least) / half_hours, np.float32)
            for least in reversed(THRESHOLDS)
        }
        return make_forecast(rate, frames.isel(time=[-1]), self, probabilities, step_minutes)
