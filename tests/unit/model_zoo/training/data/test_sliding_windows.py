"""Windows of frames: equally spaced, and never over a gap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_zoo.training.data.sliding_windows import MISSING, windows
from model_zoo.training.errors import BadData


@settings(max_examples=200, deadline=None)
@given(
    marks=st.sets(st.integers(0, 40), max_size=40),
    frames=st.integers(1, 5),
    spacing=st.integers(1, 6),
    stride=st.integers(1, 20),
)
def test_windows_never_straddle_a_gap_and_leave_none_out(
    marks: set[int], frames: int, spacing: int, stride: int
) -> None:
    times = np.array(sorted(marks), np.int64) * 5
    found = windows(times, frames, spacing * 5, stride * 5)
    assert found.shape[1:] == (frames,)
    if len(found):
        assert (np.diff(times[found], axis=1) == spacing * 5).all()
        assert (np.diff(times[found[:, 0]]) >= stride * 5).all()
    whole = [m for m in sorted(marks) if all(m + k * spacing in marks for k in range(frames))]
    dense = windows(times, frames, spacing * 5, 5)
    assert times[dense[:, 0]].tolist() == [5 * m for m in whole]


def test_the_last_frames_may_lack() -> None:
    times = np.array([0, 5, 10, 15])
    assert windows(times, 3, 10, 5).tolist() == []
    assert windows(times, 3, 10, 5, spare=1).tolist() == [[0, 2, MISSING], [1, 3, MISSING]]


def test_times_that_do_not_rise_are_refused() -> None:
    with pytest.raises(BadData, match="frame 2"):
        windows(np.array([0, 5, 5]), 2, 5, 5)
