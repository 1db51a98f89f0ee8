"""Forecasts are made once, and only from frames that belong together."""

from pathlib import Path
from time import perf_counter, sleep

import numpy as np
import pytest
import xarray as xr
from xarray import DataArray

from ingest.grid import NATIONAL_WGS84
from model_zoo import load_forecaster
from model_zoo.errors import NoWeights
from model_zoo.forecasters.baselines import Advection, Persistence
from model_zoo.forecasters.contract import HORIZON, STEP_MINUTES, Needs, minutes, select_frames
from service.archive.archive import Archive
from service.archive.key import Key
from service.errors import NoFrame, NoFrames
from service.ledger import tables
from service.ledger.ledger import Ledger
from service.pipeline.forecast import forecast_by_key, forecast_model
from service.settings import Settings
from tests.served import MODELS, StandingStill, make_forecasts, put_frames
from tests.showers import frame, moment, time
from tests.state_snapshot import files_of, rows_of


@pytest.mark.parametrize("model", MODELS)
def test_a_forecast_is_made_once(archive: Archive, ledger: Ledger, model: str) -> None:
    put_frames(archive, 0, 1)
    forecaster = load_forecaster(model)
    key = forecast_model(archive, ledger, forecaster, time(1), moment(2))
    assert key == Key(time(1), model, "none")
    forecast = archive.forecast(key)
    np.testing.assert_array_equal(forecast, forecaster(archive.frames([time(0), time(1)])))
    assert forecast.attrs["generated_at"] == f"{moment(2):%Y-%m-%dT%H:%M:%SZ}"
    before = files_of(archive.root), rows_of(ledger)
    assert forecast_model(archive, ledger, forecaster, time(1), moment(9)) == key
    assert (files_of(archive.root), rows_of(ledger)) == before


