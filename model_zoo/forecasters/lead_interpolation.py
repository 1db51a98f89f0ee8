"""Forecasts at any lead time from one that has a lead time every 30 minutes.

Rain moves several cells in half an hour, so that a mean of two fields would show each shower twice.
Both fields are carried along the motion to the time in between first, the earlier one on and the
later one back; before +30 minutes the earlier one is the newest radar frame. Cells are ranked by
the mean of the two, and get rates that lie between those of the two fields in the same rank, so
that showers keep their area and their peaks (probability matching, as in `rain_amounts`).
Exceedance probabilities are averaged; those of the radar frame are 0 and 1.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from ingest.precipitation import (
    exceedance_probabilities,
    exceedance_probability,
    exceedance_probability_name,
)
from ingest.standing_echoes import replaced
from model_zoo.forecasters import advect, motion
from model_zoo.forecasters.baselines import motion_of, put_back, rates, recent_frames, set_aside
from model_zoo.forecasters.contract import (
    STEP_MINUTES,
    lead_minutes,
    lead_times,
)

Array = NDArray[np.float32]

RADAR_POWER = 2.0
"""The rain of the first forecast counts beside the newest radar by this power of the time up to it:
the radar is better at first. Chosen on the validation events; probabilities are best linear."""


class Fields(NamedTuple):
    """Rain and probabilities at one time, NaN in the same cells.

    Attributes:
        rain: (y, x) in mm/h.
        amounts: (y, x) in mm/h, the rates that cells of these ranks get.
        probabilities: (threshold, y, x) in 0..1.
    """

    rain: Array
    amounts: Array
    probabilities: Array


def with_step(
    half_hourly: Callable[[DataArray, int], DataArray],
    frames: DataArray,
    horizon: int,
    step_minutes: int,
    reader: str,
) -> DataArray:
    """Forecast at any step with a forecaster that has a step of 30 minutes.

    Args:
        half_hourly: Called with frames and the number of lead times, 30 minutes apart.
        frames: (time, y, x) in mm/h, oldest first, NaN for no data; another frame of the last 30
            minutes beside the newest, unless all lead times are multiples of 30 minutes.
        horizon: Number of lead times.
        step_minutes: Minutes from one to the next, and from the issue to the first.
        reader: Name of the forecaster, for errors.

    Returns:
        (lead_time, y, x) in mm/h, NaN for no data. Lead times that are multiples of 30 minutes are
        exactly as `half_hourly` forecasts them.

    Raises:
        NotEnoughFrames: A frame is missing that the forecaster or the motion needs.
        ValueError: There is no lead time, or the step is less than a minute.
    """
    leads = lead_minutes(horizon, step_minutes)
    forecast = half_hourly(frames, -(-leads[-1] // STEP_MINUTES))
    if step_minutes % STEP_MINUTES == 0:
        return forecast.sel(lead_time=lead_times(leads))
    return interpolated(forecast, frames, leads, reader)


def interpolated(
    forecast: DataArray, frames: DataArray, leads: Sequence[int], reader: str
) -> DataArray:
    """Interpolate a forecast with a lead time every 30 minutes to other lead times.

    Args:
        forecast: (lead_time, y, x) in mm/h with its probabilities, NaN for no data, up to the last
            of `leads` or beyond.
        frames: (time, y, x) in mm/h that it starts from.
        leads: Minutes, rising.
        reader: Name of the forecaster, for errors.

    Raises:
        NotEnoughFrames: There is no frame of the last 30 minutes beside the newest.
    """
    recent, kept = set_aside(recent_frames(frames, motion.SPAN_MINUTES, reader), reader)
    probabilities = exceedance_probabilities(forecast)
    exact = half_hours(forecast)
    nodes = [
        of_radar(rates(recent)[-1], list(probabilities)),
        *(without_echoes(fields, ~np.isnan(kept)) for fields in exact),
    ]
    moving = motion_of(recent)
    after = sorted({lead % STEP_MINUTES for lead in leads} - {0})
    before = [STEP_MINUTES - minutes for minutes in reversed(after)]
    on = dict(zip(after, advect.departure_points(moving, after), strict=True))
    back = dict(zip(before, advect.departure_points(-moving, before), strict=True))
    found = []
    for node, past in (divmod(lead, STEP_MINUTES) for lead in leads):
        if past == 0:
            found.append(exact[node - 1])
            continue
        earlier = carried(nodes[node], on[past])
        later = carried(nodes[node + 1], back[STEP_MINUTES - past])
        share = past / STEP_MINUTES
        between = blended(earlier, later, share, share if node else share**RADAR_POWER)
        found.append(between._replace(rain=put_back(between.rain, kept)))
    by_threshold = np.stack([fields.probabilities for fields in found], axis=1)
    rain = np.stack([fields.rain for fields in found])
    return at_leads(forecast, leads, rain, dict(zip(probabilities, by_threshold, strict=True)))


def half_hours(forecast: DataArray) -> list[Fields]:
    """Fields of each lead time of a forecast."""
    probabilities = exceedance_probabilities(forecast).values()
    by_threshold = np.array([field.to_numpy() for field in probabilities], np.float32)
    return [
        Fields(
            rain,
            rain,
            by_threshold[:, lead] if len(by_threshold) else np.empty((0, *rain.shape), np.float32),
        )
        for lead, rain in enumerate(rates(forecast))
    ]


def of_radar(rate: Array, thresholds: Sequence[float]) -> Fields:
    """Fields of a radar frame (y, x) in mm/h, of which each rate is certain."""
    reached = rate >= np.array(thresholds, np.float32)[:, None, None]
    certain = np.where(np.isnan(rate), np.float32(np.nan), reached.astype(np.float32))
    return Fields(rate, rate, certain)


def without_echoes(fields: Fields, echoes: NDArray[np.bool_]) -> Fields:
    """Fields of a lead time, with what lies around in cells of standing echoes (y, x)."""
    if not echoes.any():
        return fields
    layers = [replaced(layer, echoes) for layer in (fields.rain, *fields.probabilities)]
    # an echo stays at its place where nothing else is known
    known = ~np.isnan(layers).any(axis=0)
    rain, *probabilities = np.where(known, layers, np.float32(np.nan))
    return Fields(rain, rain, np.array(probabilities).reshape(fields.probabilities.shape))


def carried(fields: Fields, positions: Array) -> Fields:
    """Fields from positions (y, x, 2)."""
    rain, *probabilities = advect.sample_at(
        np.concatenate([fields.rain[None], fields.probabilities]), positions
    )
    amounts = advect.sample_whole(fields.amounts, positions)
    return Fields(rain, amounts, np.array(probabilities).reshape(fields.probabilities.shape))


def blended(earlier: Fields, later: Fields, share: float, share_of_rain: float) -> Fields:
    """Mean of fields of one time; where one has no data, it is the other.

    Args:
        earlier: Of the lead time before.
        later: Of the one after.
        share: Weight of the probabilities of `later`, in 0..1.
        share_of_rain: Weight of the rain of `later`.
    """
    first, second = np.isnan(earlier.rain), np.isnan(later.rain)
    pairs = [
        (np.where(first, b, a), np.where(second, a, b)) for a, b in zip(earlier, later, strict=True)
    ]
    rain, amounts, probabilities = pairs
    known = ~np.isnan(rain[0])
    first_log, second_log = (np.log1p(field[known]) for field in rain)
    order = np.argsort(mean(first_log, second_log, share_of_rain), kind="stable")
    ranked = np.full(known.shape, np.nan, np.float32)
    values = np.empty(order.size, np.float32)
    first_sorted, second_sorted = (np.sort(field[known]) for field in amounts)
    values[order] = mean(first_sorted, second_sorted, share_of_rain)
    ranked[known] = values
    return Fields(ranked, ranked, mean(*probabilities, share))


def mean(first: Array, second: Array, share: float) -> Array:
    """Mean of two fields, of which the second counts by `share`."""
    found: Array = (1 - share) * first + share * second
    return found.astype(np.float32)


def at_leads(
    forecast: DataArray,
    leads: Sequence[int],
    rain: Array,
    probabilities: Mapping[float, Array],
) -> DataArray:
    """A forecast with the coordinates and attributes of another at other lead times in minutes."""
    names = ["lead_time", "time", *map(exceedance_probability_name, probabilities)]
    lead_time = lead_times(leads)
    coordinates = (
        {name: coord.variable for name, coord in forecast.drop_vars(names).coords.items()}
        | {
            "lead_time": ("lead_time", lead_time, forecast["lead_time"].attrs),
            "time": (
                "lead_time",
                forecast["forecast_reference_time"].to_numpy() + lead_time,
                forecast["time"].attrs,
            ),
        }
        | {
            exceedance_probability_name(threshold): exceedance_probability(threshold, field)
            for threshold, field in probabilities.items()
        }
    )
    return DataArray(rain, coordinates, forecast.dims, forecast.name, forecast.attrs)
