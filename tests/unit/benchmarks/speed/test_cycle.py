"""The cost of a cycle is that of each model alone, and of all together."""

import numpy as np

from benchmarks.speed.comparison import shifted
from benchmarks.speed.served.cycle import TOGETHER, costs, frames, section


def test_each_model_is_timed_alone_and_with_the_others() -> None:
    found = costs(["advection", "persistence"], 1, 1)
    assert [row.model for row in found] == ["advection", "persistence", TOGETHER]
    assert all(row.seconds > 0 for row in found)
    assert f"| {TOGETHER} | 1 |" in section(found)


def test_each_measurement_has_other_frames() -> None:
    given = shifted(frames())
    first, second = next(given), next(given)
    assert not np.array_equal(first, second, equal_nan=True)
    assert np.array_equal(np.roll(first, 1, axis=2), second, equal_nan=True)
