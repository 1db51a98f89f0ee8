"""What is true of the rain at a place: now, and in the two hours of a forecast.

A forecast that is dry at a place is no promise: showers form, and pass beside where they are
forecast. A place is called dry only where no rain is forecast within a distance that grows with the
lead time, and none is on the radar nearby. How often that is wrong, and how many dry places are
called dry, is measured by `python -m benchmarks.skill.five_minutes.dry_places`.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from ingest.precipitation import exceedance_probabilities
from model_zoo.forecasters import motion
from service.archive.key import time_of

State = Literal["rain", "rain_possible", "probably_dry", "dry", "unknown"]
Window = tuple[np.datetime64, np.datetime64]

WET = 0.1
"""Lowest rainfall rate in mm/h that counts as rain."""
TRACE = 0.05
"""Lowest rate in mm/h of drizzle beside rain, which may be rain at the next time."""
SHOWER = 0.5
"""mm/h; `probability` is that of this rate or more at some time of the forecast."""
NEAR_KM, NEAR_KM_PER_HOUR, NEAR_SHARE = 10.0, 5.0, 0.115
"""Rain within this distance keeps a place from being called dry: at least the first, or the second
for each hour of lead time and this share of how far the rain moves until then. Chosen on the
validation events, the test event and bands of known motion."""
BLIND_KM_PER_HOUR = 60.0
"""How far rain moves in an hour where a forecast leaves it, or its motion is unknown."""
DRIZZLE = 1.0
"""mm/h; rain that is weaker everywhere is brought up to this before its motion is looked for."""
PERSISTENCE = "persistence"
ANY_TIME = (1.19, 1.08)
"""Intercept and factor of the log odds of the largest probability of the lead times, for that of
rain at any time: the lead times are not the same weather. Fitted on the validation events by
`python -m benchmarks.skill.five_minutes.dry_places`."""
CERTAIN = 0.1
"""Probability from which on a place is not called dry."""
POSSIBLE = 0.4
"""Probability from which rain is called possible where the forecast is dry."""
SHARE_OF_LEAD = 1 / 6
"""Half the width of the window of a start or end, as a share of its lead time."""
STEP, MINUTE = np.timedelta64(5, "m"), np.timedelta64(1, "m")
METRES = 1000.0


@dataclass(frozen=True)
class PlaceSummary:
    """The rain at a place from a radar frame and the forecast that starts from it.

    Attributes:
        issue: Time of the radar frame.
        until: Last lead time.
        state: `rain` now or at a lead time; `dry` is safe to state, `probably_dry` is not;
            `rain_possible` if the forecast is dry but rain is likely nevertheless; `unknown` if
            no rain is forecast and data are missing.
        rate_now: Rate on the radar frame in mm/h; None for no data.
        peak: Largest rate of the radar frame and the forecast in mm/h; None for no data at all.
        probability: That the rate reaches `SHOWER` at some lead time; None if the model forecasts
            no probabilities, or data are missing.
        starts, ends: First wet time, and the first dry time after the last wet one; None if there
            is none, or it is unknown. Rain that falls now starts at `issue`.
        starts_between, ends_between: Windows around them; that of a start is in the future.
        with_interruptions: Whether it is dry at a time between.
        unknown_after: Last time before the first lead time without data; None if all have data.
    """

    issue: np.datetime64
    until: np.datetime64
    state: State
    rate_now: float | None
    peak: float | None
    probability: float | None
    starts: np.datetime64 | None
    ends: np.datetime64 | None
    starts_between: Window | None
    ends_between: Window | None
    with_interruptions: bool
    unknown_after: np.datetime64 | None

    @property
    def raining_now(self) -> bool | None:
        """Whether it rains on the radar frame; None for no data."""
        return None if self.rate_now is None else self.rate_now >= WET

    @property
    def complete(self) -> bool:
        """Whether the radar frame and all lead times have data."""
        return self.unknown_after is None and self.rate_now is not None


def summarise(
    series: DataArray, rate_now: float, *, dry: bool, stale: bool = False
) -> PlaceSummary:
    """Summarise the rain at a place.

    Args:
        series: Forecast (lead_time,) in mm/h with its exceedance probabilities, NaN for no data.
        rate_now: Rate in mm/h on the frame it starts from; NaN for no data.
        dry: Whether the place can be called dry (`dry_places`).
        stale: Whether the radar is too old to state anything but rain.
    """
    issue = time_of(series["forecast_reference_time"])
    ahead = series.values
    # the radar frame is the lead time 0
    times = np.concatenate([[issue], series["time"].values])
    rates = np.concatenate([[rate_now], ahead])
    wet = np.flatnonzero(rates >= WET)
    unknown = np.flatnonzero(np.isnan(ahead))
    probability = probability_of_shower(series)
    end = end_of(rates, times)
    state = state_of(rates, probability, dry=dry)
    return PlaceSummary(
        issue=issue,
        until=times[-1],
        state="unknown" if stale and state != "rain" else state,
        rate_now=None if np.isnan(rate_now) else rate_now,
        peak=None if np.isnan(rates).all() else float(np.nanmax(rates)),
        probability=probability,
        starts=times[wet[0]] if wet.size else None,
        ends=end,
        starts_between=window(times, int(wet[0])) if wet.size and wet[0] else None,
        ends_between=None if end is None else window(times, int(wet[-1]) + 1),
        with_interruptions=bool(wet.size and (rates[wet[0] : wet[-1]] < WET).any()),
        unknown_after=times[unknown[0]] if unknown.size else None,
    )


def state_of(series: NDArray[np.float32], probability: float | None, *, dry: bool) -> State:
    """Return the state of a place from the rates (time,) now and at the lead times in mm/h."""
    if (series >= WET).any():
        return "rain"
    if np.isnan(series).any():
        return "unknown"
    if probability is not None and probability >= POSSIBLE:
        return "rain_possible"
    return "dry" if dry else "probably_dry"


def end_of(series: NDArray[np.float32], times: NDArray[np.datetime64]) -> np.datetime64 | None:
    """Return the first dry one of times (time,) after the last wet one; None if unknown."""
    wet = np.flatnonzero(series >= WET)
    if not wet.size or wet[-1] + 1 == len(series) or np.isnan(series[wet[0] :]).any():
        return None
    end: np.datetime64 = times[wet[-1] + 1]
    return end


def window(times: NDArray[np.datetime64], index: int) -> Window:
    """Return the times between which a change occurs that is forecast before one of times (time,).

    It is as wide as the step of the forecast, and widens with the lead time in whole steps.
    """
    spread = np.rint((times[index] - times[0]) * SHARE_OF_LEAD / STEP).astype(int) * STEP
    return max(times[index - 1] - spread, times[0]), times[index] + spread


def probability_of_shower(series: DataArray) -> float | None:
    """Return the probability of `SHOWER` at some lead time (lead_time,); None if unknown."""
    probability = exceedance_probabilities(series).get(SHOWER)
    if probability is None:
        return None
    largest = np.max(probability.values)
    return None if np.isnan(largest) else float(at_any_time(np.asarray(largest, np.float64)))


def at_any_time(largest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of an event at any time from the largest (y, x) of the lead times."""
    bounded = np.clip(largest, 1e-6, 1 - 1e-6)
    intercept, factor = ANY_TIME
    odds = intercept + factor * np.log(bounded / (1 - bounded))
    return np.asarray(1 / (1 + np.exp(-odds)), np.float64)


