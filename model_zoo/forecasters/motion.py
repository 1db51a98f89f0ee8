"""Motion of rain by optical flow between the radar fields of the last half hour.

The flow is OpenCV's dense inverse search (Kroeger et al. 2016, doi:10.1007/978-3-319-46493-0_29),
weighted by the gradient of the rain and smoothed. The constants below were chosen on events of the
Netherlands, Finland, Switzerland and Europe without Germany, where the mean CSI changes by less
than 0.005 around them; `python -m benchmarks.skill` measures the skill.

OpenCV uses as many threads as `cv2.setNumThreads` allows the process, which is not changed here.
The results do not depend on it.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from model_zoo.forecasters.advect import Array, cell_positions

SPAN_MINUTES = 30
"""Age of the oldest frame that is used."""
STRIDE_MINUTES = 15
"""Least time between two compared frames: in 5 minutes rain moves about one cell of 5 km."""
CELL_METRES = 5000.0
"""Finer grids are averaged to about this cell size before the flow is computed."""
MIN_CELL_METRES = 250.0
"""Smallest plausible cell; smaller spacings mean that the coordinates are not in metres."""
MIN_RATE, MAX_RATE = 0.1, 40.0
"""Rates in mm/h at grey levels 0 and 255 of the images, logarithmic in between."""
BLUR_CELLS = 1.0
"""Standard deviation of the Gaussian that smooths the 8-bit images."""
EDGE_CELLS = 1
"""Width of the rim along no data and the border where the flow is ignored: the edge itself stands
still, and rain that enters has no counterpart."""
SMOOTH_CELLS = 8.0
"""Standard deviation of the Gaussian that smooths the motion."""
PRIOR_WEIGHT = 3e-3
"""Weight of the mean motion of the field in every cell, compared with gradients of up to about 1:
it matters only where there is hardly any rain."""
MIN_WET_CELLS = 5
"""Least number of rainy cells in each of two frames for a flow to be computed."""
LEAST_OVERLAP = 0.3
"""Share of the rain of each frame that must lie within the other, moved as a whole."""
FAR_PENALTY = 1e-3
"""Loss of correlation by which a displacement has to be better for each cell that it is larger."""
MUCH_BETTER = 0.5
"""Misfit of the displacement of the field as a whole, relative to that of the flow, below which it
takes the flow's place: along a straight band without ends the search finds none. Real fields move
as a whole so well only where the search went astray."""
FASTEST = 0.6
"""Cells per minute (50 m/s) up to which a field moves as a whole: what lies farther apart is other
rain."""
MIN_SIDE_CELLS = 32
"""Fields are padded to this: the search uses patches of 8 cells at several scales."""


def estimate(rates: Array, minutes: Sequence[float], metres: float | None = None) -> Array:
    """Estimate the motion of rain at the time of the newest frame.

    Args:
        rates: (time, y, x) in mm/h, oldest first, NaN for no data.
        minutes: Time of each frame, in minutes.
        metres: Size of a cell in m, None where unknown.

    Returns:
        (y, x, 2), cells per minute along x and y, finite everywhere: extrapolated from rainy to
        dry cells, and zero in all cells if there is too little rain.
    """
    factor = coarsening_factor(metres)
    fields = [block_mean(rate, factor) for rate in rates]
    height, width = fields[-1].shape
    total, weight = np.zeros((height, width, 2), np.float32), np.zeros((height, width), np.float32)
    for earlier, later in frame_pairs(minutes):
        span = minutes[later] - minutes[earlier]
        found = flow(fields[earlier], fields[later], FASTEST * span)
        if found is not None:
            displacement, confidence = found
            total += confidence[..., None] * displacement / np.float32(span)
            weight += confidence
    smoothed = smooth_motion(total, weight) * np.float32(factor)
    rows, columns = rates.shape[1:]
    fine = cv2.resize(smoothed, (width * factor, height * factor), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(fine[:rows, :columns])


def frame_pairs(minutes: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Yield the indices of frames to compare, from the newest pair to the oldest."""
    later = len(minutes) - 1
    for earlier in range(later - 1, -1, -1):
        if minutes[-1] - minutes[earlier] > SPAN_MINUTES:
            return
        if minutes[later] - minutes[earlier] >= STRIDE_MINUTES:
            yield earlier, later
            later = earlier
    if later == len(minutes) - 1 > 0:  # no frame is a whole stride back
        yield 0, later


