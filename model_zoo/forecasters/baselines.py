"""Forecasts without learning, which every network has to beat: rain that stays, rain that moves."""

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from ingest.standing_echoes import replaced, standing, steady
from model_zoo.forecasters import advect, motion
from model_zoo.forecasters.contract import (
    LEAD_STEP,
    NO_WEIGHTS,
    Needs,
    NotEnoughFrames,
    check_horizon,
    listed,
    make,
    minutes,
    select,
    stamp,
    times_of,
)

MINUTE = np.timedelta64(1, "m")


class Persistence:
    """The newest frame, again and again. No data stays no data."""

    name = "persistence"
    weights = NO_WEIGHTS
    needs = Needs(minutes(0))

    def __call__(self, frames: DataArray, horizon: int = 4) -> DataArray:
        """Forecast from the newest of `frames`; see `Forecaster`."""
        check_horizon(horizon)
        newest = select(frames, self.needs.required, self.name)
        rate = np.repeat(newest.to_numpy(), horizon, axis=0)
        return make(rate, newest, self)


class Advection:
    """The newest frame, carried along by the motion seen in the last half hour (Lagrangian
    persistence); see `model_zoo.forecasters.motion` and `model_zoo.forecasters.advect`.

    Echoes that stand still while the rain moves are forecast to stand.
    What comes from outside the field or from where there is no data is NaN. Where there is too
    little rain to see a motion, there is none.
    """

    name = "advection"
    weights = NO_WEIGHTS
    needs = Needs(minutes(0), useful=minutes(30, 25, 20, 15, 10, 5))

    def __call__(self, frames: DataArray, horizon: int = 4) -> DataArray:
        """Forecast from the newest of `frames`; see `Forecaster`.

        Raises:
            NotEnoughFrames: The newest has none before it in the half hour of `needs`; any one is
                enough, the 5-minute frames are best.
        """
        check_horizon(horizon)
        recent, kept = set_aside(last_minutes(frames, motion.SPAN_MINUTES, self.name), self.name)
        return make(put_back(carry(recent, motion_of(recent), horizon), kept), recent, self)


def set_aside(frames: DataArray, reader: str) -> tuple[DataArray, NDArray[np.float32]]:
    """Frames without the echoes that stand still while the rain moves, and these.

    A ghost, a spoke or a stationary shower amid moving rain would else be carried away, and be a
    false alarm all along its path. Where it stands it is forecast to stay (`put_back`), so that
    nothing that radar shows is left out of a forecast. See `ingest.standing_echoes`.

    Args:
        frames: (time, y, x) in mm/h, the newest last.
        reader: Who asks, for errors.

    Returns:
        The frames, with what lies around in the cells of standing echoes; and the newest rate of
        those cells (y, x), NaN elsewhere.

    Raises:
        NotEnoughFrames: The newest has none before it in the last half hour.
    """
    recent = last_minutes(frames, motion.SPAN_MINUTES, reader)
    times = recent["time"].to_numpy()
    ages = (times[-1] - times) / MINUTE
    still = steady(rates(recent))
    if not still.any():
        return frames, np.full(still.shape, np.nan, np.float32)
    # which would hold back what is seen of the motion around them
    around = recent.copy(data=np.where(still, np.float32(np.nan), rates(recent)))
    cells = standing(rates(recent), motion_of(around), ages)
    kept = np.where(cells, rates(frames)[-1], np.float32(np.nan))
    if not cells.any():
        return frames, kept
    clean = np.stack([replaced(rate, cells) for rate in rates(frames)])
    return frames.copy(data=clean), kept


def put_back(rate: NDArray[np.float32], kept: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rates (lead, y, x) with the echoes (y, x) that were set aside, NaN where none was."""
    together: NDArray[np.float32] = np.where(np.isnan(kept), rate, np.fmax(rate, kept))
    return together


def motion_of(frames: DataArray) -> NDArray[np.float32]:
    """The motion seen in frames, (y, x, 2) in cells per minute."""
    times = frames["time"].to_numpy()
    minutes_ago = (times - times[-1]) / MINUTE
    return motion.estimate(rates(frames), minutes_ago.tolist(), cell_metres(frames))


def carry(frames: DataArray, moving: NDArray[np.float32], horizon: int) -> NDArray[np.float32]:
    """Rates (horizon, y, x) of the newest frame carried along to each lead."""
    leads = np.arange(1, horizon + 1) * (LEAD_STEP / MINUTE)
    return advect.carry(rates(frames)[-1], moving, leads.tolist())


def rates(frames: DataArray) -> NDArray[np.float32]:
    """The values of frames, (time, y, x) in mm/h."""
    return frames.to_numpy().astype(np.float32, copy=False)


def last_minutes(frames: DataArray, span: int, reader: str) -> DataArray:
    """The frames of the last `span` minutes, the newest and at least one before it.

    Raises:
        BadFrames: They are no frames in the right order.
        NotEnoughFrames: The newest is alone; the message says what `reader` needs.
    """
    times = times_of(frames)
    recent = frames.isel(time=np.flatnonzero(times >= times[-1] - np.timedelta64(span, "m")))
    if len(recent) < 2:
        raise NotEnoughFrames(
            f"{reader} from {stamp(times[-1])} needs another frame of the {span} minutes before, "
            f"from {stamp(times[-1] - np.timedelta64(span, 'm'))} on; got {listed(times)}"
        )
    return recent


def cell_metres(frames: DataArray) -> float | None:
    """Side of a cell, from the coordinate x in m; None without one."""
    if "x" not in frames.coords or frames.sizes["x"] < 2:
        return None
    x = frames["x"].to_numpy()
    return float(abs(x[-1] - x[0]) / (len(x) - 1))
