"""Sequences of frames at equal distances in time, out of a record that may have gaps."""

import numpy as np
from numpy.typing import NDArray

from model_zoo.training.errors import BadData

MISSING = -1
"""In place of the number of a frame that is not there."""


def windows(
    times: NDArray[np.int64], frames: int, spacing: int, stride: int, *, spare: int = 0
) -> NDArray[np.int64]:
    """Numbers of the frames of every window, (window, frame).

    A window is taken where each of its frames is there at its very time, so none straddles a gap,
    whatever the cadence of the record is.

    Args:
        times: Of the frames of a record, rising, in any whole unit.
        frames: In a window.
        spacing: Between the frames of a window.
        stride: At least this much lies between the starts of two windows.
        spare: So many of the last frames may lack; their number is `MISSING` then.

    Raises:
        BadData: The times do not rise.
    """
    if (np.diff(times) <= 0).any():
        bad = int(np.argmax(np.diff(times) <= 0)) + 1
        raise BadData(f"times should rise, but frame {bad} is no later than the one before it")
    wanted = times[:, None] + spacing * np.arange(frames)
    at = np.searchsorted(times, wanted).clip(max=max(len(times) - 1, 0))
    there = times[at] == wanted if len(times) else np.zeros(wanted.shape, bool)
    whole = there[:, : frames - spare].all(axis=1)
    kept: list[int] = []
    for start in np.flatnonzero(whole):
        if not kept or times[start] >= times[kept[-1]] + stride:
            kept.append(int(start))
    chosen = np.array(kept, np.int64)
    found: NDArray[np.int64] = np.where(there[chosen], at[chosen], MISSING).astype(np.int64)
    return found