def distance_km(
    forecast: DataArray, minutes: float, step_minutes: float, km_per_hour: float | None
) -> float:
    """Return how far rain has to be from a dry place at a lead time of a forecast (time, y, x).

    Where lead times are more than 5 minutes apart, rain may pass between them.

    Args:
        forecast: In mm/h.
        minutes: Lead time.
        step_minutes: From the lead time before.
        km_per_hour: Speed of the rain; where it comes is the less certain the farther it moves.
            None if unknown.
    """
    if km_per_hour is None or forecast.attrs.get("model") == PERSISTENCE:
        hourly = BLIND_KM_PER_HOUR
    else:
        hourly = NEAR_KM_PER_HOUR + NEAR_SHARE * km_per_hour
    between = BLIND_KM_PER_HOUR * max(step_minutes - 5.0, 0.0) / 60
    return max(NEAR_KM, hourly * minutes / 60) + between


def cell_km(forecast: DataArray) -> float:
    """Return the width of a cell of a forecast (lead_time, y, x) in km."""
    x = forecast["x"].values
    return float(abs(x[-1] - x[0]) / (len(x) - 1) / METRES)


def dry_places(forecast: DataArray, frames: DataArray) -> NDArray[np.bool_]:
    """Return which cells (y, x) can be called dry for as long as the forecast reaches.

    No rain is within `distance_km` of them, and no data are missing, on the newest frame and at any
    lead time; nor does the rain of the newest frame, or what it does not see, come there if it
    moves on as a whole, since forecasts follow the flow, which at long straight bands is uncertain.
    Where rain has just come, and nothing tells how it moves, it may come from all sides.

    Args:
        forecast: (lead_time, y, x) in mm/h with its exceedance probabilities, NaN for no data.
        frames: (time, y, x) in mm/h up to that it starts from, on the same grid; those of the last
            half hour tell how the rain moves.
    """
    newest = frames.values[-1]
    rain = rainy_areas(newest)
    moved = motion_per_minute(frames)
    minutes = [0.0, *(forecast["lead_time"].values / MINUTE).tolist()]
    steps = np.diff(minutes, prepend=-minutes[1])
    km = cell_km(forecast)
    km_per_hour = None if moved is None else 60 * km * float(np.hypot(*moved))
    dry = np.ones(newest.shape, bool)
    for minute, field, step in zip(minutes, [newest, *forecast.values], steps, strict=True):
        wet = ~(field < WET)  # no data counts as rain
        wet |= rain if moved is None else translated(rain, moved * minute)
        distance = distance_km(forecast, minute, float(step), km_per_hour)
        dry &= ~spread(wet, distance / km, beyond=moved is None)
    probability = exceedance_probabilities(forecast).get(SHOWER)
    if probability is not None:
        dry &= at_any_time(probability.values.max(axis=0)) < CERTAIN
    return dry