def test_a_forecast_that_was_kept_but_not_noted_is_made_good(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    put_frames(archive, 0, 1)
    make_forecasts(archive, ledger, 1)
    other = Ledger(f"sqlite:///{tmp_path / 'other.sqlite'}")
    for model in MODELS:
        forecast_model(archive, other, load_forecaster(model), time(1), moment(50))
    assert rows_of(other) == rows_of(ledger)


class Overtaken(Persistence):
    """Is so slow that another process has made the same forecast meanwhile."""

    def __init__(self, archive: Archive, ledger: Ledger) -> None:
        self.archive, self.ledger = archive, ledger

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        forecast_model(self.archive, self.ledger, Persistence(), time(0), moment(1))
        return super().__call__(frames, horizon, step_minutes)


def test_the_ledger_tells_of_the_forecast_that_was_kept(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    put_frames(archive, 0)
    elsewhere = Ledger(f"sqlite:///{tmp_path / 'other.sqlite'}")
    slow = Overtaken(archive, elsewhere)
    key = forecast_model(archive, ledger, slow, time(0), moment(2))
    assert archive.generated(key) == moment(1)
    assert rows_of(ledger) == rows_of(elsewhere)


def test_without_the_frame_there_is_no_forecast(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, 0)
    with pytest.raises(NoFrame, match="20260621T2235Z"):
        forecast_model(archive, ledger, Persistence(), time(1), moment(2))
    assert list(archive.issues()) == []


def test_without_a_frame_before_it_there_is_no_motion(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, 0, 7)
    with pytest.raises(NoFrames, match="from 20260621T2235Z on"):
        make_forecasts(archive, ledger, 7, models=["advection"])
    assert rows_of(ledger)["forecasts"] == []


def test_no_motion_is_seen_between_two_grids(archive: Archive, ledger: Ledger) -> None:
    archive.put_frame(frame(0))
    archive.put_frame(frame(1, NATIONAL_WGS84))
    with pytest.raises(NoFrames, match="advection"):
        make_forecasts(archive, ledger, 1, models=["advection"])


class Steady(Persistence):
    """Wants frames half an hour apart, and looks at those between where there are any."""

    needs = Needs(minutes(90, 60, 30, 0), useful=minutes(25, 20, 15, 10, 5))

    def __init__(self) -> None:
        self.seen: list[np.datetime64] = []

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        self.seen = list(frames["time"].values)
        return super().__call__(frames, horizon, step_minutes)


@pytest.mark.parametrize("numbers", [(0, 6, 12, 18), (0, 6, 12, 15, 17, 18)])
def test_what_is_useful_is_used_where_it_is_there_and_not_asked_for(
    archive: Archive, ledger: Ledger, numbers: tuple[int, ...]
) -> None:
    put_frames(archive, *numbers)
    steady = Steady()
    key = forecast_model(archive, ledger, steady, time(18), moment(19))
    assert archive.has_forecast(key)
    assert steady.seen == [time(number) for number in numbers]


def test_without_what_is_required_the_forecaster_is_not_troubled(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, 0, 12, 15, 17, 18)
    steady = Steady()
    with pytest.raises(NoFrames, match=r"persistence at 20260622T0000Z .* of 20260621T2300Z too"):
        forecast_model(archive, ledger, steady, time(18), moment(19))
    assert steady.seen == []
    assert rows_of(ledger)["forecasts"] == []


def test_required_frames_of_another_grid_are_none(archive: Archive, ledger: Ledger) -> None:
    class Joining(Steady):
        def __call__(
            self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
        ) -> DataArray:
            return super().__call__(
                select_frames(frames, self.needs.required, self.name), horizon, step_minutes
            )

    put_frames(archive, 0, 6, 12)
    archive.put_frame(frame(18, NATIONAL_WGS84))
    with pytest.raises(NoFrames, match="use another model"):
        forecast_model(archive, ledger, Joining(), time(18), moment(19))
    assert list(archive.issues()) == []


@pytest.fixture
def deployment(tmp_path: Path) -> StandingStill:
    """A deployment with frames up to number 18, every five minutes."""
    settings = Settings(data=tmp_path, models=MODELS, device="cpu")
    built = StandingStill(settings, moment(19), lambda key: None)
    put_frames(built.archive, *range(19))
    return built


def uploaded(*numbers: int) -> DataArray:
    """Frames as a client uploads them, with attributes that are not its to set."""
    frames = xr.concat(
        list(map(frame, numbers)), "time", coords="minimal", compat="override", join="override"
    )
    frames.attrs |= {"model": "ours", "bridged": "2000-01-01T00:00:00Z", "upload": "0" * 64}
    return frames


def test_the_forecast_of_a_key_is_made_as_its_model_makes_it(deployment: StandingStill) -> None:
    key = Key(time(18), "advection", "none")
    forecast_by_key(deployment.archive, deployment.ledger, deployment.forecasters, key, moment(19))
    forecast = deployment.archive.forecast(key)
    np.testing.assert_array_equal(
        forecast, Advection()(deployment.archive.frames(map(time, range(12, 19))))
    )
    before = files_of(deployment.archive.root), rows_of(deployment.ledger)
    forecast_by_key(deployment.archive, deployment.ledger, deployment.forecasters, key, moment(30))
    assert (files_of(deployment.archive.root), rows_of(deployment.ledger)) == before


def test_weights_that_are_not_here_do_not_forecast(deployment: StandingStill) -> None:
    for key in (
        Key(time(18), "ms-lstm", "f" * 64),
        Key(time(18), "ms-lstm", "f" * 64, "e" * 64),
    ):
        with pytest.raises(NoWeights, match=r"with the weights [0-9a-f]{8}, should be fffff"):
            forecast_by_key(
                deployment.archive, deployment.ledger, deployment.forecasters, key, moment(19)
            )
    assert list(deployment.archive.issues()) == []


def test_the_ledger_knows_how_long_a_forecast_took(archive: Archive, ledger: Ledger) -> None:
    class Slow(Persistence):
        def __call__(
            self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
        ) -> DataArray:
            sleep(0.2)
            return super().__call__(frames, horizon, step_minutes)

    put_frames(archive, 0)
    begun = perf_counter()
    forecast_model(archive, ledger, Slow(), time(0), moment(1))
    most = perf_counter() - begun
    with ledger.engine.connect() as connection:
        (row,) = connection.execute(tables.forecasts.select())
    assert 0.2 <= row.duration_seconds <= most


def test_uploaded_frames_are_forecast_from_and_the_ledger_hears_nothing(
    deployment: StandingStill,
) -> None:
    frames = uploaded(*range(20, 27))
    sha = deployment.archive.put_upload(frames)
    key = Key(time(26), "advection", "none", sha)
    forecast_by_key(deployment.archive, deployment.ledger, deployment.forecasters, key, moment(27))
    forecast = deployment.archive.forecast(key)
    np.testing.assert_array_equal(forecast, Advection()(frames))
    assert (forecast.attrs["model"], forecast.attrs["upload"]) == ("advection", sha)
    assert forecast.attrs["generated_at"] == f"{moment(27):%Y-%m-%dT%H:%M:%SZ}"
    assert "bridged" not in forecast.attrs
    assert list(deployment.archive.issues()) == [], "it is none of the radar's"
    assert rows_of(deployment.ledger)["forecasts"] == rows_of(deployment.ledger)["leads"] == []
    before = files_of(deployment.archive.root)
    forecast_by_key(deployment.archive, deployment.ledger, deployment.forecasters, key, moment(40))
    assert files_of(deployment.archive.root) == before


def test_a_gap_in_uploaded_frames_is_bridged_and_said(deployment: StandingStill) -> None:
    numbers = [number for number in range(25) if number != 12]
    frames = uploaded(*numbers)
    sha = deployment.archive.put_upload(frames)
    network = load_forecaster("ms-lstm")
    key = Key(time(24), network.name, network.weights, sha)
    forecast_by_key(deployment.archive, deployment.ledger, deployment.forecasters, key, moment(25))
    assert deployment.archive.forecast(key).attrs["bridged"] == f"{moment(12):%Y-%m-%dT%H:%M:%SZ}"


def test_too_few_uploaded_frames_are_refused(deployment: StandingStill) -> None:
    sha = deployment.archive.put_upload(uploaded(20))
    with pytest.raises(NoFrames, match="advection at 20260622T0010Z needs a radar frame"):
        forecast_by_key(
            deployment.archive,
            deployment.ledger,
            deployment.forecasters,
            Key(time(20), "advection", "none", sha),
            moment(27),
        )


def test_an_upload_that_is_kept_no_longer_is_no_frame(deployment: StandingStill) -> None:
    with pytest.raises(NoFrame, match="send them again"):
        forecast_by_key(
            deployment.archive,
            deployment.ledger,
            deployment.forecasters,
            Key(time(20), "persistence", "none", "a" * 64),
            moment(27),
        )
