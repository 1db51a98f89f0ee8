"""Cascade of spatial scales, each with an autoregressive model fitted to the event (S-PROG).

Fields of rain in Lagrangian coordinates are split into octaves of scale by Gaussian bandpass
filters in the Fourier domain. From one frame to the next each scale is an AR(2) process whose
lag-1 and lag-2 correlations are those of the event; large scales live for hours, small ones for
minutes (Seed 2003, doi:10.1175/1520-0450(2003)042<0381:SPRDAS>2.0.CO;2; Pulkkinen et al. 2019,
doi:10.5194/gmd-12-4185-2019). As the model is linear, the forecast of any lead is the sum of two
filtered fields, and costs one inverse FFT.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Array = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

BANDWIDTH = 0.5
"""Standard deviation of a filter, in the ratio of neighbouring central wavenumbers."""
FEWEST_CELLS = 64
"""Cells that two frames must share for their correlation to count."""
MOST = 0.999999
"""Largest correlation of one step that an autoregression can be fitted to."""


class Temporal(NamedTuple):
    """What the frames tell of how long each scale lives.

    Attributes:
        step: Minutes of a lag.
        lag1: (level,), correlation of frames one step apart, the largest scale first.
        lag2: (level,), of frames two steps apart.
    """

    step: float
    lag1: NDArray[np.float64]
    lag2: NDArray[np.float64]


class Cascade(NamedTuple):
    """Frames split into scales.

    Attributes:
        spectra: (time, y, x // 2 + 1), of the deviations from the mean of the newest frame.
        spread: (time, level), standard deviation over the cells with data.
        temporal: The correlations of the scales.
    """

    spectra: Spectrum
    spread: Array
    temporal: Temporal


@lru_cache(maxsize=16)
def bandpass(rows: int, columns: int) -> Array:
    """Weights (level, rows, columns // 2 + 1) of the scales in a spectrum; they add up to 1.

    Central wavenumbers are spaced by a factor of about two, so that there are as many levels as
    octaves between the longer side and two cells, at least 3. The filters are isotropic on a grid
    of any aspect. The largest scale holds the mean.
    """
    longest = max(rows, columns)
    levels = max(round(math.log2(longest / 2)), 3)
    ratio = (longest / 2) ** (1 / levels)
    along_y = fft.fftfreq(rows)[:, None] * longest
    along_x = fft.rfftfreq(columns)[None] * longest
    wavenumber = np.hypot(along_y, along_x)
    octave = np.log(np.maximum(wavenumber, 1)) / math.log(ratio)
    centres = [math.log((ratio**k + ratio ** (k + 1)) / 2) / math.log(ratio) for k in range(levels)]
    weights = np.exp(-((octave - np.array(centres)[:, None, None]) ** 2) / (2 * BANDWIDTH**2))
    weights /= weights.sum(0)
    weights[:, 0, 0] = 0
    weights[0, 0, 0] = 1
    filters: Array = weights.astype(np.float32)
    filters.flags.writeable = False  # it is kept for the next call
    return filters


def decompose(fields: Array, known: NDArray[np.bool_], ages: Sequence[float]) -> Cascade:
    """Split frames into scales and correlate them.

    Args:
        fields: (time, y, x), finite, oldest first, in Lagrangian coordinates.
        known: (time, y, x), where they are data and not filled up; only these count in statistics.
        ages: Minutes from each frame to the newest, falling to 0; two frames at least.
    """
    shape = fields.shape[1:]
    spectra: Spectrum = fft.rfft2(fields)
    weights = bandpass(*shape)
    levels: Array = fft.irfft2(spectra[:, None] * weights, s=shape)
    flat, cells = levels.reshape(*levels.shape[:2], -1), known.reshape(len(known), -1)
    spread = np.stack(
        [
            one[:, seen].std(1) if seen.any() else one.std(1)
            for one, seen in zip(flat, cells, strict=True)
        ]
    )
    return Cascade(spectra, spread, correlations(flat, cells, ages))


def correlations(levels: Array, known: NDArray[np.bool_], ages: Sequence[float]) -> Temporal:
    """Mean correlations of all pairs of frames that are one step, and two steps apart.

    Where no pair is two steps apart, those of an AR(1) process are taken.

    Args:
        levels: (time, level, cell).
        known: (time, cell).
        ages: As in `decompose`.
    """
    step = min(-np.diff(ages))
    sums = np.zeros((3, levels.shape[1]))
    counts = np.zeros(3)
    for early, late, lag in pairs(ages, step):
        both = known[early] & known[late]
        if np.count_nonzero(both) >= FEWEST_CELLS:
            sums[lag] += correlation(levels[early][:, both], levels[late][:, both])
            counts[lag] += 1
    lag1 = np.clip(sums[1] / counts[1], 0, MOST) if counts[1] else np.full(levels.shape[1], MOST)
    lag2 = sums[2] / counts[2] if counts[2] else lag1**2
    return Temporal(step, lag1, stationary(lag1, lag2))


def pairs(ages: Sequence[float], step: float) -> Iterator[tuple[int, int, int]]:
    """Pairs of frames one step or two apart, give or take a third: early, late, steps."""
    for late in range(len(ages) - 1, 0, -1):
        for early in range(late - 1, -1, -1):
            apart = (ages[early] - ages[late]) / step
            lag = round(apart)
            if lag > 2:
                break
            if abs(apart - lag) < 1 / 3:
                yield early, late, lag


def correlation(early: Array, late: Array) -> NDArray[np.float64]:
    """Correlation (level,) of two frames (level, cell); 1 for levels that do not vary."""
    early = early - early.mean(1, keepdims=True)
    late = late - late.mean(1, keepdims=True)
    product = np.einsum("lc,lc->l", early, late).astype(np.float64)
    size = np.einsum("lc,lc->l", early, early).astype(np.float64)
    size *= np.einsum("lc,lc->l", late, late)
    found: NDArray[np.float64] = np.divide(
        product, np.sqrt(size), out=np.ones_like(product), where=size > 0
    )
    return found


def stationary(lag1: NDArray[np.float64], lag2: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lag-2 correlation, raised to where AR(2) is stationary and does not oscillate."""
    square = lag1**2
    least = (3 * square - 2 + 2 * (1 - square) ** 1.5) / np.maximum(square, 1e-12)
    return np.clip(lag2, np.where(square > 1e-6, least, 0.0), MOST)


def decay(temporal: Temporal, steps: int) -> NDArray[np.float64]:
    """Correlations (lag, level) of the AR(2) process from lag 0 to `steps`."""
    lag1, lag2 = temporal.lag1, temporal.lag2
    first = lag1 * (1 - lag2) / (1 - lag1**2)
    second = (lag2 - lag1**2) / (1 - lag1**2)
    found = [np.ones_like(lag1), lag1]
    while len(found) <= steps:
        found.append(first * found[-1] + second * found[-2])
    return np.stack(found)


def ahead(cascade: Cascade, age: float, leads: Sequence[float], shape: tuple[int, int]) -> Array:
    """Conditional means (lead, y, x) of the newest frame's fields so many minutes later.

    They are the best linear prediction from the newest frame and the one before it, which is that
    of AR(2) where the two are one step apart, and stays right where a frame in between is missing.
    Between whole steps the weights are interpolated.

    Args:
        cascade: Of the frames.
        age: Minutes from the frame before to the newest.
        leads: Minutes.
        shape: (y, x).
    """
    temporal = cascade.temporal
    apart = max(round(age / temporal.step), 1)
    farthest = math.ceil(max(leads) / temporal.step) + 1
    known = decay(temporal, farthest + apart)
    now, before = known[: farthest + 1], known[apart : farthest + apart + 1]
    between = known[apart]
    of_newest = (now - between * before) / (1 - between**2)
    of_earlier = (before - between * now) / (1 - between**2)
    spread = cascade.spread
    scale = np.divide(
        spread[-1], spread[-2], out=np.ones_like(spread[-1]), where=spread[-2] > 0
    ).astype(float)
    weights = bandpass(*shape)
    transfers = []
    for lead in leads:
        at, part = divmod(lead / temporal.step, 1)
        mixed = [
            ((1 - part) * of[int(at)] + part * of[int(at) + 1]).astype(np.float32)
            for of in (of_newest, of_earlier * scale)
        ]
        newest, earlier = (np.tensordot(mix, weights, 1) for mix in mixed)
        newest[0, 0], earlier[0, 0] = 1, 0  # the mean stays
        transfers.append(newest * cascade.spectra[-1] + earlier * cascade.spectra[-2])
    found: Array = fft.irfft2(np.stack(transfers), s=shape)
    return found
