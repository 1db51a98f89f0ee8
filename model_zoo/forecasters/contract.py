"""Interface of forecasters: radar frames in, a forecast out.

    frames     (time, y, x) in mm/h, as in ingest.precipitation; the newest is the issue time
    forecast   (lead_time, y, x) in mm/h, with the scalar `forecast_reference_time` and the valid
               `time` of each lead; attributes name the model, its weights and the frames used;
               exceedance probabilities as coordinates, if the model predicts them

NaN is no data in both. Frames are selected by time, not by index, so that any cadence works that
includes the required frames.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from ingest.precipitation import (
    NAME,
    UNITS,
    exceedance_probability,
    exceedance_probability_name,
)
from model_zoo.errors import BadFrames

LEAD_STEP = np.timedelta64(30, "m")
"""Time between two leads of a forecast, and between the input frames of a network."""
STEP_MINUTES = 30
"""The same in minutes."""
HORIZON = 4
"""Leads of a forecast unless more are asked for: two hours."""
NO_WEIGHTS = "none"
"""Attribute `weights` of forecasts of models without weights."""
NO_PROBABILITIES: Mapping[float, NDArray[np.float32]] = MappingProxyType({})
MAX_LISTED = 12
"""Most times that an error message lists."""


class NotEnoughFrames(BadFrames):
    """Frames that the forecaster requires are missing."""


@dataclass(frozen=True)
class Needs:
    """Ages of the frames that a forecaster uses, before the issue time.

    Attributes:
        required: Frames without which there is no forecast.
        useful: Frames that are used if they exist; a forecaster that needs at least one of them
            raises NotEnoughFrames if there is none.
    """

    required: tuple[np.timedelta64, ...]
    useful: tuple[np.timedelta64, ...] = ()

    def times(self, issue: np.datetime64) -> list[np.datetime64]:
        """Return the times of all usable frames for a forecast from `issue`, oldest first."""
        return [issue - age for age in sorted({*self.required, *self.useful}, reverse=True)]


class Forecaster(Protocol):
    """A model that forecasts rain from radar frames."""

    @property
    def name(self) -> str:
        """Name of the model, as for `load_forecaster`."""

    @property
    def weights(self) -> str:
        """SHA-256 of the checkpoint in hexadecimal, or "none"."""

    @property
    def needs(self) -> Needs:
        """Frames that the forecaster uses."""

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        """Forecast from the newest of `frames`.

        Args:
            frames: (time, y, x) in mm/h, oldest first, NaN for no data, on a grid of any size.
                More frames than needed are ignored.
            horizon: Number of lead times.
            step_minutes: Minutes from one lead time to the next, and from the issue to the first.

        Returns:
            (lead_time, y, x) in mm/h, NaN where there is no forecast.

        Raises:
            BadFrames: The frames are not (time, y, x) with rising times.
            NotEnoughFrames: Required frames are missing.
            ValueError: There is no lead time, or the step is less than a minute.
        """


def minutes(*ages: int) -> tuple[np.timedelta64, ...]:
    """Convert ages in minutes to timedeltas."""
    return tuple(np.timedelta64(age, "m") for age in ages)


def times_of(frames: DataArray) -> NDArray[np.datetime64]:
    """Check frames (time, y, x) and return their times (time,), datetime64[ns] in UTC.

    Raises:
        BadFrames: The dimensions differ, or the times do not rise.
        NotEnoughFrames: There is no frame at all.
    """
    if frames.dims != ("time", "y", "x"):
        raise BadFrames(f"frames have dimensions {frames.dims}, should have (time, y, x)")
    if 0 in frames.shape:
        raise NotEnoughFrames(f"frames of shape {frames.shape} are empty; give one frame at least")
    times = frames["time"].to_numpy() if "time" in frames.coords else np.arange(len(frames))
    if not np.issubdtype(times.dtype, np.datetime64):
        raise BadFrames(f"times of frames are {times.dtype}, should be datetime64 in UTC")
    later = np.diff(times) > np.timedelta64(0)  # False beside a NaT
    if np.isnat(times).any() or not later.all():
        bad = int(np.argmin(later)) + 1 if later.size else 0
        raise BadFrames(
            f"times of frames should rise, but frame {bad} is of {format_time(times[bad])}"
            + (f", after one of {format_time(times[bad - 1])}" if bad else "")
            + ": sort them, and drop those that come twice"
        )
    return times.astype("datetime64[ns]")


def select_frames(frames: DataArray, ages: Iterable[np.timedelta64], reader: str) -> DataArray:
    """Select the frames of the given ages before the newest one.

    Args:
        frames: (time, y, x) in mm/h, oldest first.
        ages: Times before the newest frame.
        reader: Name of the forecaster, for the message.

    Returns:
        (age, y, x) in mm/h with the dimension called `time`, oldest first.

    Raises:
        BadFrames: The frames are not (time, y, x) with rising times.
        NotEnoughFrames: One of them is missing; the message lists them.
    """
    times = times_of(frames)
    wanted = [times[-1] - age for age in sorted(ages, reverse=True)]
    missing = [time for time in wanted if time not in times]
    if missing:
        raise NotEnoughFrames(
            f"{reader} from {format_time(times[-1])} needs frames of {format_times(wanted)}; "
            f"{format_times(missing)} missing, got {format_times(times)}"
        )
    return frames.isel(time=np.searchsorted(times, np.array(wanted)))


def make_forecast(
    rate: NDArray[np.float32],
    frames: DataArray,
    forecaster: Forecaster,
    probabilities: Mapping[float, NDArray[np.float32]] = NO_PROBABILITIES,
    step_minutes: int = STEP_MINUTES,
) -> DataArray:
    """Make a forecast with coordinates and attributes from rates.

    Args:
        rate: (lead_time, y, x) in mm/h, NaN for no data.
        frames: Input frames (time, y, x), oldest first; their grid and attributes are taken over.
        forecaster: Its name and weights go to the attributes.
        probabilities: By threshold in mm/h, the probability (lead_time, y, x) that it is reached.
        step_minutes: Minutes from lead to lead, and from the issue to the first.

    Returns:
        (lead_time, y, x) in mm/h.
    """
    issue = times_of(frames)[-1]
    leads = lead_times(lead_minutes(len(rate), step_minutes))
    grid_coordinates = {
        name: coord.variable for name, coord in frames.coords.items() if "time" not in coord.dims
    }
    stamps = {
        "lead_time": ("lead_time", leads, {"standard_name": "forecast_period"}),
        "forecast_reference_time": ((), issue, {"standard_name": "forecast_reference_time"}),
        "time": ("lead_time", issue + leads, dict(frames["time"].attrs)),
    }
    coordinates = {
        exceedance_probability_name(threshold): exceedance_probability(threshold, field)
        for threshold, field in probabilities.items()
    }
    attributes = {
        "standard_name": NAME,
        "units": UNITS,
        **frames.attrs,
        "model": forecaster.name,
        "weights": forecaster.weights,
        "radar_times": " ".join(format_time(time) for time in times_of(frames)),
    }
    dims = ("lead_time", "y", "x")
    return DataArray(
        rate.astype(np.float32),
        {**grid_coordinates, **stamps, **coordinates},
        dims,
        NAME,
        attributes,
    )


def lead_minutes(horizon: int, step_minutes: int = STEP_MINUTES) -> list[int]:
    """Return the minutes of the lead times of a forecast.

    Args:
        horizon: Number of lead times.
        step_minutes: Minutes from one to the next, and from the issue to the first.

    Raises:
        ValueError: There is no lead time, or the step is less than a minute.
    """
    if horizon < 1:
        raise ValueError(f"horizon is {horizon}, should be 1 lead time or more")
    if step_minutes < 1:
        raise ValueError(f"step_minutes is {step_minutes}, should be 1 minute or more")
    return [step_minutes * number for number in range(1, horizon + 1)]


def lead_times(lead: Sequence[int]) -> NDArray[np.timedelta64]:
    """Return lead times in minutes as timedelta64[ns]."""
    return np.asarray(lead, "timedelta64[m]").astype("timedelta64[ns]")


def format_time(time: np.datetime64) -> str:
    """Format a time in UTC as RFC 3339, to the second."""
    return "no time" if np.isnat(time) else f"{time.astype('datetime64[s]')}Z"


def format_times(times: Iterable[np.datetime64]) -> str:
    """List times in a sentence, only the newest of many."""
    stamps = [format_time(time) for time in times]
    left_out = len(stamps) - MAX_LISTED
    return f"{left_out} earlier and " * (left_out > 0) + ", ".join(stamps[-MAX_LISTED:])
