"""An ensemble of fields of rain: the probabilities of a forecast, with the structure of the event.

At each cell and lead time the members have the distribution that the exceedance probabilities of
the forecast give (`rain_quantiles`); which member gets which quantile is decided by noise that is
structured as the event is in space and time (`cascade_noise`), as ensemble copula coupling has it
(Schefzik et al. 2013, doi:10.1214/13-STS443). So sums over areas and periods of the members are
as variable as those of the rain.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from xarray import DataArray

from ingest.precipitation import exceedance_probabilities
from model_zoo.device import number_of_threads
from model_zoo.errors import ModelError
from model_zoo.forecasters import advect, cascade_noise, motion
from model_zoo.forecasters.baselines import (
    MINUTE,
    cell_metres,
    motion_of,
    rates,
    recent_frames,
    set_aside,
)
from model_zoo.forecasters.contract import format_time
from model_zoo.forecasters.rain_quantiles import rain_exceeded
from model_zoo.forecasters.sprog import carried_to_newest

Array = NDArray[np.float32]

MEMBERS = 20
CELL_KM = 5.0
"""Size of a cell where it is not known."""


class NoProbabilities(ModelError):
    """A forecast has no exceedance probabilities."""


class LeadFields(NamedTuple):
    """A forecast at one lead time.

    Attributes:
        rain: (y, x) in mm/h, NaN for no data.
        probabilities: (threshold, y, x) in 0..1, NaN for no data.
        thresholds: In mm/h, rising.
    """

    rain: Array
    probabilities: Array
    thresholds: Sequence[float]


def ensemble_seed(model_name: str, issue_time: np.datetime64) -> int:
    """Seed of the ensemble of a model and an issue time in UTC, the same in every process."""
    name = f"{model_name} {format_time(issue_time)}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def ensemble_members(
    forecast: DataArray, frames: DataArray, *, members: int = MEMBERS, seed: int
) -> Array:
    """Members of the ensemble of a forecast.

    Args:
        forecast: (lead_time, y, x) in mm/h with exceedance probabilities, NaN for no data. Lead
            times are any; fields of a lead time do not depend on which others there are.
        frames: (time, y, x) in mm/h up to the issue, oldest first, on the grid of the forecast;
            those of the last half hour tell the structure of the event.
        members: Number of members, 2 or more.
        seed: Of the noise, 0 or more and below 2**64; `ensemble_seed` gives that of an issue.

    Returns:
        (member, lead_time, y, x) in mm/h, NaN where the rain or a probability of the forecast is,
        0 where none of its probabilities is above 0. Of all members, the share that reaches a
        threshold at a cell differs by less than 1 / members from its probability, and by nothing
        in the mean.

    Raises:
        NoProbabilities: The forecast has no exceedance probabilities.
        NotEnoughFrames: There is no other frame in the half hour before the newest.
        ValueError: There are fewer than two members, or no lead time.
    """
    if members < 2:
        raise ValueError(f"members is {members}, should be 2 or more")
    known = exceedance_probabilities(forecast)
    if not known:
        raise NoProbabilities(
            f"the forecast of {forecast.attrs.get('model', 'no model')} has no exceedance "
            "probabilities, which an ensemble is made of; take one of a model that has them, as "
            "blend or ms-lstm"
        )
    leads = (forecast["lead_time"].to_numpy() / MINUTE).tolist()
    if not leads:
        raise ValueError("the forecast has no lead time, should have one or more")
    recent, _ = set_aside(recent_frames(frames, motion.SPAN_MINUTES, "an ensemble"), "an ensemble")
    moving = motion_of(recent)
    structure = structure_of(recent, moving)
    weights = cascade_noise.noise_weights(structure.temporal, leads)
    # the last field shifts the quantiles of all members alike
    white = cascade_noise.white_spectra(structure.shape, members + 1, weights.shape[1], seed)
    probabilities = np.stack([field.to_numpy() for field in known.values()])
    rain = rates(forecast)
    found = np.empty((members, *rain.shape), np.float32)

    def fill(lead: int, positions: Array) -> None:
        noise = cascade_noise.deviations(structure, white, weights[lead])
        fields = LeadFields(rain[lead], probabilities[:, lead], list(known))
        found[:, lead] = coupled(fields, cascade_noise.carried(noise, positions))

    with ThreadPoolExecutor(number_of_threads()) as threads:
        list(threads.map(fill, range(len(leads)), advect.departure_points(moving, leads)))
    return found


def structure_of(recent: DataArray, moving: Array) -> cascade_noise.Structure:
    """Structure of the event in frames (time, y, x) that move by (y, x, 2) cells per minute."""
    times = recent["time"].to_numpy()
    ages = ((times[-1] - times) / MINUTE).tolist()
    metres = cell_metres(recent)
    frames = carried_to_newest(rates(recent), moving, ages)
    return cascade_noise.structure_of(frames, ages, CELL_KM if metres is None else metres / 1000)


def coupled(forecast: LeadFields, noise: Array) -> Array:
    """Members (member, y, x) in mm/h whose order at each cell is that of the noise.

    The quantiles of a cell are evenly spaced, and shifted by a field that is uniform in 0..1, so
    that in the mean over cells and times all of the distribution comes up.

    Args:
        forecast: Of a lead time.
        noise: (member + 1, y, x), of mean 0 and variance 1; the last gives the shifts.
    """
    members = len(noise) - 1
    known = ~(np.isnan(forecast.rain) | np.isnan(forecast.probabilities).any(axis=0))
    found = np.broadcast_to(np.where(known, np.float32(0), np.float32(np.nan)), noise[1:].shape)
    found = found.copy()
    shift = ndtr(noise[-1]).astype(np.float32)
    # elsewhere it is dry even for the wettest member
    some = known & (members * forecast.probabilities[0] > shift)
    cells = np.flatnonzero(some)
    order = np.argsort(-noise[:-1].reshape(members, -1)[:, cells].T, axis=1)
    exceedance = (np.arange(members, dtype=np.float32) + shift.ravel()[cells, None]) / np.float32(
        members
    )
    lowest = forecast.probabilities[0].ravel()[cells, None]
    cell, rank = np.nonzero(exceedance < lowest)
    found.reshape(members, -1)[order[cell, rank], cells[cell]] = rain_exceeded(
        exceedance[cell, rank],
        cell,
        forecast.probabilities.reshape(len(forecast.thresholds), -1)[:, cells],
        forecast.rain.ravel()[cells],
        forecast.thresholds,
    )
    return found