def motion_per_minute(frames: DataArray) -> NDArray[np.float64] | None:
    """Return by how many cells along x and y the rain as a whole moves in a minute.

    It is seen between the newest frame and the oldest one of the last half hour that has rain. None
    if there is no such frame: rain that has just come may move at any speed. Zero if there is no
    rain on the newest.

    Args:
        frames: (time, y, x) in mm/h, NaN for no data.
    """
    ages = (frames["time"].values[-1] - frames["time"].values) / MINUTE
    rainy = np.any(frames.values >= WET, axis=(1, 2))
    earlier = np.flatnonzero(rainy & (ages <= motion.SPAN_MINUTES) & (ages > 0))
    if not rainy[-1]:
        return np.zeros(2)
    if not earlier.size:
        return None
    fields = [frames.values[earlier[0]], frames.values[-1]]
    strongest = max(float(np.nanmax(field)) for field in fields)
    # the motion of drizzle is to be seen, too
    visible = [field * np.float32(max(DRIZZLE / strongest, 1.0)) for field in fields]
    moved = motion.translation(*visible) / float(ages[earlier[0]])
    return moved if np.hypot(*moved) <= motion.FASTEST else None


def rainy_areas(rate: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the cells (y, x) of a radar frame in mm/h that belong to rain, or have no data.

    What is drizzle beside rain may be rain at the next time.
    """
    traces = (rate >= TRACE).astype(np.uint8)
    _, areas = cv2.connectedComponents(traces, connectivity=8)
    rain: NDArray[np.bool_] = np.isin(areas, np.unique(areas[rate >= WET])) | np.isnan(rate)
    return rain


def translated(cells: NDArray[np.bool_], shift: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return cells (y, x) moved by so many along x and y; what is beyond the border is given."""
    across, down = shift
    matrix = np.array([[1, 0, across], [0, 1, down]], np.float32)
    size = cells.shape[1], cells.shape[0]
    found = cv2.warpAffine(
        cells.astype(np.uint8), matrix, size, flags=cv2.INTER_NEAREST, borderValue=1
    )
    return np.asarray(found, bool)


def spread(cells: NDArray[np.bool_], distance: float, *, beyond: bool = False) -> NDArray[np.bool_]:
    """Return which cells (y, x) lie within a distance in cells of those given.

    Args:
        cells: The given ones.
        distance: In cells.
        beyond: Whether all cells beyond the border are given, too.
    """
    reach = int(distance)
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disc = (x**2 + y**2 <= distance**2).astype(np.uint8)
    border = {"borderType": cv2.BORDER_CONSTANT, "borderValue": int(beyond)}
    return np.asarray(cv2.dilate(cells.astype(np.uint8), disc, **border), bool)
