"""What every forecaster takes and gives: frames of the past in, a forecast out.

    frames     (time, y, x) in mm/h, as in ingest.precipitation; the newest is the issue
    forecast   (lead_time, y, x) in mm/h, with the scalar `forecast_reference_time` and the valid
               `time` of each lead; attributes tell the model, its weights and the frames it saw;
               where it tells them, the probabilities of thresholds as coordinates

NaN is no data in both. Frames are chosen by their times, never by their places in the array, so any
cadence will do that has the frames a forecaster needs.
"""

from collections.abc import Iterable, Mapping
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
"""From one lead of a forecast to the next, and between the frames a network sees."""
HORIZON = 4
"""Leads of a forecast of the service: two hours."""
NO_WEIGHTS = "none"
"""What stands for the hash of the weights in a forecast that was made without any."""
NO_PROBABILITIES: Mapping[float, NDArray[np.float32]] = MappingProxyType({})
LISTED = 12
"""How many times an error message lists before it leaves some out."""


class NotEnoughFrames(BadFrames):
    """Frames that a forecast cannot start without are missing."""


@dataclass(frozen=True)
class Needs:
    """Which frames a forecaster looks at, as time before the issue, oldest first.

    Attributes:
        required: Without these there is no forecast.
        useful: These are used as well where they are there; a forecaster that needs some of them,
            whichever they are, raises NotEnoughFrames where none is.
    """

    required: tuple[np.timedelta64, ...]
    useful: tuple[np.timedelta64, ...] = ()

    def times(self, issue: np.datetime64) -> list[np.datetime64]:
        """The times of all frames worth having for a forecast from `issue`, oldest first."""
        return [issue - age for age in sorted({*self.required, *self.useful}, reverse=True)]


class Forecaster(Protocol):
    """Anything that can say how the rain goes on."""

    @property
    def name(self) -> str:
        """As `load_forecaster` knows it."""

    @property
    def weights(self) -> str:
        """SHA-256 of the checkpoint in hexadecimal, or "none"."""

    @property
    def needs(self) -> Needs:
        """Which frames to give it."""

    def __call__(self, frames: DataArray, horizon: int = 4) -> DataArray:
        """Forecast from the newest of `frames`.

        Args:
            frames: (time, y, x) in mm/h, oldest first, NaN for no data, on a grid of any size.
                There may be more of them than the forecaster needs.
            horizon: How many leads, 30 minutes apart, the first 30 minutes after the issue.

        Returns:
            (lead_time, y, x) in mm/h, NaN where nothing can be said.

        Raises:
            BadFrames: The frames are not such frames; a NotEnoughFrames where some are missing.
        """


def minutes(*ages: int) -> tuple[np.timedelta64, ...]:
    """Times before the issue, in minutes."""
    return tuple(np.timedelta64(age, "m") for age in ages)


def times_of(frames: DataArray) -> NDArray[np.datetime64]:
    """The times of frames, after a look at whether they are frames in the right order.

    Raises:
        BadFrames: The dimensions are others, there is no frame at all, or the times do not rise.
    """
    if frames.dims != ("time", "y", "x"):
        raise BadFrames(f"frames have dimensions {frames.dims}, should have (time, y, x)")
    if 0 in frames.shape:
        raise NotEnoughFrames(f"frames of shape {frames.shape} hold nothing to forecast from")
    times = frames["time"].to_numpy() if "time" in frames.coords else np.arange(len(frames))
    if not np.issubdtype(times.dtype, np.datetime64):
        raise BadFrames(f"times of frames are {times.dtype}, should be datetime64 in UTC")
    later = np.diff(times) > np.timedelta64(0)  # False beside a NaT
    if np.isnat(times).any() or not later.all():
        bad = int(np.argmin(later)) + 1 if later.size else 0
        raise BadFrames(
            f"times of frames should rise, but frame {bad} is of {stamp(times[bad])}"
            + (f", after one of {stamp(times[bad - 1])}" if bad else "")
            + ": sort them, and drop those that come twice"
        )
    return times.astype("datetime64[ns]")


def select(frames: DataArray, ages: Iterable[np.timedelta64], reader: str) -> DataArray:
    """The frames of the given ages before the newest one, oldest first.

    Raises:
        BadFrames: They are no frames in the right order.
        NotEnoughFrames: One of them is not there; the message says which `reader` needs.
    """
    times = times_of(frames)
    wanted = [times[-1] - age for age in sorted(ages, reverse=True)]
    missing = [time for time in wanted if time not in times]
    if missing:
        raise NotEnoughFrames(
            f"{reader} from {stamp(times[-1])} needs frames of {listed(wanted)}; "
            f"{listed(missing)} missing, got {listed(times)}"
        )
    return frames.isel(time=np.searchsorted(times, np.array(wanted)))


def make(
    rate: NDArray[np.float32],
    frames: DataArray,
    forecaster: Forecaster,
    probabilities: Mapping[float, NDArray[np.float32]] = NO_PROBABILITIES,
) -> DataArray:
    """A forecast from the rates (lead_time, y, x) for each lead after the newest of `frames`.

    Args:
        rate: In mm/h, NaN for no data.
        frames: Those it was made of, oldest first; lends the grid, its coordinates and attributes.
        forecaster: Who made it.
        probabilities: Probabilities (lead_time, y, x) that the rain reaches thresholds in mm/h.
    """
    issue = times_of(frames)[-1]
    leads = (LEAD_STEP * np.arange(1, len(rate) + 1)).astype("timedelta64[ns]")
    place = {
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
        "radar_times": " ".join(stamp(time) for time in times_of(frames)),
    }
    dims = ("lead_time", "y", "x")
    return DataArray(
        rate.astype(np.float32), {**place, **stamps, **coordinates}, dims, NAME, attributes
    )


def check_horizon(horizon: int) -> None:
    """Refuse a forecast without leads."""
    if horizon < 1:
        raise ValueError(f"horizon is {horizon}, should be 1 lead of {LEAD_STEP} or more")


def stamp(time: np.datetime64) -> str:
    """A time in UTC as RFC 3339 has it, in seconds."""
    return "no time" if np.isnat(time) else f"{time.astype('datetime64[s]')}Z"


def listed(times: Iterable[np.datetime64]) -> str:
    """Times in a sentence; of many only the newest."""
    stamps = [stamp(time) for time in times]
    left_out = len(stamps) - LISTED
    return f"{left_out} earlier and " * (left_out > 0) + ", ".join(stamps[-LISTED:])
