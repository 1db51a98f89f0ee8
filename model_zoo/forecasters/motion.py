"""Where rain is going, seen in the last half hour.

The flow is OpenCV's dense inverse search (Kroeger et al. 2016, doi:10.1007/978-3-319-46493-0_29),
weighted by where rain shows it, and smoothed. The numbers below were chosen on events of the
Netherlands, Finland, Switzerland and Europe without Germany, where the mean CSI changes by less
than 0.005 around them; `python -m benchmarks.skill` shows what they reach.

OpenCV takes as many threads as `cv2.setNumThreads` allows the process; that is the process's to
decide and not changed here. The results do not depend on it.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from model_zoo.forecasters.advect import Array, cells

SPAN_MINUTES = 30
"""How far back the motion is looked at."""
STRIDE_MINUTES = 15
"""Frames compared are at least so far apart: in 5 minutes rain moves about a cell of 5 km."""
CELL_METRES = 5000.0
"""Finer grids are coarsened to about this before the flow is looked for."""
FINEST_METRES = 250.0
"""No radar composite has finer cells; coordinates closer than this do not count metres."""
FAINTEST, STRONGEST = 0.1, 40.0
"""mm/h: black and white of the pictures the flow is looked for in, logarithmic in between."""
BLUR_CELLS = 1.0
"""Takes the steps of 8 bits and the jumps of single cells out of the pictures."""
EDGE_CELLS = 1
"""So near to no data or the border, rain does not tell the motion: the edge that cuts it off stands
still, and what comes in over it has no counterpart."""
SMOOTH_CELLS = 8.0
"""Standard deviation of the weight by which neighbours agree on one motion."""
DISTRUST = 3e-3
"""Weight of the mean motion of the whole field everywhere, against gradients of up to about 1: it
counts only where there is hardly any rain."""
FEWEST_WET = 5
"""Cells with rain in both frames of a pair, below which no motion can be seen in them."""
SMALLEST_SIDE = 32
"""Cells; fields are padded to it, as the flow is looked for in patches of 8 at several scales."""


def estimate(rates: Array, minutes: Sequence[float], metres: float | None = None) -> Array:
    """The motion of rain at the time of the newest frame.

    Args:
        rates: (time, y, x) in mm/h, oldest first, NaN for no data.
        minutes: Time of each frame.
        metres: Side of a cell, None where it is not known.

    Returns:
        (y, x, 2), cells per minute along x and along y, everywhere finite. Zero throughout where
        too little rain is seen to tell; elsewhere filled up from where there is rain.
    """
    factor = coarsening(metres)
    fields = [block_mean(rate, factor) for rate in rates]
    height, width = fields[-1].shape
    total, weight = np.zeros((height, width, 2), np.float32), np.zeros((height, width), np.float32)
    for early, late in strides(minutes):
        seen = flow(fields[early], fields[late])
        if seen is not None:
            velocity, trust = seen
            total += trust[..., None] * velocity / np.float32(minutes[late] - minutes[early])
            weight += trust
    smoothed = smooth(total, weight) * np.float32(factor)
    rows, columns = rates.shape[1:]
    fine = cv2.resize(smoothed, (width * factor, height * factor), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(fine[:rows, :columns])


def strides(minutes: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Pairs of frames to compare, from the newest back in strides no longer than needed."""
    late = len(minutes) - 1
    for early in range(late - 1, -1, -1):
        if minutes[-1] - minutes[early] > SPAN_MINUTES:
            return
        if minutes[late] - minutes[early] >= STRIDE_MINUTES:
            yield early, late
            late = early
    if late == len(minutes) - 1 > 0:  # nothing reaches back a whole stride
        yield 0, late


def flow(early: Array, late: Array) -> tuple[Array, Array] | None:
    """Displacement (y, x, 2) in cells between two frames, and the trust (y, x); None if too dry.

    What either does not see is taken out of both, lest a radar that drops out looks like motion.
    """
    seen = ~(np.isnan(early) | np.isnan(late))
    pictures = [picture(np.where(seen, rate, np.float32(0))) for rate in (early, late)]
    if min(np.count_nonzero(seen & (rate >= FAINTEST)) for rate in (early, late)) < FEWEST_WET:
        return None
    rows, columns = early.shape
    padding = (0, max(SMALLEST_SIDE - rows, 0), 0, max(SMALLEST_SIDE - columns, 0))
    padded = [cv2.copyMakeBorder(p, *padding, cv2.BORDER_CONSTANT, value=0) for p in pictures]
    displacement = search().calc(padded[0], padded[1], None)[:rows, :columns]
    # flat rain tells nothing of its motion, the flanks of a cell do
    slopes = (cv2.Sobel(pictures[0], cv2.CV_32F, *along) for along in ((1, 0), (0, 1)))
    trust = np.hypot(*slopes) / np.float32(255)
    kernel = np.ones((2 * EDGE_CELLS + 1, 2 * EDGE_CELLS + 1), np.uint8)
    inside = cv2.erode(seen.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    arrives = cv2.remap(inside, cells(rows, columns) + displacement, None, cv2.INTER_NEAREST)
    return displacement, np.where(inside & arrives == 1, trust, np.float32(0))


def search() -> cv2.DISOpticalFlow:
    """The search for patches of 8 x 8 cells, down to the full resolution."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0)
    dis.setVariationalRefinementIterations(0)  # our smoothing does better, and faster
    # a third faster than the preset's 3 cells and 25 iterations, and as good
    dis.setPatchStride(4)
    dis.setGradientDescentIterations(12)
    return dis


def picture(rate: Array) -> NDArray[np.uint8]:
    """Rain rates without NaN as 8 bit grey, linear in their logarithm."""
    decades = np.log(np.maximum(rate, FAINTEST) / FAINTEST) / np.log(STRONGEST / FAINTEST)
    grey = (255 * np.minimum(decades, 1)).astype(np.uint8)
    blurred: NDArray[np.uint8] = cv2.GaussianBlur(grey, (0, 0), BLUR_CELLS)
    return blurred


def smooth(total: Array, weight: Array) -> Array:
    """Sums of weighted vectors (y, x, 2) and of weights (y, x) to a mean that varies smoothly."""
    if not weight.any():
        return np.zeros_like(total)
    mean = total.sum((0, 1)) / weight.sum()
    total, weight = (
        cv2.GaussianBlur(field, (0, 0), SMOOTH_CELLS, borderType=cv2.BORDER_CONSTANT)
        for field in (total, weight)
    )
    motion: Array = (total + DISTRUST * mean) / (weight + DISTRUST)[..., None]
    return motion


def coarsening(metres: float | None) -> int:
    """How many cells along a side of what the flow is looked for in."""
    if metres is None or not metres >= FINEST_METRES:
        return 1
    return max(round(CELL_METRES / metres), 1)


def block_mean(rate: Array, factor: int) -> Array:
    """Mean of the valid cells of each block, NaN where none is; blocks may stick out at the end."""
    if factor == 1:
        return np.asarray(rate, np.float32)
    rows, columns = rate.shape
    padded = np.pad(rate, ((0, -rows % factor), (0, -columns % factor)), constant_values=np.nan)
    valid = ~np.isnan(padded)
    size = (padded.shape[1] // factor, padded.shape[0] // factor)
    rain, share = (
        cv2.resize(field.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        for field in (np.where(valid, padded, 0), valid)
    )
    mean: Array = np.divide(rain, share, out=np.full_like(rain, np.nan), where=share > 0)
    return mean
