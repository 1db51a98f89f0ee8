"""Ensembles: the probabilities of the forecast, the structure of the radar, the same for a seed."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter
from xarray import DataArray

from ingest.precipitation import exceedance_probabilities
from model_zoo.forecasters import sprog
from model_zoo.forecasters.contract import Needs, make_forecast, minutes
from model_zoo.forecasters.ensemble import NoProbabilities, ensemble_members, ensemble_seed

Array = NDArray[np.float32]

ISSUE = np.datetime64("2020-09-07T14:00", "ns")
SHAPE = (64, 80)
THRESHOLDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
LEADS = 24


class Model:
    name = "blend"
    weights = "none"
    needs = Needs(minutes(0))

    def __call__(self, frames: DataArray, horizon: int = 4, step_minutes: int = 30) -> DataArray:
        raise AssertionError


def field(seed: int, shape: tuple[int, int] = SHAPE, cells: float = 3.0) -> Array:
    """A Gaussian field of variance 1 that is correlated over some cells."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    smooth = gaussian_filter(noise, cells, mode="wrap")
    return np.asarray(smooth / smooth.std(), np.float32)


def rough_field(seed: int, slope: float) -> Array:
    """A Gaussian field of variance 1 with a power spectrum that falls by a power of wavenumber."""
    noise = np.random.default_rng(seed).standard_normal(SHAPE)
    wavenumber = np.hypot(fft.fftfreq(SHAPE[0])[:, None], fft.rfftfreq(SHAPE[1])[None])
    rough = fft.irfft2(fft.rfft2(noise) * np.maximum(wavenumber, 0.02) ** (-slope / 2), s=SHAPE)
    return np.asarray((rough - rough.mean()) / rough.std(), np.float32)


def radar(cells: float = 3.0, shape: tuple[int, int] = SHAPE) -> DataArray:
    """Frames of rain that moves east by a cell in five minutes, without data in a corner."""
    rain = np.exp(1.2 * field(1, shape, cells)) - 1.5
    rates = np.stack([np.roll(rain, step, axis=1) for step in range(7)]).clip(0).astype(np.float32)
    rates[:, :10, :10] = np.nan
    times = ISSUE - np.arange(30, -1, -5).astype("timedelta64[m]")
    place = {"y": -5000.0 * np.arange(shape[0]), "x": 5000.0 * np.arange(shape[1])}
    attributes = {"standard_name": "rainfall_rate", "units": "mm h-1"}
    return DataArray(rates, {"time": times, **place}, ("time", "y", "x"), attrs=attributes)


def forecast_of(
    frames: DataArray, probabilities: NDArray[np.floating], rain: Array | None = None
) -> DataArray:
    """A forecast with probabilities (threshold, lead, y, x)."""
    shape = probabilities.shape[1:]
    rates = np.ones(shape, np.float32) if rain is None else rain
    unknown = np.isnan(frames.to_numpy()[-1])
    given = {
        threshold: np.where(unknown, np.nan, values).astype(np.float32)
        for threshold, values in zip(THRESHOLDS, probabilities, strict=True)
    }
    rates = np.where(unknown, np.float32(np.nan), rates)
    return make_forecast(rates, frames, Model(), given, step_minutes=5)


def falling_probabilities(leads: int = LEADS, shape: tuple[int, int] = SHAPE) -> Array:
    """Probabilities (threshold, lead, y, x) that vary in space, from 0 to nearly 1."""
    wet = field(2, shape, 8.0)
    levels = np.log(THRESHOLDS)[:, None, None, None]
    odds = 2 * wet - 1.2 * levels - 3
    probabilities = np.broadcast_to(1 / (1 + np.exp(-odds)), (len(THRESHOLDS), leads, *shape))
    return np.where(wet < -1, 0, probabilities).astype(np.float32)


@pytest.fixture(scope="module")
def frames() -> DataArray:
    return radar()


@pytest.fixture(scope="module")
def forecast(frames: DataArray) -> DataArray:
    return forecast_of(frames, falling_probabilities())


@pytest.fixture(scope="module")
def ensemble(forecast: DataArray, frames: DataArray) -> Array:
    return ensemble_members(forecast, frames, seed=1)


def test_marginals_are_the_probabilities_of_the_forecast(
    ensemble: Array, forecast: DataArray
) -> None:
    known = ~np.isnan(forecast.to_numpy())
    for threshold, probability in exceedance_probabilities(forecast).items():
        share = (ensemble >= threshold).mean(axis=0)[known]
        expected = probability.to_numpy()[known]
        assert abs(share - expected).max() <= 1 / len(ensemble) + 1e-6
        assert abs(share.mean() - expected.mean()) < 0.2 / len(ensemble)


def test_probabilities_below_one_of_the_members_come_up_in_the_mean(frames: DataArray) -> None:
    forecast = forecast_of(frames, np.full((len(THRESHOLDS), 1, *SHAPE), 0.01))
    known = ~np.isnan(forecast.to_numpy())
    shares = [
        (ensemble_members(forecast, frames, members=5, seed=seed)[:, known] >= 20).mean()
        for seed in range(20)
    ]
    assert 0.007 < np.mean(shares) < 0.013


def test_a_seed_gives_the_same_members_again_and_another_gives_others(
    ensemble: Array, forecast: DataArray, frames: DataArray
) -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 2)
        np.testing.assert_array_equal(ensemble_members(forecast, frames, seed=1), ensemble)
    finally:
        torch.set_num_threads(threads)
    other = ensemble_members(forecast, frames, seed=2)
    assert np.nanmean(other != ensemble) > 0.1