def flow(earlier: Array, later: Array, farthest: float) -> tuple[Array, Array] | None:
    """Compute the optical flow between two frames.

    Cells without data in one of the frames are set to dry in both, so that the failure of a radar
    does not look like motion.

    Args:
        earlier: (y, x) in mm/h, NaN for no data.
        later: Likewise.
        farthest: By how many cells the field may have moved as a whole.

    Returns:
        Displacement (y, x, 2) in cells and its confidence (y, x) in 0..1; None if it is too dry.
    """
    valid = ~(np.isnan(earlier) | np.isnan(later))
    images = [log_image(np.where(valid, rate, np.float32(0))) for rate in (earlier, later)]
    if (
        min(np.count_nonzero(valid & (rate >= MIN_RATE)) for rate in (earlier, later))
        < MIN_WET_CELLS
    ):
        return None
    rows, columns = earlier.shape
    padding = (0, max(MIN_SIDE_CELLS - rows, 0), 0, max(MIN_SIDE_CELLS - columns, 0))
    padded = [cv2.copyMakeBorder(p, *padding, cv2.BORDER_CONSTANT, value=0) for p in images]
    displacement = optical_flow_search().calc(padded[0], padded[1], None)[:rows, :columns]
    moved = translation(earlier, later)
    whole = np.broadcast_to(moved.astype(np.float32), displacement.shape)
    if np.hypot(*moved) <= farthest and (
        misfit(images, whole, valid) < MUCH_BETTER * misfit(images, displacement, valid)
    ):
        displacement = whole
    # only gradients of the rain determine the motion
    gradients = (cv2.Sobel(images[0], cv2.CV_32F, *along) for along in ((1, 0), (0, 1)))
    confidence = np.hypot(*gradients) / np.float32(255)
    kernel = np.ones((2 * EDGE_CELLS + 1, 2 * EDGE_CELLS + 1), np.uint8)
    inside = cv2.erode(
        valid.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    at_destination = cv2.remap(
        inside, cell_positions(rows, columns) + displacement, None, cv2.INTER_NEAREST
    )
    return displacement, np.where(inside & at_destination == 1, confidence, np.float32(0))


def misfit(
    images: Sequence[NDArray[np.uint8]], displacement: Array, valid: NDArray[np.bool_]
) -> float:
    """Return how much of an image is not found again where a displacement (y, x, 2) carries it.

    It is the sum of absolute differences relative to that of the earlier image, where it is `valid`
    and the destination within the later one; 0 of a dark image.

    Args:
        images: The earlier and the later one, (y, x).
        displacement: (y, x, 2) along x and y, in cells.
        valid: Which cells are compared, (y, x).
    """
    earlier, later = images
    rows, columns = earlier.shape
    destination = cell_positions(rows, columns) + displacement
    found = cv2.remap(later.astype(np.float32), destination, None, cv2.INTER_LINEAR, borderValue=-1)
    compared = valid & (found >= 0)
    before = earlier[compared].astype(np.float32)
    return float(np.abs(found[compared] - before).sum() / max(before.sum(), 1.0))


def optical_flow_search() -> cv2.DISOpticalFlow:
    """Return the dense inverse search with patches of 8 x 8 cells, down to full resolution."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0)
    dis.setVariationalRefinementIterations(0)  # smoothing the motion is better and faster
    # a third faster than the preset's 3 cells and 25 iterations, and as good
    dis.setPatchStride(4)
    dis.setGradientDescentIterations(12)
    return dis


def translation(earlier: Array, later: Array) -> NDArray[np.float64]:
    """Return by how many cells along x and y the rain as a whole moves between two frames.

    It is the displacement of highest normalised correlation, of what both frames can show, between
    whole cells by a parabola. Where the flow of a long straight band is uncertain along the band,
    this is held by its ends; of one without ends it is across the band.

    Args:
        earlier: (y, x) in mm/h, NaN for no data.
        later: Likewise.
    """
    known = [~np.isnan(rate) for rate in (earlier, later)]
    images = [
        np.where(seen, log_image(np.nan_to_num(rate)), 0).astype(np.float32)
        for rate, seen in zip((earlier, later), known, strict=True)
    ]
    size = [fft.next_fast_len(2 * side - 1, real=True) for side in earlier.shape]

    def correlate(first: Array, second: Array) -> Array:
        transformed = np.conj(fft.rfft2(first, size)) * fft.rfft2(second, size)
        product: Array = fft.irfft2(transformed, size)
        return product

    masks = [seen.astype(np.float32) for seen in known]
    energies = correlate(images[0] ** 2, masks[1]), correlate(masks[0], images[1] ** 2)
    # only rain that both would show counts: it may come from beyond, or leave
    least = [LEAST_OVERLAP * np.sum(image**2) for image in images]
    overlap = np.logical_and(*(seen > few for seen, few in zip(energies, least, strict=True)))
    energy = np.sqrt(np.maximum(energies[0], 1e-6) * np.maximum(energies[1], 1e-6))
    correlation = np.where(overlap, correlate(images[0], images[1]) / energy, -1)
    # of displacements that fit alike, as along a band without ends, the smallest
    away = [np.minimum(np.arange(length), length - np.arange(length)) for length in size]
    penalised = correlation - FAR_PENALTY * np.hypot(away[0][:, None], away[1])
    down, across = np.unravel_index(int(np.argmax(penalised)), correlation.shape)
    found = [
        (index - length if index > length // 2 else index) + vertex(along, int(index))
        for index, length, along in (
            (across, size[1], correlation[down]),
            (down, size[0], correlation[:, across]),
        )
    ]
    return np.array(found, np.float64)


def vertex(values: Array, index: int) -> float:
    """Return how far the vertex of the parabola through a maximum lies from it, -0.5 to 0.5.

    Args:
        values: Periodic, those that cannot be compared -1.
        index: Of the maximum.
    """
    before, peak, after = (float(values[(index + step) % len(values)]) for step in (-1, 0, 1))
    bend = before - 2 * peak + after
    if min(before, after) <= -1 or bend >= -FAR_PENALTY:
        return 0.0
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5))


def log_image(rate: Array) -> NDArray[np.uint8]:
    """Convert rates (y, x) in mm/h without NaN to a smoothed 8-bit image of their logarithm."""
    decades = np.log(np.maximum(rate, MIN_RATE) / MIN_RATE) / np.log(MAX_RATE / MIN_RATE)
    grey = (255 * np.minimum(decades, 1)).astype(np.uint8)
    blurred: NDArray[np.uint8] = cv2.GaussianBlur(grey, (0, 0), BLUR_CELLS)
    return blurred


def smooth_motion(total: Array, weight: Array) -> Array:
    """Return the smoothed weighted mean motion (y, x, 2).

    Args:
        total: Sum of weighted vectors, (y, x, 2).
        weight: Sum of weights, (y, x).
    """
    if not weight.any():
        return np.zeros_like(total)
    mean = total.sum((0, 1)) / weight.sum()
    total, weight = (
        cv2.GaussianBlur(field, (0, 0), SMOOTH_CELLS, borderType=cv2.BORDER_CONSTANT)
        for field in (total, weight)
    )
    motion: Array = (total + PRIOR_WEIGHT * mean) / (weight + PRIOR_WEIGHT)[..., None]
    return motion


def coarsening_factor(metres: float | None) -> int:
    """Return how many cells to average along each side before the flow is computed."""
    if metres is None or not metres >= MIN_CELL_METRES:
        return 1
    return max(round(CELL_METRES / metres), 1)


def block_mean(rate: Array, factor: int) -> Array:
    """Average (y, x) over blocks of `factor` x `factor` cells, ignoring NaN; NaN if all are."""
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
