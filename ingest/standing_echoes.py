"""Echoes that stand still while the rain moves: ghosts, spokes, clutter that no filter has seen.

Rain that moves by more than its own size leaves a place; what has been at the same place at about
the same rate all the time, and neither came from where rain comes from nor went where it goes, is
no part of it. Pure functions of arrays; whether and what rain moves, others say.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

LEAST_RATE = 0.1
"""mm/h; fainter echoes are none."""
FEWEST_FRAMES = 4
LEAST_CELLS = 3.0
"""Cells by which rain must have moved from a frame to the newest for that frame to count."""
STEADY = 0.5
"""Highest standard deviation of the logarithm of the rate over time of an echo that stands."""
CONTRAST = 3.0
"""By which factor a standing echo is above what comes to its place, and above what is where it
would have gone."""
EDGE = 1.5
"""The same at the edge of one, beside cells of a higher contrast."""
OLD = 0.7
"""Share of the age of the oldest frame from which on frames are compared with the newest: what is
larger than rain moves in between hides where it came from."""
AROUND_CELLS = 4.0
"""Standard deviation of the weight of surrounding cells that stand in for a standing echo."""


def standing_cells(rates: Array, motion: Array, ages: NDArray[np.floating]) -> Mask:
    """Which cells hold an echo that stands still while the rain around moves.

    Args:
        rates: (time, y, x) in mm/h, oldest first, the newest last; NaN for no data, in which
            nothing is seen to stand.
        motion: (y, x, 2), cells per minute along x and along y, of the rain.
        ages: (time), minutes from each frame to the newest, falling to 0.

    Returns:
        (y, x). Nothing stands where fewer than `FEWEST_FRAMES` are given, or where rain has not
        moved by `LEAST_CELLS` between the oldest and the newest.
    """
    rows, columns = rates.shape[1:]
    if len(rates) < FEWEST_FRAMES:
        return np.zeros((rows, columns), bool)
    still = steady(rates)
    if not still.any():
        return still
    logarithm = log_rates(rates)
    contrast = np.full((rows, columns), np.inf, np.float32)
    compared = np.zeros((rows, columns), bool)
    speed = np.hypot(motion[..., 0], motion[..., 1])
    for earlier, age in zip(logarithm, ages, strict=True):
        if age < OLD * ages[0]:
            break
        moved = np.asarray(motion * np.float32(age), np.float32)
        far = speed * age >= LEAST_CELLS
        brought = logarithm[-1] - sampled(earlier, -moved)  # what rain would have brought here
        left_behind = earlier - sampled(
            logarithm[-1], moved
        )  # what would be where it would have gone
        contrast = np.where(far, np.minimum(contrast, np.minimum(brought, left_behind)), contrast)
        compared |= far
    core = still & compared & (contrast >= np.log(CONTRAST))
    edge = still & compared & (contrast >= np.log(EDGE))
    near = cv2.dilate(core.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    found: Mask = core | (near & edge)
    return found


def steady(rates: Array) -> Mask:
    """Return which cells are wet all the time at about the same rate.

    Standing echoes are, and much of wide rain. Motion is best estimated without them.

    Args:
        rates: (time, y, x) in mm/h, NaN for no data.

    Returns:
        (y, x).
    """
    wet = (rates >= LEAST_RATE).all(axis=0)  # False for NaN
    found: Mask = wet & (log_rates(rates).std(axis=0) <= STEADY)
    return found


def log_rates(rates: Array) -> Array:
    """Return logarithms of rates, elementwise, of `LEAST_RATE` where they are less or no data."""
    logarithms: Array = np.log(np.maximum(np.nan_to_num(rates), np.float32(LEAST_RATE)))
    return logarithms


def sampled(field: Array, offset: Array) -> Array:
    """Return the highest of the nine cells around where an offset leads; the nearest at the border.

    Args:
        field: (y, x).
        offset: (y, x, 2), in cells.

    Returns:
        (y, x).
    """
    rows, columns = field.shape
    down, across = np.indices((rows, columns), np.float32)
    highest = cv2.dilate(field, np.ones((3, 3), np.uint8))
    found: Array = cv2.remap(
        highest,
        across + offset[..., 0],
        down + offset[..., 1],
        cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return found


def replaced(rate: Array, cells: Mask) -> Array:
    """A field (y, x) with the mean of what lies around in some cells; NaN stays."""
    seen = ~(np.isnan(rate) | cells)
    around, weight = (
        cv2.GaussianBlur(np.asarray(field, np.float32), (0, 0), AROUND_CELLS)
        for field in (np.where(seen, rate, 0), seen)
    )
    mean = np.divide(around, weight, out=np.zeros_like(around), where=weight > 0)
    filled: Array = np.where(cells & ~np.isnan(rate), mean, rate).astype(np.float32)
    return filled
