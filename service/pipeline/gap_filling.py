"""Fills gaps in radar frames: interpolates one missing frame, or selects another model.

A missing frame is interpolated from its neighbours in time, each advected to the missing time. The
newest frame, which the forecast starts from, is never interpolated, nor is more than one.
"""

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
"""Largest distance of an interpolated frame from a neighbour, in min."""
AROUND_MINUTES = motion.STRIDE_MINUTES
"""Distance from the gap up to which frames are used to estimate motion, in min."""
FRAME_MINUTES = int(INTERVAL / MINUTE)
LAST_RESORTS = (Advection.name, Persistence.name)
"""Baselines that forecast if none of the served models can."""


def usable_model(
    archive: Archive, forecasters: Forecasters, issue: Time, requested: str | None
) -> tuple[Forecaster, str]:
    """Select a model that can forecast from the existing frames.

    Args:
        archive: Archive of frames.
        forecasters: Models of the deployment.
        issue: Time of a radar frame.
        requested: Name of the only model to use; None for the first served model that can
            forecast, else a baseline.

    Returns:
        The model, and why the default is not used; empty if it is.

    Raises:
        NoFrame: There is no radar frame of that time.
        NoFrames: The requested model, or any, lacks frames; the message names them.
        UnknownModel: There is no model of this name.
        NoWeights: The requested model has no weights.
    """
    reason = ""
    names = [requested] if requested else [*forecasters.served, *LAST_RESORTS]
    for name in dict.fromkeys(names):
        forecaster = forecasters.get(name)
        obstacle = why_not(archive, forecaster, issue)
        if not obstacle:
            return forecaster, reason
        reason = reason or obstacle
    raise NoFrames(reason)


def why_not(archive: Archive, forecaster: Forecaster, issue: Time) -> str:
    """Return why a forecaster cannot forecast from the frames of an issue; empty if it can.

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
    """Return the input frames (time, y, x) of a forecaster at an issue time; see `complete`.

    Raises:
        NoFrame: There is no radar frame of that time.
        NoFrames: Required frames are missing.
    """
    return complete(look_up(archive, forecaster, issue), forecaster)


def look_up(archive: Archive, forecaster: Forecaster, issue: Time) -> DataArray:
    """Return the frames (time, y, x) a forecaster can use, and those around a missing one.

    Raises:
        NoFrame: There is no radar frame of the issue time.
    """
    if not archive.has_frame(issue):
        raise NoFrame(f"there is no radar frame of {stamp(issue)} to forecast from")
    wanted = forecaster.needs.times(issue)
    frames = archive.frames(wanted)
    if frames["time"].values[-1] != issue:
        raise NoFrame(f"the radar frame of {stamp(issue)} was damaged; it is fetched again")
    missing = lacking(frames, forecaster)
    if len(missing) != 1:
        return frames
    around = missing[0] + np.arange(-AROUND_MINUTES, AROUND_MINUTES + 1, FRAME_MINUTES) * MINUTE
    return archive.frames([*wanted, *around[around < issue]])


def complete(frames: DataArray, forecaster: Forecaster) -> DataArray:
    """Select the frames that a forecaster can use, with one missing frame interpolated.

    Whether there are enough optional frames is left to the forecaster, except that one frame alone
    is too few for any that has optional ones.

    Args:
        frames: (time, y, x) in mm/h, NaN for no data, oldest first; the newest is the issue.
        forecaster: Forecaster with its required and optional frames.

    Returns:
        The input frames (time, y, x); `attrs["bridged"]` is the time of the interpolated frame.

    Raises:
        NoFrames: Required frames are missing; the message names them.
    """
    gap = gap_in(frames, forecaster)
    if gap is not None:
        frames = bridged(frames, gap)
    times = frames["time"].values
    return frames.isel(time=np.isin(times, forecaster.needs.times(times[-1])))


def gap_in(frames: DataArray, forecaster: Forecaster) -> Time | None:
    """Return the time of the frame to interpolate; None if no required frame is missing.

    Args:
        frames: (time, y, x), oldest first; the newest is the issue.
        forecaster: Forecaster with its required frames.

    Raises:
        NoFrames: Several frames are missing, or there are no neighbours to interpolate from.
    """
    issue, needs = frames["time"].values[-1], forecaster.needs
    who = f"{forecaster.name} at {stamp(issue)}"
    missing = lacking(frames, forecaster)
    if not missing:
        times = needs.times(issue)
        if needs.useful and np.isin(frames["time"].values, times).sum() < 2:
            raise NoFrames(
                f"{who} needs a radar frame of the time from {stamp(times[0])} on too; "
                f"ingest one or use another model"
            )
        return None
    if len(missing) == 1:
        away = abs(minutes_from(frames, missing[0]))
        if (away <= AROUND_MINUTES).sum() >= 2 and away.min() <= NEAR_MINUTES:
            return missing[0]
    raise NoFrames(
        f"{who} needs the radar frames of {', '.join(map(stamp, missing))} too; one missing "
        f"frame is interpolated if others are up to {NEAR_MINUTES} minutes away; ingest them or "
        f"use another model"
    )


def lacking(frames: DataArray, forecaster: Forecaster) -> list[Time]:
    """Return the times of required frames that are not among frames (time, ...), oldest first."""
    times = frames["time"].values
    wanted = [times[-1] - age for age in forecaster.needs.required]
    return sorted(time for time in wanted if time not in times)


def bridged(frames: DataArray, gap: Time) -> DataArray:
    """Insert a frame interpolated from its neighbours in time.

    The nearest frames before and after are advected to the time of the gap and averaged, weighted
    by the inverse of their distance in time; where one has no data, the other alone counts.

    Args:
        frames: (time, y, x) in mm/h, NaN for no data, with two or more up to `AROUND_MINUTES` from
            the gap.
        gap: The missing time.

    Returns:
        The frames with the new one, oldest first; `attrs["bridged"]` is its time.
    """
    minutes = minutes_from(frames, gap)
    velocity = motion_of(frames.isel(time=abs(minutes) <= AROUND_MINUTES))
    before, after = np.flatnonzero(minutes < 0)[-1:], np.flatnonzero(minutes > 0)[:1]
    total, weight = np.zeros((2, *frames.shape[1:]), np.float32)
    for index in (*before, *after):
        away = float(minutes[index])
        if abs(away) <= NEAR_MINUTES:
            (advected,) = advect.advect(rates(frames)[index], velocity, [-away])
            total += np.nan_to_num(advected) / np.float32(abs(away))
            weight += ~np.isnan(advected) / np.float32(abs(away))
    mean = np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)
    filled = frames.isel(time=[0]).copy(data=mean[None])
    filled["time"] = filled["time"].copy(data=[gap])
    joined = xr.concat(
        [frames, filled], "time", coords="minimal", compat="override", join="override"
    )
    joined = joined.sortby("time")
    joined.attrs = frames.attrs | {"bridged": contract.format_time(gap)}
    return joined


def minutes_from(frames: DataArray, time: Time) -> NDArray[np.float64]:
    """Return how much later than a time each frame (time, ...) is, in min (time)."""
    minutes: NDArray[np.float64] = (frames["time"].values - time) / MINUTE
    return minutes
