"""The neighbourhood of a plain forecast as a probability."""

import numpy as np
import pytest
from xarray import DataArray

from benchmarks.skill.opponents.neighbourhood_probability import neighbourhood
from verification import BadWindow

LEADS = np.array([30], "timedelta64[m]").astype("timedelta64[ns]")


def test_a_neighbourhood_is_the_share_of_its_known_cells_that_reach_the_threshold() -> None:
    rates = np.zeros((1, 5, 5), np.float32)
    rates[0, 1, 1] = 2.0
    rates[0, 4, 4] = np.nan
    forecast = DataArray(rates, {"lead_time": LEADS}, ("lead_time", "y", "x"))
    share = neighbourhood(forecast, [2.0, 5.0], 3).isel(lead_time=0)
    seldom = share.sel(threshold=2.0).values
    assert seldom[1, 1] == seldom[2, 2] == np.float32(1 / 9)
    assert seldom[0, 0] == np.float32(1 / 4)  # at the corner there are four cells
    assert seldom[3, 3] == 0
    assert np.isnan(seldom[4, 4])
    assert float(share.sel(threshold=5.0).max()) == 0
    wet = neighbourhood(forecast * 0 + 3, [2.0], 3)
    assert float(wet.min()) == float(wet.max()) == 1  # also beside the cell without data


def test_a_neighbourhood_has_a_centre() -> None:
    forecast = DataArray(np.zeros((1, 5, 5)), {"lead_time": LEADS}, ("lead_time", "y", "x"))
    with pytest.raises(BadWindow, match="4 cells has no centre"):
        neighbourhood(forecast, [2.0], 4)
