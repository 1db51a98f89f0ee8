"""Forecasters that answer again from memory or from a folder."""

from pathlib import Path

import numpy as np
import xarray as xr
from xarray import DataArray

from benchmarks.skill import events
from benchmarks.skill.forecasters import NamedForecaster
from benchmarks.skill.remembered import Remembered, remember
from ingest.precipitation import exceedance_probabilities
from model_zoo.forecasters.baselines import Persistence
from model_zoo.forecasters.contract import make_forecast, select_frames


class Counting(Persistence):
    """Persistence with a probability, that counts how often it was asked."""

    asked = 0

    def __call__(self, frames: DataArray, horizon: int = 4, step_minutes: int = 30) -> DataArray:
        self.asked += 1
        given = select_frames(frames, self.needs.required, self.name)
        rate = np.repeat(given.to_numpy(), horizon, axis=0)
        sure = np.where(np.isnan(rate), rate, np.float32(0.25))
        return make_forecast(rate, given, self, {0.5: sure}, step_minutes)


class Team:
    """A forecaster made of another one."""

    name, weights, needs = "team", "other", Persistence.needs

    def __init__(self, member: Persistence) -> None:
        self.members = [member]

    def __call__(self, frames: DataArray, horizon: int = 4, step_minutes: int = 30) -> DataArray:
        return self.members[0](frames, horizon, step_minutes)


def frames_of(corpus: Path, event: str = "late", until: int = 8) -> DataArray:
    return events.read(event, corpus).isel(time=slice(until))


def test_a_forecast_comes_from_the_folder_as_it_was_made(corpus: Path, tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    frames = frames_of(corpus)
    forecasts = []
    for forecaster in (first, second):
        remembered = Remembered(forecaster, tmp_path)
        remembered.begin("late")
        forecasts.append(remembered(frames, 3))
        assert remembered.seconds > 0
    assert (first.asked, second.asked) == (1, 0)
    xr.testing.assert_equal(*forecasts)
    assert forecasts[1].isel(y=slice(6)).isnull().all()
    assert set(exceedance_probabilities(forecasts[1])) == {0.5}


def test_another_event_start_or_horizon_is_another_forecast(corpus: Path, tmp_path: Path) -> None:
    forecaster = Counting()
    remembered = Remembered(forecaster, tmp_path)
    for event, until, horizon in (("a", 8, 4), ("b", 8, 4), ("b", 9, 4), ("b", 9, 2)):
        remembered.begin(event)
        assert remembered(frames_of(corpus, until=until), horizon).sizes["lead_time"] == horizon
    assert forecaster.asked == 4


def test_other_weights_are_another_forecast(corpus: Path, tmp_path: Path) -> None:
    forecaster = Counting()
    for weights in ("one", "two"):
        forecaster.weights = weights
        Remembered(forecaster, tmp_path)(frames_of(corpus))
    assert forecaster.asked == 2


def test_a_member_forecasts_once_for_itself_and_for_what_it_is_part_of(corpus: Path) -> None:
    forecaster = Counting()
    named = [
        NamedForecaster("alone", forecaster, []),
        NamedForecaster("team", Team(forecaster), []),
    ]
    alone, team = (forecaster.forecaster for forecaster in remember(named))
    assert isinstance(alone, Remembered)
    assert isinstance(team, Remembered)
    frames = frames_of(corpus)
    np.testing.assert_array_equal(alone(frames), team(frames))
    assert forecaster.asked == 1
    assert team.seconds > alone.seconds  # its member's time counts
