"""Sliding windows of equally spaced frames from a record that may have gaps."""

import numpy as np
from numpy.typing import NDArray

from model_zoo.training.errors import BadData

MISSING = -1
"""Index of a frame that is missing."""


def windows(
    times: NDArray[np.int64], frames: int, spacing: int, stride: int, *, spare: int = 0
) -> NDArray[np.int64]:
    """Find the indices of the frames of every window.

    A window needs a frame at each exact time, so that none extends over a gap, whatever the cadence
    of the record.

    Args:
        times: Of the frames of a record, (time,), rising, in any integer unit.
        frames: Frames of a window.
        spacing: Time between two frames of a window.
        stride: Least time between the starts of two windows.
        spare: Number of last frames that may be missing; their index is `MISSING`.

    Returns:
        (window, frame).

    Raises:
        BadData: The times do not rise.
    """
    if (np.diff(times) <= 0).any():
        bad = int(np.argmax(np.diff(times) <= 0)) + 1
        raise BadData(f"times should rise, but frame {bad} is no later than the one before it")
    wanted = times[:, None] + spacing * np.arange(frames)
    numbers = np.searchsorted(times, wanted).clip(max=max(len(times) - 1, 0))
    there = times[numbers] == wanted if len(times) else np.zeros(wanted.shape, bool)
    whole = there[:, : frames - spare].all(axis=1)
    kept: list[int] = []
    for start in np.flatnonzero(whole):
        if not kept or times[start] >= times[kept[-1]] + stride:
            kept.append(int(start))
    chosen = np.array(kept, np.int64)
    found: NDArray[np.int64] = np.where(there[chosen], numbers[chosen], MISSING).astype(np.int64)
    return found
