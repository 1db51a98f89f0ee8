"""S-PROG: rain that moves as by advection, while its scales fade each at its own rate."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter, shift
from xarray import DataArray

from model_zoo.forecasters import cascade
from model_zoo.forecasters.baselines import Advection
from model_zoo.forecasters.by_name import load_forecaster
from model_zoo.forecasters.contract import NotEnoughFrames
from model_zoo.forecasters.sprog import SPROG, matched, sprog_fields, strides

Array = NDArray[np.float32]

ISSUE = np.datetime64("2020-09-07T14:00", "ns")
LEADS = (30.0, 60.0, 90.0, 120.0)
GOLDEN = [
    [0.53947, 2.0507, 1.6553, 6.884],
    [0.53692, 1.7908, 1.8828, 6.8828],
    [0.5359, 1.8869, 1.8213, 6.8823],
    [0.53539, 1.8789, 1.816, 6.8821],
]
"""Mean, two cells and the maximum of each lead."""


def showers(*minutes: int, shape: tuple[int, int] = (64, 64), drift: float = 1.0) -> DataArray:
    """Rain that drifts by a cell in 5 minutes and changes in its details, north-west not seen."""
    random = np.random.default_rng(1)
    rates = []
    rows, columns = shape
    lasting = gaussian_filter(random.standard_normal((rows + 64, columns + 64)), 6)
    for before in minutes:
        passing = gaussian_filter(random.standard_normal(lasting.shape), 1.5)
        field = 15 * shift(lasting, (0, -drift * before / 5), mode="wrap") + 2 * passing
        rates.append(np.where(field > 0.3, np.exp(field), 0)[32:-32, 32:-32])
    stacked = np.stack(rates).astype(np.float32)
    stacked[:, :10, :10] = np.nan
    coords = {"time": ISSUE - np.array(minutes, "timedelta64[m]"), "x": 5000.0 * np.arange(columns)}
    return DataArray(stacked, coords, ("time", "y", "x"))


def fields(*minutes: int, shape: tuple[int, int] = (64, 64)) -> Array:
    """Rain in Lagrangian coordinates."""
    rates: Array = showers(*minutes, shape=shape, drift=0).to_numpy()
    return rates


def test_a_forecast_takes_one_transform_of_each_frame_and_lead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beside one back for each scale of a frame; `benchmarks.speed.sprog` measures how fast it is.
    Those of single fields are of the motion.

    pysteps transforms each scale of each lead.
    """
    there, back = fft.rfft2, fft.irfft2
    forward, backward = list[int](), list[int]()

    def rfft2(given: Array, s: Sequence[int] | None = None) -> Any:
        if given.ndim > 2:
            forward.append(len(given))
        return there(given, s=s)

    def irfft2(given: Any, s: Sequence[int]) -> Any:
        if given.ndim > 2:
            backward.append(int(np.prod(given.shape[:-2])))
        return back(given, s=s)

    monkeypatch.setattr(fft, "rfft2", rfft2)
    monkeypatch.setattr(fft, "irfft2", irfft2)
    SPROG()(showers(20, 10, 0), horizon=12)
    scales = len(cascade.bandpass(64, 64))
    assert forward == [3]
    assert backward == [3 * scales, 12]


def roughness(rate: Array) -> float:
    """Mean change from cell to cell."""
    return float(np.nanmean(abs(np.diff(rate))))


def likeness(rate: Array, other: Array) -> float:
    """Correlation of two fields where they have data."""
    both = ~np.isnan(rate) & ~np.isnan(other)
    return float(np.corrcoef(rate[both], other[both])[0, 1])


def test_it_is_there_without_an_extra() -> None:
    assert load_forecaster("s-prog").name == "s-prog"


def test_details_fade_and_no_data_is_where_that_of_advection_is() -> None:
    given = showers(15, 10, 5, 0)
    forecast, moved = SPROG()(given), Advection()(given)
    assert forecast.attrs["model"] == "s-prog"
    assert forecast.dims == moved.dims
    assert float(forecast.min()) == 0
    assert roughness(forecast[-1].values) < 0.8 * roughness(moved[-1].values)
    np.testing.assert_array_equal(np.isnan(forecast.values), np.isnan(moved.values))


def test_rain_that_does_not_change_is_carried() -> None:
    given = showers(10, 5, 0)
    given[:] = given[-1].values
    np.testing.assert_allclose(SPROG()(given).values, Advection()(given).values, atol=1e-5)


def test_dry_frames_stay_dry() -> None:
    forecast = SPROG()(showers(10, 5, 0) * 0)
    assert float(forecast.max()) == 0


def test_another_frame_of_the_last_half_hour_is_needed() -> None:
    with pytest.raises(NotEnoughFrames, match="needs another frame of the 30 min"):
        SPROG()(showers(45, 0))


