"""Persistence and advection, from frames to forecasts: what they give, keep, and refuse."""

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift
from xarray import DataArray

from model_zoo.errors import BadFrames, ModelError
from model_zoo.forecasters.baselines import Advection, Persistence
from model_zoo.forecasters.contract import Forecaster, NotEnoughFrames
from model_zoo.forecasters.sprog import SPROG

ISSUE = np.datetime64("2020-09-07T14:00", "ns")
NO_TIME = np.datetime64("NaT", "ns")
BASELINES = [Persistence(), Advection()]


def frames(rates: NDArray[np.floating], minutes: list[int], metres: float = 5000) -> DataArray:
    """Rates (time, y, x) as frames so many minutes before the issue."""
    rows, columns = rates.shape[1:]
    coords = {
        "time": ISSUE - np.array(minutes, "timedelta64[m]"),
        "y": metres * np.arange(rows)[::-1],
        "x": metres * np.arange(columns),
        "crs": 0,
    }
    attrs = {"units": "mm h-1", "product": "RY", "grid_mapping": "crs"}
    rates = rates.astype(np.float32)
    return DataArray(rates, coords, ("time", "y", "x"), name="rainfall_rate", attrs=attrs)


def showers(minutes: list[int], side: int = 120, metres: float = 5000) -> DataArray:
    """Rain on its way east by 12 and north by 6 of 120 cells an hour, without growth or decay."""
    noise = np.random.default_rng(3).standard_normal((2 * side, 2 * side))
    height = gaussian_filter(noise, side / 20)
    field = np.where(height > 0, 20 * height / height.max(), 0)
    a_minute = np.array([-6, 12]) / 60 * side / 120
    middle = slice(side // 2, side // 2 + side)
    rates = [shift(field, -a_minute * m, order=1)[middle, middle] for m in minutes]
    return frames(np.stack(rates), minutes, metres)


@pytest.fixture(params=BASELINES, ids=lambda forecaster: forecaster.name)
def baseline(request: pytest.FixtureRequest) -> Forecaster:
    forecaster: Forecaster = request.param
    return forecaster


def test_forecasts_keep_the_contract(baseline: Forecaster) -> None:
    forecast = baseline(showers([10, 5, 0]), horizon=3)
    assert forecast.dims == ("lead_time", "y", "x")
    assert forecast.dtype == np.float32
    assert forecast.name == "rainfall_rate"
    assert forecast["forecast_reference_time"] == ISSUE
    leads = np.array([30, 60, 90], "timedelta64[m]")
    np.testing.assert_array_equal(forecast["lead_time"], leads)
    np.testing.assert_array_equal(forecast["time"], ISSUE + leads)
    assert {"y", "x", "crs"} <= set(forecast.coords)
    assert forecast.attrs["product"] == "RY"
    assert forecast.attrs["model"] == baseline.name
    assert forecast.attrs["weights"] == "none"
    assert forecast.attrs["radar_times"].split()[-1] == "2020-09-07T14:00:00Z"


def test_persistence_is_the_newest_frame_again_and_again() -> None:
    given = showers([5, 0])
    given[-1, :20] = np.nan
    forecast = Persistence()(given)
    assert forecast.sizes["lead_time"] == 4
    for lead in forecast:
        np.testing.assert_array_equal(lead, given[-1])
    assert forecast.attrs["radar_times"] == "2020-09-07T14:00:00Z"


@pytest.mark.parametrize("cadence", [5, 6, 10, 15, 30])
def test_advection_foretells_rain_that_only_moves(cadence: int) -> None:
    forecast = Advection()(showers(list(range(90, -1, -cadence))))
    truth = showers([-30, -60, -90, -120])
    error = np.abs(forecast.values - truth.values)
    inner = error[:, 30:-30, 30:-30]
    assert np.isfinite(inner).all()
    assert inner.mean() < 0.1
    assert np.nanmean(error) < 0.05 * np.nanmean(np.abs(truth.values - showers([0]).values)) + 0.1


def test_advection_works_on_the_national_grid_as_on_the_models() -> None:
    forecast = Advection()(showers([30, 20, 10, 0], side=900, metres=1000))
    truth = showers([-30, -60, -90, -120], side=900, metres=1000)
    assert forecast.shape == (4, 900, 900)
    assert np.nanmean(np.abs(forecast.values - truth.values)) < 0.1


def test_frames_count_by_their_times_not_by_their_number() -> None:
    every_five = showers([30, 25, 20, 15, 10, 5, 0])
    gappy = every_five.isel(time=[0, 2, 3, 6])
    moved = [Advection()(given).values for given in (every_five, gappy)]
    assert np.nanmean(np.abs(moved[0] - moved[1])) < 0.1


def test_advection_looks_back_no_further_than_it_says() -> None:
    recent, older = showers([30, 15, 0]), showers([90, 60, 45])
    older[:] = 99
    with_older = Advection()(xr.concat([older, recent], "time"))
    xr.testing.assert_identical(with_older, Advection()(recent))
    oldest = Advection().needs.times(ISSUE)[0]
    assert recent["time"][0] == oldest


def test_the_frames_given_are_left_as_they_are(baseline: Forecaster) -> None:
    given = showers([10, 5, 0])
    given[:, 3:9, 3:9] = np.nan
    before = given.copy(deep=True)
    baseline(given)
    xr.testing.assert_identical(given, before)


@pytest.mark.parametrize(
    "wet",
    [lambda rate: rate * 0, lambda rate: np.eye(1, rate.size, 1275).reshape(rate.shape) * 7],
    ids=["dry", "one wet cell"],
)
def test_nothing_is_made_up_where_it_hardly_rains(
    baseline: Forecaster, wet: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> None:
    rate = wet(np.ones((50, 50)))
    forecast = baseline(frames(np.stack([rate * 0, rate, rate]), [10, 5, 0]))
    for lead in forecast.values:
        np.testing.assert_array_equal(lead, rate.astype(np.float32))


def test_no_data_anywhere_is_no_forecast(baseline: Forecaster) -> None:
    assert baseline(frames(np.full((3, 20, 30), np.nan), [10, 5, 0])).isnull().all()


def test_no_data_never_becomes_dry() -> None:
    given = showers([10, 5, 0]) + 1  # nowhere dry
    given[:, 40:80, 40:80] = np.nan
    forecast = Advection()(given)
    assert float(forecast.min()) >= 0.99
    lost = forecast.isnull().sum(["y", "x"])
    assert (lost > 40 * 40).all()  # the hole, and what comes from outside
    assert not forecast.isnull().all()


def test_one_frame_shows_no_motion() -> None:
    with pytest.raises(NotEnoughFrames, match=r"advection from 2020-09-07T14:00:00Z needs another"):
        Advection()(showers([60, 31, 0]))


@pytest.mark.parametrize(
    ("minutes", "message"),
    [
        ([5, 10, 0], r"frame 1 is of 2020-09-07T13:50:00Z, after one of 2020-09-07T13:55:00Z"),
        ([10, 0, 0], r"frame 2 is of 2020-09-07T14:00:00Z, after one of 2020-09-07T14:00:00Z"),
    ],
)
def test_frames_out_of_order_or_doubled_are_refused(
    baseline: Forecaster, minutes: list[int], message: str
) -> None:
    with pytest.raises(BadFrames, match=message):
        baseline(frames(np.zeros((3, 20, 20)), minutes))


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda given: given.transpose("y", "x", "time"),
        lambda given: given.isel(time=slice(0, 0)),
        lambda given: given.isel(y=slice(0, 0)),
        lambda given: given.drop_vars("time"),
        lambda given: given.assign_coords(time=[0, 1]),
        lambda given: given.assign_coords(time=[ISSUE, NO_TIME]),
    ],
    ids=["turned", "empty", "no rows", "no times", "numbers", "one without time"],
)
def test_what_are_no_frames_is_refused(
    baseline: Forecaster, spoilt: Callable[[DataArray], DataArray]
) -> None:
    with pytest.raises(ModelError):
        baseline(spoilt(frames(np.zeros((2, 20, 20)), [5, 0])))


