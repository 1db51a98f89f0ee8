"""The radar of a day is read once, and what is missing is known."""

from collections.abc import Iterable

import numpy as np
import pytest
from xarray import DataArray

from ingest.accumulation import amount
from ingest.precipitation import INTERVAL
from service.archive.archive import Archive
from service.errors import NoFrame
from service.pipeline.rain_sums.radar_history import DAY_STEPS, STEPS, RadarHistories
from tests.showers import frame

NEWEST = np.datetime64("2026-06-22T14:20", "ns")


class CountedArchive(Archive):
    """An archive that has its frames in memory and counts how often they are read."""

    def __init__(self, frames: Iterable[DataArray]) -> None:
        self.stored = {frame["time"].values[0]: frame for frame in frames}
        self.reads = 0

    def frame(self, time: np.datetime64) -> DataArray:
        self.reads += 1
        if time not in self.stored:
            raise NoFrame("none")
        return self.stored[time]


def frames(number: int, *missing: int) -> list[DataArray]:
    """Steady rain of 12 mm/h before `NEWEST`, without the frames of some ages in steps."""
    first = frame(0)
    return [
        first.copy(data=np.full(first.shape, 12, np.float32)).assign_coords(
            time=[NEWEST - age * INTERVAL]
        )
        for age in range(number)
        if age not in missing
    ]


@pytest.fixture(scope="module")
def grid() -> DataArray:
    return frame(0)


def test_a_day_of_steady_rain_is_288_mm(grid: DataArray) -> None:
    history = RadarHistories(CountedArchive(frames(DAY_STEPS))).up_to(NEWEST, grid)
    assert history.rates.shape == (STEPS, 180, 180)
    assert history.has_frame.shape == (DAY_STEPS,)
    assert (amount(history.day, DAY_STEPS) == 288).all()


def test_missing_frames_are_counted_by_their_age(grid: DataArray) -> None:
    history = RadarHistories(CountedArchive(frames(DAY_STEPS, 0, 13, 200))).up_to(NEWEST, grid)
    missing = {steps: history.frames_missing(steps) for steps in (1, 12, 24, 72, 288)}
    assert missing == {1: 1, 12: 1, 24: 2, 72: 2, 288: 3}
    assert np.isnan(history.rates[-1]).all()
    assert (amount(history.day, DAY_STEPS) == 288).all()


def test_frames_of_another_grid_are_missing(grid: DataArray) -> None:
    shifted = grid.assign_coords(x=grid.x.values + 500.0)
    history = RadarHistories(CountedArchive(frames(DAY_STEPS))).up_to(NEWEST, shifted)
    assert history.frames_missing(DAY_STEPS) == DAY_STEPS


def test_whole_hours_are_read_once(grid: DataArray) -> None:
    archive = CountedArchive(frames(DAY_STEPS + 1))
    histories = RadarHistories(archive)
    histories.up_to(NEWEST - INTERVAL, grid)
    assert archive.reads == DAY_STEPS
    histories.up_to(NEWEST - INTERVAL, grid)
    assert archive.reads == DAY_STEPS
    histories.up_to(NEWEST, grid)
    assert archive.reads < DAY_STEPS + STEPS + 24


def test_a_frame_that_arrives_late_is_found(
    grid: DataArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = CountedArchive(frames(DAY_STEPS, 3))
    histories = RadarHistories(archive)
    assert histories.up_to(NEWEST, grid).frames_missing(12) == 1
    late = frames(4)[3]
    archive.stored[late["time"].values[0]] = late
    histories._incomplete.clear()  # as after a minute
    assert histories.up_to(NEWEST, grid).frames_missing(12) == 0
