"""Noise with the structure of an event in space and time: what a forecast cannot know (STEPS).

White noise gets the spectrum of the newest radar field, and each of its scales evolves as that
scale of the event does, by AR(2) in Lagrangian coordinates (Bowler et al. 2006,
doi:10.1256/qj.04.100; Pulkkinen et al. 2019, doi:10.5194/gmd-12-4185-2019). It is the deviation of
what comes from the conditional mean of `cascade.ahead`: none at first, soon of small scales, later
of large ones too.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from model_zoo.forecasters import cascade, sprog
from model_zoo.forecasters.cascade import Array, Spectrum, Temporal

STEP_MINUTES = 10.0
"""Step of the noise where the event does not show how scales evolve."""
LIFETIME_MINUTES = 15.0
"""Lifetime, to 1/e, of a scale of `LIFETIME_KM` where there is too little rain to see any; it is
proportional to the scale (Germann et al. 2006, doi:10.1175/JAS3735.1)."""
LIFETIME_KM = 20.0
SLOPE = 2.5
"""By which power of the wavenumber the spectrum of rain falls, where there is too little rain."""
STEEPNESS = np.float32(1.3)
"""Power of the amplitude of rain that noise has: a field of which rain is what exceeds a threshold
is smoother than that rain. Chosen on the validation events, where members with it are correlated
in space as the radar is."""
EDGE_SHARE = 0.2
"""Share of each side that is faded out before a spectrum is taken, half of it at each end."""


class Structure(NamedTuple):
    """How rain varies in space and time.

    Attributes:
        shape: (y, x).
        amplitude: (y, x // 2 + 1), square root of the power spectrum, of any unit.
        temporal: Correlations of the scales of `cascade.bandpass`.
    """

    shape: tuple[int, int]
    amplitude: Array
    temporal: Temporal


def structure_of(frames: Array, ages: Sequence[float], cell_km: float) -> Structure:
    """The structure of an event; that of rain in general where there is too little of it.

    Args:
        frames: (time, y, x) in mm/h, oldest first, NaN for no data, their rain where it is at the
            time of the newest (`sprog.carried_to_newest`).
        ages: Minutes from each frame to the newest, falling to 0.
        cell_km: Size of a cell.
    """
    shape = (frames.shape[1], frames.shape[2])
    found = sprog.event_cascade(frames, ages)
    if found is None:
        return general_structure(shape, cell_km)
    newest: Array = fft.irfft2(found.parts.spectra[-1], s=shape)
    rows, columns = (fading(side) for side in shape)
    amplitude = np.abs(fft.rfft2((newest - newest.mean()) * rows[:, None] * columns))
    # what the mean over the field varies by is seen from the longest waves
    amplitude[0, 0] = (amplitude[0, 1] + amplitude[1, 0]) / 2
    return Structure(shape, amplitude.astype(np.float32) ** STEEPNESS, found.parts.temporal)


def general_structure(shape: tuple[int, int], cell_km: float) -> Structure:
    """A structure of rain that has not been seen yet: (y, x) cells of a size in km."""
    wavenumber = np.hypot(fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None])
    longest = 1 / max(shape)
    amplitude = np.maximum(wavenumber, longest) ** (-SLOPE / 2)
    filters = cascade.bandpass(*shape)
    weights = filters * amplitude**2
    centres = (weights * wavenumber).sum((1, 2)) / weights.sum((1, 2))
    scale_km = cell_km / (2 * np.maximum(centres, longest / 2))
    lag1 = np.exp(-STEP_MINUTES * LIFETIME_KM / (LIFETIME_MINUTES * scale_km))
    return Structure(shape, amplitude.astype(np.float32), Temporal(STEP_MINUTES, lag1, lag1**2))


def fading(length: int) -> Array:
    """Weights (length,) that fall to 0 at both ends (Tukey window)."""
    position = (np.arange(length) + 0.5) / length
    from_end = np.minimum(position, 1 - position) / (EDGE_SHARE / 2)
    weights: Array = np.sin(np.minimum(from_end, 1) * math.pi / 2).astype(np.float32) ** 2
    return weights


def white_spectra(shape: tuple[int, int], fields: int, steps: int, seed: int) -> Spectrum:
    """Spectra (step, field, y, x // 2 + 1) of white noise of variance 1.

    Those of a step and a field do not depend on how many of both there are.
    """
    spectra = np.empty((steps, fields, shape[0], shape[1] // 2 + 1), np.complex64)
    for step in range(steps):
        for field in range(fields):
            key = np.array([seed, (step << 32) + field], np.uint64)
            random = np.random.Generator(np.random.Philox(key=key))
            spectra[step, field] = fft.rfft2(random.standard_normal(shape, np.float32))
    return spectra


def noise_weights(temporal: Temporal, leads: Sequence[float]) -> NDArray[np.float64]:
    """Weights (lead, step, level) of the innovations of each step in the deviation at each lead.

    They are those of AR(2) processes of variance 1 that are known up to the newest frame; between
    whole steps the deviation is interpolated, and so is its variance.

    Args:
        temporal: Correlations of the levels.
        leads: Minutes, rising.
    """
    steps = steps_until(temporal, leads)
    lag1, lag2 = temporal.lag1, temporal.lag2
    first = lag1 * (1 - lag2) / (1 - lag1**2)
    second = (lag2 - lag1**2) / (1 - lag1**2)
    innovation = np.sqrt(np.maximum(1 - first * lag1 - second * lag2, 0))
    response = [np.zeros_like(lag1), innovation]
    while len(response) <= steps:
        response.append(first * response[-1] + second * response[-2])
    whole = np.zeros((steps + 1, steps, len(lag1)))
    for step in range(1, steps + 1):
        whole[step, :step] = response[step:0:-1]
    variance = (whole**2).sum(axis=1)
    weights = []
    for lead in leads:
        before, part = divmod(lead / temporal.step, 1)
        last, following = int(before), min(int(before) + 1, steps)
        mixed = (1 - part) * whole[last] + part * whole[following]
        wanted = (1 - part) * variance[last] + part * variance[following]
        actual = (mixed**2).sum(axis=0)
        weights.append(mixed * np.sqrt(np.divide(wanted, actual, where=actual > 0, out=actual)))
    return np.stack(weights)


def steps_until(temporal: Temporal, leads: Sequence[float]) -> int:
    """Steps of the noise up to the last of the leads in minutes."""
    return max(math.ceil(max(leads) / temporal.step), 1)


def deviations(structure: Structure, white: Spectrum, weights: NDArray[np.float64]) -> Array:
    """Deviations (field, y, x) at a lead in Lagrangian coordinates, of variance 1 over all fields.

    Args:
        structure: Of the event.
        white: (step, field, y, x // 2 + 1), from `white_spectra`.
        weights: (step, level), of the lead, from `noise_weights`.
    """
    filters = cascade.bandpass(*structure.shape)
    used = np.flatnonzero(weights.any(axis=1))
    transfer = np.tensordot(weights.astype(np.float32), filters, 1) * structure.amplitude
    spectra = np.zeros_like(white[0])
    for step in used:
        spectra += transfer[step] * white[step]
    fields: Array = fft.irfft2(spectra, s=structure.shape)
    size = float(np.sqrt(np.mean(np.square(fields))))
    return fields / np.float32(size or 1.0)


def carried(fields: Array, positions: Array) -> Array:
    """Noise fields (field, y, x) from positions (y, x, 2); they go on periodically."""
    return np.stack(
        [
            cv2.remap(field, positions, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_WRAP)
            for field in fields
        ]
    )
