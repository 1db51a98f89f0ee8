"""Radar frames that are missing: one is bridged, and for want of more another model forecasts.

A bridged frame is made of its neighbours in time, carried to where their rain was then, by the
motion and the trajectories of our advection. The newest frame, which the forecast starts from, is
never bridged; nor is more than one.
"""

from typing import Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray import DataArray

from ingest.precipitation import INTERVAL
from model_zoo.forecasters import advect, contract, motion
from model_zoo.forecasters.baselines import MINUTE, Advection, Persistence, motion_of, rates
from model_zoo.forecasters.contract import Forecaster
from service.archive.archive import Archive
from service.archive.key import Time, stamp
from service.errors import NoFrame, NoFrames
from service.pipeline.served_models import Forecasters

NEAR_MINUTES = 10
"""A neighbour of a missing frame is at most so far from it."""
AROUND_MINUTES = motion.STRIDE_MINUTES
"""The motion across a gap is looked for in frames up to so far from it."""
FRAME_MINUTES = int(INTERVAL / MINUTE)
LAST_RESORTS = (Advection.name, Persistence.name)
"""What forecasts where none of the served models can."""


class Desk(Protocol):
    """Where the frames and the models are."""

    @property
    def archive(self) -> Archive: ...

    @property
    def forecasters(self) -> Forecasters: ...


def best_possible(desk: Desk, issue: Time, asked: str | None) -> tuple[Forecaster, str]:
    """The model to forecast with from the frames there are, and the reason where it is another
    than one would expect.

    Args:
        issue: Time of a radar frame.
        asked: Name of a model, which it is then; where None, it is the default one if that can
            forecast, else the first of those served that can, else a baseline.

    Raises:
        NoFrame: There is no radar frame of that time.
        NoFrames: The model that was named, or any, lacks frames; the message says which.
        UnknownModel, NoWeights: As `Forecasters.get`.
    """
    reason = ""
    for name in [asked] if asked else dict.fromkeys((*desk.forecasters.served, *LAST_RESORTS)):
        forecaster = desk.forecasters.get(name)
        lacks = why_not(desk.archive, forecaster, issue)
        if not lacks:
            return forecaster, reason
        reason = reason or lacks
    raise NoFrames(reason)


def why_not(archive: Archive, forecaster: Forecaster, issue: Time) -> str:
    """Why a forecaster cannot forecast from the frames of an issue; empty where it can.

    Raises:
        NoFrame: There is no radar frame of that time.
    """
    frames = look_up(archive, forecaster, issue)
    try:
        gap_in(frames, forecaster)
    except NoFrames as error:
        return str(error)
    return ""


def frames_for(archive: Archive, forecaster: Forecaster, issue: Time) -> DataArray:
    """The frames a forecaster can use for a forecast issued at a time; see `complete`.

    Raises:
        NoFrame: There is no radar frame of that time.
        NoFrames: Those are lacking that it requires.
    """
    return complete(look_up(archive, forecaster, issue), forecaster)


def look_up(archive: Archive, forecaster: Forecaster, issue: Time) -> DataArray:
    """Frames of the archive that a forecaster can use, and those around one that is missing.

    Raises:
        NoFrame: There is no radar frame of the issue.
    """
    if not archive.has_frame(issue):
        raise NoFrame(f"there is no radar frame of {stamp(issue)} to forecast from")
    wanted = forecaster.needs.times(issue)
    frames = archive.frames(wanted)
    missing = lacking(frames, forecaster)
    if len(missing) != 1:
        return frames
    around = missing[0] + np.arange(-AROUND_MINUTES, AROUND_MINUTES + 1, FRAME_MINUTES) * MINUTE
    return archive.frames([*wanted, *around[around < issue]])


def complete(frames: DataArray, forecaster: Forecaster) -> DataArray:
    """Of frames up to an issue those that a forecaster can use, one that is missing bridged.

    Whether enough are there of those that are useful, only the forecaster can tell, but for one
    frame alone, which none of these can do with.

    Args:
        frames: (time, y, x) in mm/h, oldest first; the newest is the issue.

    Returns:
        The same; `attrs["bridged"]` is the time of the frame that no radar has seen, if any.

    Raises:
        NoFrames: Those are lacking that it requires; the message says which.
    """
    gap = gap_in(frames, forecaster)
    if gap is not None:
        frames = bridged(frames, gap)
    times = frames["time"].values
    return frames.isel(time=np.isin(times, forecaster.needs.times(times[-1])))


def gap_in(frames: DataArray, forecaster: Forecaster) -> Time | None:
    """The time of the frame that is to be bridged for a forecaster, None where none is missing.

    Raises:
        NoFrames: More are missing, or none is there to bridge it with.
    """
    issue, needs = frames["time"].values[-1], forecaster.needs
    who = f"{forecaster.name} at {stamp(issue)}"
    missing = lacking(frames, forecaster)
    if not missing:
        times = needs.times(issue)
        if needs.useful and np.isin(frames["time"].values, times).sum() < 2:
            raise NoFrames(  # known before any work begins
                f"{who} needs a radar frame of the time from {stamp(times[0])} on too; "
                f"ingest one or take another model"
            )
        return None
    if len(missing) == 1:
        away = abs(minutes_from(frames, missing[0]))
        if (away <= AROUND_MINUTES).sum() >= 2 and away.min() <= NEAR_MINUTES:
            return missing[0]
    raise NoFrames(
        f"{who} needs the radar frames of {', '.join(map(stamp, missing))} too; one alone is "
        f"bridged where others are up to {NEAR_MINUTES} minutes away; ingest them or take another "
        f"model"
    )


def lacking(frames: DataArray, forecaster: Forecaster) -> list[Time]:
    """Times of the frames that a forecaster requires and that are not there, oldest first."""
    times = frames["time"].values
    wanted = [times[-1] - age for age in forecaster.needs.required]
    return sorted(time for time in wanted if time not in times)


def bridged(frames: DataArray, gap: Time) -> DataArray:
    """Frames with one more between them, made of its neighbours.

    The nearest before and the nearest after are carried to the time of the gap and averaged, the
    nearer counting more, in proportion; where one has no data, or is not there, the other alone.

    Args:
        frames: (time, y, x) in mm/h, with two or more up to `AROUND_MINUTES` from the gap.
        gap: A time of which there is none.
    """
    minutes = minutes_from(frames, gap)
    moving = motion_of(frames.isel(time=abs(minutes) <= AROUND_MINUTES))
    before, after = np.flatnonzero(minutes < 0)[-1:], np.flatnonzero(minutes > 0)[:1]
    total, weight = np.zeros((2, *frames.shape[1:]), np.float32)
    for at in (*before, *after):
        away = float(minutes[at])
        if abs(away) <= NEAR_MINUTES:
            (carried,) = advect.advect(rates(frames)[at], moving, [-away])
            total += np.nan_to_num(carried) / np.float32(abs(away))
            weight += ~np.isnan(carried) / np.float32(abs(away))
    mean = np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)
    made = frames.isel(time=[0]).copy(data=mean[None])
    made["time"] = made["time"].copy(data=[gap])
    joined = xr.concat([frames, made], "time", coords="minimal", compat="override", join="override")
    joined = joined.sortby("time")
    joined.attrs = frames.attrs | {"bridged": contract.format_time(gap)}
    return joined


def minutes_from(frames: DataArray, time: Time) -> NDArray[np.float64]:
    """How much later than a time each frame is."""
    found: NDArray[np.float64] = (frames["time"].values - time) / MINUTE
    return found