@pytest.mark.parametrize(
    "minutes", [(10, 5, 0), (24, 18, 12, 6, 0), (20, 10, 0), (30, 15, 0), (30, 25, 5, 0), (15, 0)]
)
def test_any_cadence_and_missing_frames_will_do(minutes: tuple[int, ...]) -> None:
    given = fields(*minutes)
    rates = sprog_fields(given, minutes, (1, 3, 6, 9, *LEADS))
    assert all(roughness(rate) < 0.8 * roughness(given[-1]) for rate in rates[-4:])
    alike = [likeness(rate, given[-1]) for rate in rates]
    assert all(later < earlier for earlier, later in pairwise(alike[:5]))


@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (32, 200), (150, 40)])
def test_any_grid_will_do(shape: tuple[int, int]) -> None:
    rates = sprog_fields(fields(20, 10, 0, shape=shape), (20, 10, 0), LEADS)
    assert rates.shape == (4, *shape)
    assert rates.dtype == np.float32
    assert roughness(rates[-1]) < roughness(rates[0])


def test_leads_between_steps_lie_between_their_neighbours() -> None:
    minutes = (20, 10, 0)
    given = fields(*minutes)
    rates = sprog_fields(given, minutes, (0, 1, 5, 10))
    alike = [likeness(rate, given[-1]) for rate in rates]
    assert alike[0] > 0.9999
    assert all(later < earlier for earlier, later in pairwise(alike))


def test_uniform_rain_stays() -> None:
    steady = np.full((3, 40, 40), 2.5, np.float32)
    steady[:, :5] = np.nan
    rates = sprog_fields(steady, (20, 10, 0), LEADS)
    np.testing.assert_array_equal(rates, np.repeat(steady[:1], 4, axis=0))


def test_no_data_is_not_dry() -> None:
    """Uniform rain up to the edge of data fades there no more than amid it."""
    given = fields(20, 10, 0, shape=(96, 96)) + np.float32(1)
    rates = sprog_fields(given, (20, 10, 0), LEADS)
    assert np.nanmin(rates) > 0.9
    np.testing.assert_array_equal(np.isnan(rates), np.repeat(np.isnan(given[-1:]), 4, axis=0))


def test_a_flipped_field_has_a_flipped_forecast() -> None:
    minutes = (20, 10, 0)
    given = fields(*minutes, shape=(48, 60))
    straight = sprog_fields(given, minutes, LEADS)
    for flip in (np.s_[:, ::-1], np.s_[:, :, ::-1]):
        flipped = sprog_fields(np.ascontiguousarray(given[flip]), minutes, LEADS)
        # cells of all but the same value may change their ranks
        assert np.nanquantile(abs(flipped[flip] - straight), 0.999) < 1e-2


def test_growth_goes_on_for_a_while() -> None:
    minutes = (20, 10, 0)
    given = fields(*minutes, shape=(96, 96))
    given[0][given[0] < 1.8] = 0
    given[1][given[1] < 1.6] = 0
    rates = sprog_fields(given, minutes, (10, 30, 120))
    wet = [np.count_nonzero(rate >= 0.1) for rate in (given[-1], *rates)]
    assert wet == sorted(wet)
    assert wet[0] < wet[1] < wet[-1] <= 2 * wet[0]


def test_amounts_are_matched_by_rank() -> None:
    field = np.array([0.1, 4, 3, -2, 1], np.float32)
    amounts = np.array([0, 0, 0.05, 7, 2], np.float32)
    np.testing.assert_array_equal(matched(field, amounts), [0, 7, 2, 0, 0])
    np.testing.assert_allclose(matched(field, amounts, 1.5), [0, 7, 4.5, 0, 2], atol=1)
    assert np.count_nonzero(matched(field, amounts, 9)) == 5


def test_frames_are_taken_ten_minutes_apart_where_there_are_some() -> None:
    assert strides([30, 25, 20, 15, 10, 5, 0]) == [0, 2, 4, 6]
    assert strides([24, 18, 12, 6, 0]) == [0, 2, 4]
    assert strides([5, 0]) == [0, 1]
    assert strides([15, 5, 0]) == [0, 2]


def test_a_frame_of_a_network_that_dropped_out_is_left_out() -> None:
    minutes = (30, 20, 10, 0)
    given = fields(*minutes)
    broken = given.copy()
    broken[1, :, 12:] = np.nan
    rates = sprog_fields(broken, minutes, LEADS)
    without = sprog_fields(np.delete(given, 1, axis=0), (30, 10, 0), LEADS)
    np.testing.assert_array_equal(rates, without)


def test_numbers_are_as_they_were() -> None:
    """Golden numbers: a change that is meant to change forecasts writes them again."""
    rates = sprog_fields(fields(20, 10, 0), (20, 10, 0), LEADS)
    found = [[np.nanmean(rate), rate[19, 43], rate[53, 18], np.nanmax(rate)] for rate in rates]
    np.testing.assert_allclose(found, GOLDEN, rtol=2e-3)
