"""S-PROG: rain that is carried along by its motion while its scales fade, each at its own rate.

The rain is split into scales whose lifetimes are those of the event (see `cascade`), so that what
cannot be predicted is smoothed away, the more the longer the lead. The motion is that of
`Advection`, so the two differ in nothing but the smoothing and the trend of the wet area.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from model_zoo.forecasters import advect, cascade, motion
from model_zoo.forecasters.baselines import MINUTE, motion_of, put_back, recent_frames, set_aside
from model_zoo.forecasters.baselines import rates as rates_of
from model_zoo.forecasters.cascade import Cascade
from model_zoo.forecasters.contract import (
    HORIZON,
    NO_WEIGHTS,
    STEP_MINUTES,
    Needs,
    lead_minutes,
    make_forecast,
    minutes,
)

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

THRESHOLD = 0.1
"""mm/h; below it is no rain."""
KNEE = 1.0
"""mm/h: below it the scale in which rain is split and fades is linear, above it logarithmic. In
decibel, where drizzle is as far from no rain as from a downpour, forecasts are worse throughout."""
FEWEST_WET = 20
"""Cells with rain in each frame, where all have data, below which no lifetimes can be estimated."""
LEAST_SHARE = 0.5
"""Frames that see less of what the newest sees are left out."""
STRIDE_MINUTES = 10
"""Frames that are made use of are at least so far apart."""
TREND_MINUTES = 30.0
"""Time in which the trend of the wet area fades to 1/e."""
MOST_GROWTH = 2.0
"""Of the wet area, and of its shrinking."""
FILL_CELLS = 3.0
"""Standard deviation of the weight of surrounding cells where there is no data."""
DISTRUST = 1e-3
"""Weight of the mean of the whole field there, beside a weight of 1 amid data."""


class SPROG:
    """Rain carried along as by `Advection`, its scales fading one after the other.

    Where there is too little rain to see scales fade, it is only carried along. The forecast is NaN
    just where that of `Advection` is.
    """

    name = "s-prog"
    weights = NO_WEIGHTS
    needs = Needs(minutes(0), useful=minutes(30, 25, 20, 15, 10, 5))

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        """Forecast (lead_time, y, x) from frames (time, y, x) in mm/h; see `Forecaster`.

        Raises:
            NotEnoughFrames: The newest has none before it in the half hour of `needs`.
            ValueError: There is no lead time, or the step is less than a minute.
        """
        leads = lead_minutes(horizon, step_minutes)
        recent, kept = set_aside(recent_frames(frames, motion.SPAN_MINUTES, self.name), self.name)
        moving = motion_of(recent)
        times = recent["time"].to_numpy()
        every = ((times[-1] - times) / MINUTE).tolist()
        chosen = strides(every)
        ages = [every[index] for index in chosen]
        rates = carried_to_newest(rates_of(recent)[chosen], moving, ages)
        fields = sprog_fields(rates, ages, leads)
        ahead = advect.departure_points(moving, leads)
        rate = [
            advect.sample_at(field[None], positions)[0]
            for field, positions in zip(fields, ahead, strict=True)
        ]
        rates_ahead = put_back(np.stack(rate), kept)
        return make_forecast(rates_ahead, recent, self, step_minutes=step_minutes)


def carried_to_newest(rates: Array, moving: Array, ages: Sequence[float]) -> Array:
    """Frames (time, y, x), each with its rain where that is at the time of the newest.

    Args:
        rates: In mm/h, NaN for no data.
        moving: (y, x, 2), cells per minute along x and along y.
        ages: Minutes from each frame to the newest, falling to 0.
    """
    earlier = advect.departure_points(moving, ages[-2::-1])
    carried = [
        advect.sample_at(rate[None], positions)[0]
        for rate, positions in zip(rates[-2::-1], earlier, strict=True)
    ]
    return np.stack([*carried[::-1], rates[-1]])


def sprog_fields(frames: Array, ages: Sequence[float], leads: Sequence[float]) -> Array:
    """S-PROG in Lagrangian coordinates: the forecast is not yet carried along.

    Args:
        frames: (time, y, x) in mm/h, oldest first, NaN for no data, their rain already where it is
            at the time of the newest (`carried_to_newest`).
        ages: Minutes from each frame to the newest, falling to 0. Two frames make scales AR(1)
            processes, three that are evenly spaced AR(2).
        leads: Minutes, rising; any, also between steps of the frames.

    Returns:
        (lead, y, x) in mm/h, NaN just where the newest frame is. Amounts are distributed as in
        the newest frame (probability matching), on an area that goes on growing or shrinking for a
        while. The newest frame itself for each lead where fewer than
        `FEWEST_WET` cells of a frame are wet.
    """
    newest = frames[-1]
    repeated = np.repeat(newest[None], len(leads), axis=0)
    event = event_cascade(frames, ages)
    if event is None:
        return repeated
    extrapolated = cascade.ahead(event.parts, leads)
    trend = area_trend(event.wet_cells, event.parts.ages)
    seen = ~np.isnan(newest)
    for rate, field, lead in zip(repeated, extrapolated, leads, strict=True):
        rate[seen] = matched(field[seen], newest[seen], growth(trend, lead))
    return repeated


class EventCascade(NamedTuple):
    """The scales of an event.

    Attributes:
        parts: Of the frames that are made use of.
        wet_cells: Of each of them, where all have data.
    """

    parts: Cascade
    wet_cells: Sequence[int]


def event_cascade(frames: Array, ages: Sequence[float]) -> EventCascade | None:
    """Split frames into scales; None where fewer than `FEWEST_WET` cells of a frame are wet.

    Args:
        frames: (time, y, x) in mm/h, as of `sprog_fields`.
        ages: Minutes from each frame to the newest, falling to 0.
    """
    known = ~np.isnan(frames)
    usable = [index for index in strides(ages) if overlaps(known[index], known[-1])]
    frames, known, ages = frames[usable], known[usable], [ages[index] for index in usable]
    common: Mask = np.logical_and.reduce(known)
    wet = (frames >= THRESHOLD) & common  # False for NaN
    counts = [int(np.count_nonzero(field)) for field in wet]
    if len(frames) < 2 or min(counts) < FEWEST_WET:
        return None
    parts = cascade.decompose(filled(log_rain(frames), known), common, ages)
    return EventCascade(parts, counts)


def overlaps(known: Mask, newest: Mask) -> bool:
    """Whether a frame has data in at least `LEAST_SHARE` of the cells where the newest has."""
    return bool(np.count_nonzero(known & newest) >= LEAST_SHARE * np.count_nonzero(newest))


def strides(ages: Sequence[float]) -> list[int]:
    """Which frames are made use of, oldest first: `STRIDE_MINUTES` apart or just more.

    Over less, what is seen to change is mostly noise of the radar and of carrying.
    """
    chosen = [len(ages) - 1]
    for index in range(len(ages) - 2, -1, -1):
        if ages[index] - ages[chosen[0]] >= STRIDE_MINUTES:
            chosen.insert(0, index)
    return chosen if len(chosen) > 1 else [0, *chosen]


def area_trend(counts: Sequence[int], ages: Sequence[float]) -> float:
    """Relative growth per minute of a wet area of so many cells, at least 1, in each frame."""
    return float(np.polyfit(-np.asarray(ages, float), np.log(counts), 1)[0])


def growth(trend: float, lead: float) -> float:
    """The factor of the wet area at a lead in minutes, where its trend fades out and is bounded."""
    lasting = TREND_MINUTES * -np.expm1(-lead / TREND_MINUTES)
    return float(np.clip(np.exp(trend * lasting), 1 / MOST_GROWTH, MOST_GROWTH))


def log_rain(rates: Array) -> Array:
    """Return rates (any shape) in mm/h as log(1 + rate / `KNEE`), 0 below `THRESHOLD`.

    NaN is no data.
    """
    scaled: Array = np.log1p(np.maximum(rates, 0) / np.float32(KNEE))
    return np.where(rates < THRESHOLD, np.float32(0), scaled)


def filled(fields: Array, known: Mask) -> Array:
    """Fields (time, y, x) without NaN, so that no edge of data looks like an edge of rain.

    What the newest does not see is taken from the frame before that does, or is a mean of what
    surrounds it, of all far away; what another frame does not see is as in the newest.
    """
    newest = fields[-1]
    for field in fields[-2::-1]:
        newest = np.where(np.isnan(newest), field, newest)
    seen = ~np.isnan(newest)
    above = np.where(seen, newest, np.float32(0))
    mean = above.sum() / max(np.count_nonzero(seen), 1)
    total, weight = (
        cv2.GaussianBlur(layer, (0, 0), FILL_CELLS, borderType=cv2.BORDER_CONSTANT)
        for layer in (above, seen.astype(np.float32))
    )
    around = (total + DISTRUST * mean) / (weight + DISTRUST)
    newest = np.where(seen, newest, around)
    return np.where(known, fields, newest)


def matched(field: Array, amounts: Array, growth: float = 1.0) -> Array:
    """Values that are ordered as `field`, and distributed as the rain in `amounts`.

    Both are one-dimensional. What is below `THRESHOLD` is 0; `growth` is the factor of how many
    values are above.
    """
    rain = np.sort(amounts[amounts >= THRESHOLD])
    rate = np.zeros_like(field)
    if not rain.size:
        return rate
    count = min(max(round(rain.size * growth), 1), field.size)
    if count != rain.size:
        wanted, known = ((np.arange(size) + 0.5) / size for size in (count, rain.size))
        rain = np.interp(wanted, known, rain).astype(np.float32)
    wettest = np.argpartition(field, -count)[-count:]
    rate[wettest[np.argsort(field[wettest], kind="stable")]] = rain
    return rate
