"""Whether a frame can be what radar saw, held against the frames shortly before and after it.

A file may be whole and yet say what cannot be: that widespread rain is gone within minutes, that it
rains alike everywhere, that nothing has moved. Pure functions of rates (y, x) in mm/h, NaN for no
data; what to do about it, the caller decides.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

RAIN, DRY = 0.3, 0.1
"""mm/h: what it rained by before, and below what it does not rain now; drizzle comes and goes."""
WIDESPREAD, GONE = 0.03, 0.001
"""Shares of the cells with data from which rain is widespread, and below which there is none."""
TILES = 5
"""Parts along each side that are looked at for themselves, 180 km of the model grid."""
TILE_WIDESPREAD, TILE_GONE = 0.25, 0.005
LEAST_SEEN = 0.5
"""Share of a part that should have data in both frames, to compare them."""
SUDDEN_MINUTES, SOON_MINUTES = 10.0, 30.0
"""Within the first, rain does not leave or end over a part of the country; within the second, not
over all of it."""
WITNESSES = 2
"""Frames nearest in time that have to agree, where there are as many: one may be wrong itself."""
BLOCKS = 20
"""Parts along each side in whose mean amounts a pattern is compared, 45 km of the model grid: rain
moves less than that within ten minutes."""
FEWEST_BLOCKS = 40
"""With data in both frames, to compare them."""
UNLIKE = 0.3
"""Correlation of those means below which two patterns of widespread rain within ten minutes are not
of the same weather."""
JUMP = 4.0
"""Factor by which the mean of widespread rain never changes within ten minutes."""
STOPPED = 0.005
"""Share of wet cells from which two frames are never the same to the last digit."""


class Beside(NamedTuple):
    """A frame near in time."""

    rate: Array
    minutes: float
    """From it to the frame that is judged; below 0 for a later one."""


class Judgement(NamedTuple):
    """What speaks against a frame; empty where nothing does."""

    impossible: str = ""
    """Why radar cannot have seen it."""
    suspect: str = ""
    """Why it should be looked at."""


def judge(rate: Array, others: Sequence[Beside]) -> Judgement:
    """Compare a frame with its neighbours in time.

    Args:
        rate: (y, x) in mm/h, NaN for no data.
        others: Frames beside it in time, on the same grid, in any order.

    Returns:
        What speaks against it.
    """
    nearest = sorted(others, key=lambda other: abs(other.minutes))[:WITNESSES]
    soon, sudden = (
        [other for other in nearest if abs(other.minutes) <= window]
        for window in (SOON_MINUTES, SUDDEN_MINUTES)
    )
    if soon and all(is_gone(rate, other.rate, WIDESPREAD, GONE) for other in soon):
        return Judgement(
            f"it rains nowhere {words(soon[0].minutes)} it rained on "
            f"{share(soon[0].rate, RAIN):.0%} of the area"
        )
    parts = [lost_part(rate, other.rate) for other in sudden]
    if parts and all(parts):
        return Judgement(
            f"it rains nowhere in the part {parts[0]} {words(sudden[0].minutes)} it rained on a "
            f"quarter of it or more"
        )
    if is_constant(rate):
        return Judgement(suspect=f"it rains {np.nanmax(rate):g} mm/h everywhere alike")
    suspicions = [contradiction(rate, other.rate) for other in sudden]
    if suspicions and all(suspicions):
        return Judgement(
            suspect=f"{suspicions[0]} {words(sudden[0].minutes)} it rained widely, too"
        )
    for other in others:
        if has_stopped(rate, other.rate):
            return Judgement(suspect=f"nothing has changed: {words(other.minutes)} it was the same")
    return Judgement()


def words(minutes: float) -> str:
    """A frame near in time, in a sentence."""
    return f"though {abs(minutes):g} minutes {'before' if minutes > 0 else 'later'}"


def is_gone(rate: Array, other: Array, widespread: float, gone: float) -> bool:
    """Whether rain that was widespread in another frame is nowhere, where both have data."""
    both = ~(np.isnan(rate) | np.isnan(other))
    if both.mean() < LEAST_SEEN * (~np.isnan(other)).mean() or not both.any():
        return False
    return bool((other[both] >= RAIN).mean() >= widespread and (rate[both] >= DRY).mean() < gone)


def lost_part(rate: Array, other: Array) -> str:
    """The part in which widespread rain is gone, such as "2, 3" from the north-west; or nothing."""
    rows, columns = rate.shape
    for down in range(TILES):
        for across in range(TILES):
            part = (
                slice(down * rows // TILES, (down + 1) * rows // TILES),
                slice(across * columns // TILES, (across + 1) * columns // TILES),
            )
            seen = ~np.isnan(other[part])
            if seen.mean() >= LEAST_SEEN and is_gone(
                rate[part], other[part], TILE_WIDESPREAD, TILE_GONE
            ):
                return f"{down + 1}, {across + 1}"
    return ""


def contradiction(rate: Array, other: Array) -> str:
    """What speaks against two frames of widespread rain within ten minutes; or nothing.

    A field that is turned over, or read in a wrong order or scale, is such a one.
    """
    if rate.shape != other.shape or min(rate.shape) < BLOCKS:
        return ""
    if min(share(rate, RAIN), share(other, RAIN)) < WIDESPREAD:
        return ""
    both = ~(np.isnan(rate) | np.isnan(other))
    if both.mean() < LEAST_SEEN * (~np.isnan(other)).mean():
        return ""
    factor = float(rate[both].mean()) / max(float(other[both].mean()), 1e-6)
    if not 1 / JUMP <= factor <= JUMP:
        return f"it rains {factor:.2g} times as much,"
    here, there = (block_means(np.where(both, field, np.nan)) for field in (rate, other))
    known = ~np.isnan(here)
    if known.sum() < FEWEST_BLOCKS or min(here[known].std(), there[known].std()) == 0:
        return ""
    alike = float(np.corrcoef(here[known], there[known])[0, 1])
    return f"it rains elsewhere (correlation {alike:.2f})," if alike < UNLIKE else ""


def block_means(rate: Array) -> Array:
    """Mean of log(1 + rate) over the parts of a field (y, x), NaN where half of one is missing."""
    rows, columns = (side // BLOCKS for side in rate.shape)
    parts = np.log1p(rate[: BLOCKS * rows, : BLOCKS * columns])
    parts = parts.reshape(BLOCKS, rows, BLOCKS, columns)
    seen = ~np.isnan(parts)
    count = seen.sum(axis=(1, 3))
    total = np.where(seen, parts, 0).sum(axis=(1, 3))
    means: Array = np.where(2 * count >= rows * columns, total / np.maximum(count, 1), np.nan)
    return means


def share(rate: Array, least: float) -> float:
    """Share of the cells with data in which it rains by so many mm/h."""
    return float((rate[~np.isnan(rate)] >= least).mean()) if not np.isnan(rate).all() else 0.0


def is_constant(rate: Array) -> bool:
    """Whether it rains alike everywhere. Nothing everywhere is a dry day."""
    known = rate[~np.isnan(rate)]
    return bool(known.size > 1 and known.max() > 0 and known.min() == known.max())


def has_stopped(rate: Array, other: Array) -> bool:
    """Whether two frames of rain are the same to the last digit."""
    return bool(
        rate.shape == other.shape
        and share(rate, DRY) >= STOPPED
        and np.array_equal(rate, other, equal_nan=True)
    )
