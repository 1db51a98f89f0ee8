"""Semi-Lagrangian backward advection of rain fields.

The departure point of each cell is traced back along the motion and the field is interpolated there
once, whatever the lead time (Germann and Zawadzki 2002,
doi:10.1175/1520-0493(2002)130<2859:SDOTPO>2.0.CO;2). Positions are (y, x, 2) in cells, column
before row, as OpenCV has them.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

STEP_MINUTES = 15.0
"""Length of a step of a trajectory, integrated by the midpoint rule."""


def advect(rate: Array, motion: Array, minutes: Sequence[float]) -> Array:
    """Advect a field by a motion that is constant in time.

    Args:
        rate: (y, x) in mm/h, NaN for no data.
        motion: (y, x, 2), cells per minute along x and y, finite.
        minutes: Lead times, rising.

    Returns:
        (len(minutes), y, x) in mm/h, bilinear between the cells around the departure point that
        have data; NaN where less than half of their weight has data or lies inside the field.
    """
    points = departure_points(motion, minutes)
    return np.concatenate([sample_at(rate[None], positions) for positions in points])


def departure_points(motion: Array, minutes: Sequence[float]) -> Iterator[Array]:
    """Trace the departure point of each cell for each lead time.

    Those of a lead time do not depend on which others are asked for.

    Args:
        motion: (y, x, 2), cells per minute along x and y, finite.
        minutes: Lead times, rising.

    Yields:
        Positions (y, x, 2) for each lead time.
    """
    whole, now = cell_positions(*motion.shape[:2]), 0.0
    for then in minutes:
        while then - now >= STEP_MINUTES:
            whole = trace_back(whole, motion, STEP_MINUTES)
            now += STEP_MINUTES
        yield trace_back(whole, motion, then - now) if then != now else whole


def sample_at(fields: Array, positions: Array) -> Array:
    """Interpolate fields at positions, as in `advect`.

    Args:
        fields: (field, y, x), NaN for no data, in the same cells of all fields.
        positions: (y, x, 2).

    Returns:
        (field, y, x).
    """
    valid = ~np.isnan(fields[0])
    # the weight of the valid neighbours is interpolated as the field is
    layers = [*np.where(valid, fields, np.float32(0)), valid.astype(np.float32)]
    sampled = cv2.remap(
        np.dstack(layers), positions, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    share = sampled[..., -1:]
    mean = sampled[..., :-1] / np.maximum(share, 0.5)
    result: Array = np.where(share >= 0.5, mean, np.nan)
    return np.moveaxis(result, -1, 0)


def sample_nearest(rate: Array, positions: Array) -> Array:
    """Take the value of the nearest cell to each position, without interpolation.

    Args:
        rate: (y, x) in mm/h, NaN for no data.
        positions: (y, x, 2).

    Returns:
        (y, x) in mm/h, with thresholds exceeded as often as before; NaN where the position has no
        data or lies outside the field.
    """
    sampled: Array = cv2.remap(
        rate, positions, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=np.nan
    )
    return sampled


def sample_whole(rate: Array, positions: Array) -> Array:
    """Take the value of the nearest cell, and an interpolated one only where that has no data.

    Args:
        rate: (y, x) in mm/h, NaN for no data.
        positions: (y, x, 2).

    Returns:
        (y, x) in mm/h, NaN just where that of `sample_at` is.
    """
    nearest = sample_nearest(rate, positions)
    (mean,) = sample_at(rate[None], positions)
    return np.where(np.isnan(mean), np.float32(np.nan), np.where(np.isnan(nearest), mean, nearest))


def advect_backward(rate: Array, motion: Array, minutes: float) -> Array:
    """Move a field back along the motion to an earlier time.

    Each cell takes the value of the nearest cell to its position after `minutes`, without
    interpolation, so that thresholds are exceeded as often as before.

    Args:
        rate: (y, x) in mm/h, NaN for no data.
        motion: (y, x, 2), cells per minute along x and y, finite.
        minutes: How far back.

    Returns:
        (y, x) in mm/h, NaN where the position has no data or lies outside the field.
    """
    return sample_nearest(rate, trace_back(cell_positions(*rate.shape), motion, -minutes))


def trace_back(positions: Array, motion: Array, minutes: float) -> Array:
    """Trace positions back along the motion.

    Args:
        positions: (y, x, 2).
        motion: (y, x, 2), cells per minute along x and y.
        minutes: How far back; negative values trace forward.

    Returns:
        (y, x, 2).
    """
    steps = max(round(abs(minutes) / STEP_MINUTES), 1)
    step = np.float32(minutes / steps)
    for _ in range(steps):
        half_way = positions - step / 2 * motion_at(motion, positions)
        positions = positions - step * motion_at(motion, half_way)
    return positions


def motion_at(motion: Array, positions: Array) -> Array:
    """Interpolate the motion (y, x, 2) at positions (y, x, 2); constant beyond the border."""
    motions: Array = cv2.remap(
        motion, positions, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return motions


def cell_positions(rows: int, columns: int) -> Array:
    """Return the position of each cell, (rows, columns, 2): column, then row."""
    return np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).astype(np.float32)