def test_a_frame_of_no_time_is_refused(baseline: Forecaster) -> None:
    with pytest.raises(BadFrames, match="frame 0 is of no time"):
        baseline(frames(np.zeros((1, 20, 20)), [0]).assign_coords(time=[NO_TIME]))


def test_a_forecast_has_a_lead(baseline: Forecaster) -> None:
    with pytest.raises(ValueError, match="horizon is 0"):
        baseline(showers([5, 0]), horizon=0)


@pytest.mark.parametrize("model", [Advection(), SPROG()], ids=["advection", "s-prog"])
def test_an_echo_that_stands_amid_rain_that_moves_is_not_carried_away(
    model: Forecaster,
) -> None:
    """A ghost would else be a false alarm all along the way of the wind."""
    noise = gaussian_filter(np.random.default_rng(3).normal(size=(180, 260)), 2.4)
    showers = np.maximum(noise / noise.std() - 1.2, 0) * 8
    rates = np.stack([showers[:, 2 * (6 - k) : 2 * (6 - k) + 180] for k in range(7)])
    ghost = rates.copy()
    ghost[:, 88:92, 88:92] = 20
    times = np.datetime64("2024-06-01T12:00", "ns") + np.arange(7) * np.timedelta64(5, "m")
    without, with_it = (
        model(DataArray(each.astype(np.float32), dims=("time", "y", "x"), coords={"time": times}))
        for each in (rates, ghost)
    )
    assert (with_it[:, 88:92, 88:92] == 20).all(), "it stands where it stood"
    away = np.ones((180, 180), bool)
    away[86:94, 86:94] = False
    excess = np.abs(with_it.values - without.values)[:, away]
    assert np.nanmax(excess) < 3
    assert np.nanmean(excess) < 0.02
