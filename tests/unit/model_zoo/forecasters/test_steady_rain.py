"""Rain that neither moves nor changes is forecast as it is, by every model that is served."""

import numpy as np
import pytest
from numpy.typing import NDArray
from xarray import DataArray

from model_zoo.forecasters.by_name import load_forecaster

Array = NDArray[np.float32]

SIDE = 100
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]
AWAY = np.hypot(ROWS - SIDE // 2, COLUMNS - SIDE // 2)
SHAPES = {
    "disc of 240 km": np.clip((30 - AWAY) / 6, 0, 1),
    "disc of 100 km": np.clip((13 - AWAY) / 3, 0, 1),
    "band of 90 km": np.clip((12 - np.abs(ROWS - SIDE // 2)) / 3, 0, 1),
}
RATES = (0.3, 12.0, 40.0)
"""mm/h."""


def steady(field: Array) -> DataArray:
    """95 minutes of a field (y, x) that stays."""
    times = np.datetime64("2024-06-01T12:00", "ns") - np.arange(19, -1, -1) * np.timedelta64(5, "m")
    metres = 5000.0 * np.arange(SIDE)
    coordinates = {"time": times, "y": -metres, "x": metres}
    return DataArray(np.repeat(field[None], 20, 0), coordinates, ("time", "y", "x"))


@pytest.mark.parametrize("name", ["blend", "ms-lstm", "ms-preciplstm", "s-prog"])
@pytest.mark.parametrize("shape", SHAPES)
def test_steady_rain_stays_where_and_as_hard_as_it_is(name: str, shape: str) -> None:
    forecaster, core = load_forecaster(name), SHAPES[shape] == 1
    ratios = np.array(
        [
            forecaster(steady((rate * SHAPES[shape]).astype(np.float32)))
            .to_numpy()[:, core]
            .mean(1)
            / rate
            for rate in RATES
        ]
    )
    np.testing.assert_allclose(ratios[:, :2], 1, atol=0.1)
    np.testing.assert_allclose(ratios[:, 2:], 1, atol=0.2 if name.startswith("ms-") else 0.1)
