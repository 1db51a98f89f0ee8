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
Mask = NDArray[np.bool_]
Spectrum = NDArray[np.complex64]

BANDWIDTH = 0.5
"""Standard deviation of a filter, in the ratio of neighbouring central wavenumbers."""
MOST = 0.999999
"""Largest correlation of one step that an autoregression can be fitted to."""


class Temporal(NamedTuple):
    """Autoregression of each scale, estimated from frames.

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
        shape: (y, x).
        spectra: (time, y, x // 2 + 1).
        ages: Minutes from each frame to the newest, falling to 0.
        spread: (time, level), standard deviation over the cells with data.
        temporal: The correlations of the scales.
    """

    shape: tuple[int, int]
    spectra: Spectrum
    ages: Sequence[float]
    spread: NDArray[np.float64]
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


def decompose(fields: Array, known: Mask, ages: Sequence[float]) -> Cascade:
    """Split frames into scales and correlate them.

    Args:
        fields: (time, y, x), finite, oldest first, in Lagrangian coordinates.
        known: (y, x), where they all are data and not filled up; only this, some cells at least,
            counts in statistics.
        ages: Minutes from each frame to the newest, falling to 0; two frames at least.
    """
    rows, columns = fields.shape[1:]
    spectra: Spectrum = fft.rfft2(fields)
    levels: Array = fft.irfft2(spectra[:, None] * bandpass(rows, columns), s=(rows, columns))
    cells = np.moveaxis(levels[:, :, known], 0, 1)
    cells = cells - cells.mean(axis=2, keepdims=True)
    products = (cells @ cells.swapaxes(1, 2)).astype(np.float64)
    size = np.sqrt(np.diagonal(products, axis1=1, axis2=2))
    scale = size[:, :, None] * size[:, None]
    correlated = np.divide(products, scale, out=np.ones_like(products), where=scale > 0)
    spread = size.T / np.sqrt(np.count_nonzero(known))
    return Cascade((rows, columns), spectra, ages, spread, correlations(correlated, ages))


def correlations(correlated: NDArray[np.float64], ages: Sequence[float]) -> Temporal:
    """Mean correlations of all pairs of frames that are one step, and two steps apart.

    A step is the least time between two frames. Where no pair is two steps apart, it is that of an
    AR(1) process.

    Args:
        correlated: (level, time, time), of each pair of frames.
        ages: As in `decompose`.
    """
    step = min(-np.diff(ages))
    found: dict[int, list[NDArray[np.float64]]] = {1: [], 2: []}
    for early, late, lag in pairs(ages, step):
        found[lag].append(correlated[:, early, late])
    lag1 = np.clip(np.mean(found[1], axis=0), 0, MOST)
    lag2 = np.mean(found[2], axis=0) if found[2] else lag1**2
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


def ahead(cascade: Cascade, leads: Sequence[float]) -> Array:
    """Conditional means (lead, y, x) of the newest frame's fields so many minutes later.

    They are the best linear prediction from the newest frame and the one before it, which is that
    of AR(2) where the two are one step apart, and stays right where a frame in between is missing.
    Between whole steps the weights are interpolated.
    """
    of_newest, of_earlier = predictors(cascade, max(leads))
    filters = bandpass(*cascade.shape)
    position = np.array(leads) / cascade.temporal.step
    whole = position.astype(int)
    part = (position - whole)[:, None]
    transfers = []
    for weights in (of_newest, of_earlier):
        mixed = (1 - part) * weights[whole] + part * weights[whole + 1]
        transfers.append(np.tensordot(mixed.astype(np.float32), filters, 1))
    newest, earlier = transfers
    newest[:, 0, 0], earlier[:, 0, 0] = 1, 0  # the mean stays
    fields: Array = fft.irfft2(
        newest * cascade.spectra[-1] + earlier * cascade.spectra[-2], s=cascade.shape
    )
    return fields


def predictors(cascade: Cascade, lead: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights (step, level) of the newest frame and of the one before it, up to past `lead`."""
    temporal, spread = cascade.temporal, cascade.spread
    apart = max(round(cascade.ages[-2] / temporal.step), 1)
    farthest = int(lead / temporal.step) + 2
    known = decay(temporal, farthest + apart)
    now, before, between = known[:farthest], known[apart : farthest + apart], known[apart]
    of_newest = (now - between * before) / (1 - between**2)
    of_earlier = (before - between * now) / (1 - between**2)
    ratio = np.divide(spread[-1], spread[-2], out=np.ones_like(spread[-1]), where=spread[-2] > 0)
    return of_newest, of_earlier * ratio
