"""The baselines on real radar: advection has to beat persistence at every lead."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from xarray import DataArray, Dataset

from model_zoo.forecasters.by_name import load_forecaster
from verification import common_mask, count, csi, match


@pytest.fixture(scope="module")
def frames(shared: Path) -> DataArray:
    """Widespread rain over the Netherlands, every 5 minutes; no data outside the country."""
    with np.load(shared / "data" / "corpus" / "knmi_20100826_5km.npz") as file:
        stored, times = file["rate_x100"], file["time"]
    rates = np.where(stored == 65535, np.nan, stored / 100).astype(np.float32)
    coords = {"time": times.astype("datetime64[ns]"), "x": 5000.0 * np.arange(rates.shape[2])}
    return DataArray(rates, coords, ("time", "y", "x"))


def test_advection_beats_persistence_at_every_lead(frames: DataArray) -> None:
    """Over the event: from a single start persistence may well be luckier."""
    forecasters = [load_forecaster(name) for name in ("persistence", "advection")]
    counts: list[list[Dataset]] = [[], []]
    for start in np.arange("2010-08-26T00:30", "2010-08-26T05:31", 30, dtype="M8[m]"):
        past = frames.sel(time=slice(None, start))
        forecasts = [forecaster(past) for forecaster in forecasters]
        observed = match(forecasts[0], frames)
        compared = observed.where(common_mask(*forecasts, observed=observed))
        for kept, forecast in zip(counts, forecasts, strict=True):
            counted = count(forecast, compared, [0.5], ["y", "x"])
            kept.append(counted.drop_vars(["time", "forecast_reference_time"]))
    staying, moving = (csi(xr.concat(kept, "start").sum("start")) for kept in counts)
    assert (moving > staying + 0.1).all()
