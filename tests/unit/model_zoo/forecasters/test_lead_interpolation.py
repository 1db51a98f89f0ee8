"""Forecasts at steps of 5 minutes: of baselines, and between the half hours of a network."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from xarray import DataArray

from ingest.precipitation import exceedance_probabilities
from model_zoo.forecasters.baselines import Advection, Persistence
from model_zoo.forecasters.contract import Forecaster, NotEnoughFrames, make_forecast
from model_zoo.forecasters.lead_interpolation import with_step
from model_zoo.forecasters.sprog import SPROG

ISSUE = np.datetime64("2020-09-07T14:00", "ns")
SIDE = 64
THRESHOLDS = (0.5, 5.0)
HALF_HOUR = np.timedelta64(30, "m")


def shower(minutes: float, cells_per_minute: float = 0.2) -> NDArray[np.float32]:
    """A shower of 16 mm/h that moves east, (y, x) in mm/h."""
    y, x = np.mgrid[:SIDE, :SIDE]
    middle = 20 + cells_per_minute * minutes
    rate: NDArray[np.float32] = 16 * np.exp(-((x - middle) ** 2 + (y - 32) ** 2) / 18)
    return rate.astype(np.float32)


def frames(*, ages: tuple[int, ...] = tuple(range(90, -1, -5))) -> DataArray:
    """Frames of the shower over a west that no radar sees."""
    rates = np.stack([shower(-age) for age in ages])
    rates[:, :, :4] = np.nan
    rates[rates < 0.1] = 0
    time = ISSUE - np.array(ages, "timedelta64[m]")
    return DataArray(rates, {"time": time}, ("time", "y", "x"))


class HalfHourly(Advection):
    """Advection with probabilities, which speaks of half hours only as a network does."""

    name = "half-hourly"

    def __call__(self, frames: DataArray, horizon: int = 4, step_minutes: int = 30) -> DataArray:
        return with_step(self.half_hourly, frames, horizon, step_minutes, self.name)

    def half_hourly(self, frames: DataArray, horizon: int) -> DataArray:
        rate = super().__call__(frames, horizon).to_numpy()
        probabilities = {
            least: np.asarray(rate / (rate + least), np.float32) for least in THRESHOLDS
        }
        return make_forecast(rate, frames, self, probabilities)


@pytest.mark.parametrize("forecaster", [Persistence(), Advection(), SPROG(), HalfHourly()])
def test_half_hours_are_the_same_at_every_step(forecaster: Forecaster) -> None:
    whole = forecaster(frames())
    fine = forecaster(frames(), horizon=24, step_minutes=5)
    minutes = fine["lead_time"] / np.timedelta64(1, "m")
    np.testing.assert_array_equal(minutes, np.arange(5, 121, 5))
    np.testing.assert_array_equal(fine["time"], ISSUE + fine["lead_time"].to_numpy())
    some = fine.sel(lead_time=whole["lead_time"])
    np.testing.assert_array_equal(some, whole)
    assert some.attrs == whole.attrs
    assert exceedance_probabilities(some).keys() == exceedance_probabilities(whole).keys()
    for threshold, probability in exceedance_probabilities(whole).items():
        np.testing.assert_array_equal(exceedance_probabilities(some)[threshold], probability)


def test_a_shower_neither_jumps_nor_vanishes_between_half_hours() -> None:
    fine = HalfHourly()(frames(), horizon=24, step_minutes=5).to_numpy()
    fields = [frames().to_numpy()[-1], *fine]
    columns = [np.nansum(field * np.arange(SIDE)) / np.nansum(field) for field in fields]
    moved = np.diff(columns)
    assert 0.6 < moved.min() < moved.max() < 1.5  # a cell in five minutes
    for earlier, later in pairwise(fields):
        assert 0.8 < np.nanmax(later) / np.nanmax(earlier) < 1.1
        assert 0.8 < (later >= 1).sum() / (earlier >= 1).sum() < 1.2


def test_the_first_minute_is_nearly_the_radar_frame() -> None:
    first = HalfHourly()(frames(), horizon=1, step_minutes=1).isel(lead_time=0)
    radar = frames().isel(time=-1).to_numpy()
    known = ~np.isnan(radar) & first.notnull().to_numpy()
    assert np.abs(first.to_numpy() - radar)[known].max() < 0.1 * radar[known].max()
    for threshold, probability in exceedance_probabilities(first).items():
        far = known & (np.abs(radar - threshold) > 0.5 * threshold)
        certain = np.abs(probability.to_numpy() - (radar >= threshold))
        assert certain[far].max() < 0.25  # it has moved by a fifth of a cell


def test_probabilities_are_known_where_rain_is_and_fall_with_the_threshold() -> None:
    fine = HalfHourly()(frames(), horizon=24, step_minutes=5)
    gone = fine.isnull().to_numpy()
    assert gone[0].any()
    low, high = (field.to_numpy() for field in exceedance_probabilities(fine).values())
    np.testing.assert_array_equal(np.isnan(low), gone)
    np.testing.assert_array_equal(np.isnan(high), gone)
    assert (high[~gone] <= low[~gone]).all()
    assert 0 <= high[~gone].min() <= low[~gone].max() <= 1


def test_no_data_spreads_from_where_rain_comes_as_in_advection() -> None:
    fine = HalfHourly()(frames(), horizon=24, step_minutes=5)
    gone = Advection()(frames(), horizon=24, step_minutes=5).isnull()
    edge = np.abs(fine.isnull().to_numpy().sum(2) - gone.to_numpy().sum(2))
    assert edge.max() <= 1
    assert gone[-1].sum() > gone[0].sum()


def test_a_standing_echo_stays_at_its_place_between_half_hours() -> None:
    given = frames()
    given[:, 50, 50] = 8.0
    fine = HalfHourly()(given, horizon=12, step_minutes=5)
    np.testing.assert_allclose(fine[:, 50, 50], 8.0, rtol=0.01)
    around = fine[:, 44:57, 44:57].to_numpy().copy()
    around[:, 6, 6] = 0
    assert around.max() < 1


@pytest.mark.parametrize("step", [7, 10, 45])
def test_any_step_can_be_asked_for(step: int) -> None:
    fine = HalfHourly()(frames(), horizon=3, step_minutes=step)
    np.testing.assert_array_equal(fine["lead_time"] / np.timedelta64(step, "m"), [1, 2, 3])
    assert fine.notnull().any(["y", "x"]).all()


@pytest.mark.parametrize("forecaster", [Persistence(), Advection(), SPROG(), HalfHourly()])
def test_no_lead_time_and_no_step_are_refused(forecaster: Forecaster) -> None:
    with pytest.raises(ValueError, match="horizon is 0, should be 1 lead time or more"):
        forecaster(frames(), horizon=0)
    with pytest.raises(ValueError, match="step_minutes is 0, should be 1 minute or more"):
        forecaster(frames(), step_minutes=0)


def test_without_a_frame_of_the_last_half_hour_there_is_nothing_between_half_hours() -> None:
    class Sparse(HalfHourly):
        def half_hourly(self, frames: DataArray, horizon: int) -> DataArray:
            return Persistence()(frames, horizon)

    alone = frames(ages=(60, 0))
    assert len(Sparse()(alone)) == 4
    with pytest.raises(NotEnoughFrames, match=r"half-hourly from .* needs another frame"):
        Sparse()(alone, horizon=24, step_minutes=5)


def test_a_field_without_rain_stays_dry() -> None:
    dry = frames() * 0
    fine = HalfHourly()(dry, horizon=24, step_minutes=5)
    assert float(fine.max()) == 0
    assert fine.lead_time[-1] == 4 * HALF_HOUR
