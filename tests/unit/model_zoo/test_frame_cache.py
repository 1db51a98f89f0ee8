"""What several forecasters need of the same frames is computed once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
from xarray import DataArray

from model_zoo.frame_cache import ENTRIES, cached_by_frames


def frames(rate: float = 1.0, minute: int = 0) -> DataArray:
    times = np.datetime64("2026-06-01T12:00", "ns") + np.arange(2) * np.timedelta64(5, "m")
    field = np.full((2, 3, 4), rate, np.float32)
    return DataArray(field, {"time": times + np.timedelta64(minute, "m")}, ("time", "y", "x"))


class Counted:
    """Sums of frames, and how often they were computed."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, given: DataArray, factor: float = 1.0) -> float:
        self.calls += 1
        return factor * float(given.sum())


def test_equal_frames_are_computed_once() -> None:
    counted = Counted()
    cached = cached_by_frames(counted)
    assert [cached(frames()), cached(frames())] == [24.0, 24.0]
    assert counted.calls == 1


@pytest.mark.parametrize(
    "other",
    [frames(2.0), frames(minute=5), frames().assign_attrs(source="other"), frames(float("nan"))],
    ids=["values", "time", "attributes", "no data"],
)
def test_frames_that_differ_are_computed_anew(other: DataArray) -> None:
    counted = Counted()
    cached = cached_by_frames(counted)
    cached(frames())
    cached(other)
    assert counted.calls == 2


def test_other_arguments_count() -> None:
    cached = cached_by_frames(Counted())
    assert [cached(frames(), 1.0), cached(frames(), 2.0)] == [24.0, 48.0]


def test_the_oldest_results_go() -> None:
    counted = Counted()
    cached = cached_by_frames(counted)
    for rate in range(ENTRIES + 1):
        cached(frames(rate))
    cached(frames(0))
    assert counted.calls == ENTRIES + 2


def test_an_error_is_not_kept() -> None:
    def fail_once(given: DataArray) -> int:
        fail_once.calls += 1  # type: ignore[attr-defined]
        if fail_once.calls == 1:  # type: ignore[attr-defined]
            raise RuntimeError("out of memory")
        return 7

    fail_once.calls = 0  # type: ignore[attr-defined]
    cached = cached_by_frames(fail_once)
    with pytest.raises(RuntimeError, match="memory"):
        cached(frames())
    assert cached(frames()) == 7


def test_of_two_who_ask_at_once_one_waits_for_the_other() -> None:
    begun, go = Event(), Event()

    def slow(given: DataArray) -> object:
        begun.set()
        assert go.wait(300)
        return object()

    cached = cached_by_frames(slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cached, frames())
        assert begun.wait(300)
        second = pool.submit(cached, frames())
        go.set()
        assert first.result() is second.result()
