"""Rain carried along by a motion.

Semi-Lagrangian and backward: for each cell the place is looked up that its rain comes from, so that
rain is neither torn apart nor piled up, and however far ahead, it is interpolated once (Germann and
Zawadzki 2002, doi:10.1175/1520-0493(2002)130<2859:SDOTPO>2.0.CO;2).
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

STEP_MINUTES = 15.0
"""Of a trajectory; each step takes the motion half way along it (midpoint rule)."""


def carry(rate: Array, motion: Array, minutes: Sequence[float]) -> Array:
    """A field carried along by a motion that stays as it is.

    Args:
        rate: (y, x) in mm/h, NaN for no data.
        motion: (y, x, 2), cells per minute along x and y, finite.
        minutes: How far ahead, rising.

    Returns:
        (len(minutes), y, x) in mm/h. Each cell takes the mean of the four it comes from between,
        of those that have data; NaN where less than half of that weight has, or lies outside.
    """
    return np.concatenate([bring(rate[None], at) for at in sources(motion, minutes)])


def sources(motion: Array, minutes: Sequence[float]) -> Iterator[Array]:
    """Where what each cell has so many minutes ahead comes from, (y, x, 2): column, then row."""
    at, now = cells(*motion.shape[:2]), 0.0
    for then in minutes:
        at = back(at, motion, then - now)
        now = then
        yield at


def bring(fields: Array, at: Array) -> Array:
    """Fields (field, y, x) that have data in the same cells, each from `at` as in `carry`."""
    valid = ~np.isnan(fields[0])
    # the weights of the valid neighbours of a cell are sampled just as their rain is
    layers = [*np.where(valid, fields, np.float32(0)), valid.astype(np.float32)]
    sampled = cv2.remap(
        np.dstack(layers), at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    share = sampled[..., -1:]
    brought: Array = np.where(share >= 0.5, sampled[..., :-1] / np.maximum(share, 0.5), np.nan)
    return np.moveaxis(brought, -1, 0)


def follow(rate: Array, motion: Array, minutes: float) -> Array:
    """A field of later, brought back to where its rain was so many minutes before.

    Each cell takes the value, (y, x), of the one cell it will be in, not a mean of several, so that
    it reaches any threshold as often as before; NaN where that has no data or lies outside.
    """
    there = back(cells(*rate.shape), motion, -minutes)
    followed: Array = cv2.remap(
        rate, there, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=np.nan
    )
    return followed


def back(at: Array, motion: Array, minutes: float) -> Array:
    """Where what is at places (rows, columns, 2) was so many minutes before, or will be after."""
    steps = max(round(abs(minutes) / STEP_MINUTES), 1)
    step = np.float32(minutes / steps)
    for _ in range(steps):
        half_way = at - step / 2 * sample(motion, at)
        at = at - step * sample(motion, half_way)
    return at


def sample(motion: Array, at: Array) -> Array:
    """The motion at places; beyond the border as at the border."""
    here: Array = cv2.remap(motion, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return here


def cells(rows: int, columns: int) -> Array:
    """Where each cell is, (rows, columns, 2): column, then row."""
    return np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).astype(np.float32)