def test_the_seed_is_that_of_model_and_issue() -> None:
    seed = ensemble_seed("blend", ISSUE)
    assert seed == ensemble_seed("blend", ISSUE.astype("datetime64[s]"))
    assert seed != ensemble_seed("ms-lstm", ISSUE)
    assert seed != ensemble_seed("blend", ISSUE + np.timedelta64(5, "m"))
    assert 0 <= seed < 2**64


def test_a_lead_time_has_the_same_members_without_the_others(
    ensemble: Array, forecast: DataArray, frames: DataArray
) -> None:
    some = [5, 11]
    alone = ensemble_members(forecast.isel(lead_time=some), frames, seed=1)
    np.testing.assert_array_equal(alone, ensemble[:, some])


def test_no_data_stays_and_what_is_surely_dry_is_dry(ensemble: Array, forecast: DataArray) -> None:
    unknown = np.isnan(forecast.to_numpy())
    np.testing.assert_array_equal(np.isnan(ensemble), np.broadcast_to(unknown, ensemble.shape))
    dry = exceedance_probabilities(forecast)[0.1].to_numpy() == 0
    assert dry.any()
    assert (ensemble[:, dry] == 0).all()


def correlation(fields: Array, cells: int) -> float:
    """Mean correlation of fields (field, y, x) with themselves some cells to the east."""
    pairs = [(each[:, :-cells].ravel(), each[:, cells:].ravel()) for each in fields]
    return float(np.mean([np.corrcoef(*pair)[0, 1] for pair in pairs]))


@pytest.mark.parametrize("slope", [2.0, 3.0])
def test_members_are_correlated_in_space_as_the_radar_is(slope: float) -> None:
    """Where no more is known than how much it rains, as the frames are of no one event."""
    rates = np.exp(1.2 * np.stack([rough_field(seed, slope) for seed in range(7)])) - 1.5
    frames = radar().copy(data=rates.clip(0).astype(np.float32))
    wet = (frames.to_numpy()[-1] >= np.array(THRESHOLDS)[:, None, None]).mean(axis=(1, 2))
    probabilities = np.broadcast_to(wet[:, None, None, None], (len(THRESHOLDS), LEADS, *SHAPE))
    forecast = forecast_of(frames, probabilities).isel(lead_time=[-1])
    members = ensemble_members(forecast, frames, seed=3)[:, 0]
    observed, found = np.log1p(frames.to_numpy()), np.log1p(members)
    for distance in (1, 2, 4):
        assert abs(correlation(found, distance) - correlation(observed, distance)) < 0.2


def test_rain_of_a_member_goes_on_from_lead_to_lead(ensemble: Array) -> None:
    known = ~np.isnan(ensemble[0, 0])
    steps = [
        np.corrcoef(earlier[known], later[known])[0, 1]
        for member in np.log1p(ensemble[:5])
        for earlier, later in pairwise(member)
    ]
    hours = [
        np.corrcoef(member[0][known], member[-1][known])[0, 1] for member in np.log1p(ensemble[:5])
    ]
    assert np.mean(steps) > 0.8
    assert np.mean(steps) > np.mean(hours) + 0.1


def test_steady_rain_stays_as_it_is(frames: DataArray) -> None:
    for rate in (0.3, 12.0, 60.0):
        certain = (rate >= np.array(THRESHOLDS)).astype(float)[:, None, None, None]
        probabilities = np.broadcast_to(certain, (len(THRESHOLDS), 1, *SHAPE))
        rain = np.full((1, *SHAPE), rate, np.float32)
        members = ensemble_members(forecast_of(frames, probabilities, rain), frames, seed=4)
        assert abs(np.nanmedian(members) / rate - 1) < 0.1


@pytest.mark.parametrize("shape", [(32, 32), (33, 47)])
@pytest.mark.parametrize("wet", [True, False])
def test_any_grid_and_dry_radar_have_an_ensemble(shape: tuple[int, int], *, wet: bool) -> None:
    frames = radar(2.0, shape)
    if not wet:
        frames = frames * 0
    forecast = forecast_of(frames, falling_probabilities(3, shape))
    members = ensemble_members(forecast, frames, members=4, seed=5)
    assert members.shape == (4, 3, *shape)
    assert np.nanmax(members) > 0
    assert np.isfinite(members[:, ~np.isnan(forecast.to_numpy())]).all()


@pytest.mark.parametrize("every", [5, 10, 15, 30])
def test_any_cadence_has_an_ensemble(every: int, frames: DataArray) -> None:
    some = frames.isel(time=slice(None, None, -every // 5)).sortby("time")
    forecast = forecast_of(frames, falling_probabilities(2))
    members = ensemble_members(forecast, some, members=3, seed=6)
    assert np.isfinite(members).any()


def test_a_forecast_without_probabilities_is_refused(frames: DataArray) -> None:
    forecast = sprog.SPROG()(frames)
    with pytest.raises(NoProbabilities, match=r"s-prog has no exceedance probabilities.*blend"):
        ensemble_members(forecast, frames, seed=1)
    with pytest.raises(ValueError, match="members is 1, should be 2 or more"):
        ensemble_members(forecast, frames, members=1, seed=1)
