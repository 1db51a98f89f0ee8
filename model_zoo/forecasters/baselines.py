"""Baseline forecasters without training: persistence and advection."""

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from ingest.standing_echoes import replaced, standing_cells, steady
from model_zoo.forecasters import advect, motion
from model_zoo.forecasters.contract import (
    HORIZON,
    NO_WEIGHTS,
    STEP_MINUTES,
    Needs,
    NotEnoughFrames,
    format_time,
    format_times,
    lead_minutes,
    make_forecast,
    minutes,
    select_frames,
    times_of,
)
from model_zoo.frame_cache import cached_by_frames

MINUTE = np.timedelta64(1, "m")


class Persistence:
    """Eulerian persistence: the newest frame at every lead time; no data stays NaN."""

    name = "persistence"
    weights = NO_WEIGHTS
    needs = Needs(minutes(0))

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        """Forecast from the newest of `frames` (time, y, x) in mm/h; see `Forecaster`.

        Returns:
            (lead_time, y, x) in mm/h, NaN for no data.

        Raises:
            BadFrames: The frames are not (time, y, x) with rising times.
            ValueError: There is no lead time, or the step is less than a minute.
        """
        leads = lead_minutes(horizon, step_minutes)
        newest = select_frames(frames, self.needs.required, self.name)
        rate = np.repeat(newest.to_numpy(), len(leads), axis=0)
        return make_forecast(rate, newest, self, step_minutes=step_minutes)


class Advection:
    """Lagrangian persistence: the newest frame advected by the motion of the last half hour.

    See `model_zoo.forecasters.motion` and `model_zoo.forecasters.advect`. Echoes that stand still
    while the rain moves are forecast to stay. Rain from outside the field or from cells without
    data is NaN. Without enough rain to estimate it, the motion is zero.
    """

    name = "advection"
    weights = NO_WEIGHTS
    needs = Needs(minutes(0), useful=minutes(30, 25, 20, 15, 10, 5))

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        """Forecast from the newest of `frames` (time, y, x) in mm/h; see `Forecaster`.

        Returns:
            (lead_time, y, x) in mm/h, NaN for no data.

        Raises:
            NotEnoughFrames: There is no frame in the half hour before the newest; one is enough,
                frames every 5 minutes are best.
            BadFrames: The frames are not (time, y, x) with rising times.
            ValueError: There is no lead time, or the step is less than a minute.
        """
        leads = lead_minutes(horizon, step_minutes)
        recent, kept = set_aside(recent_frames(frames, motion.SPAN_MINUTES, self.name), self.name)
        rate = advect.advect(rates(recent)[-1], motion_of(recent), leads)
        return make_forecast(put_back(rate, kept), recent, self, step_minutes=step_minutes)


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
    recent = recent_frames(frames, motion.SPAN_MINUTES, reader)
    times = recent["time"].to_numpy()
    ages = (times[-1] - times) / MINUTE
    still = steady(rates(recent))
    if not still.any():
        return frames, np.full(still.shape, np.nan, np.float32)
    # which would hold back what is seen of the motion around them
    around = recent.copy(data=np.where(still, np.float32(np.nan), rates(recent)))
    cells = standing_cells(rates(recent), motion_of(around), ages)
    kept = np.where(cells, rates(frames)[-1], np.float32(np.nan))
    if not cells.any():
        return frames, kept
    clean = np.stack([replaced(rate, cells) for rate in rates(frames)])
    return frames.copy(data=clean), kept


def put_back(rate: NDArray[np.float32], kept: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rates (lead, y, x) with the echoes (y, x) that were set aside, NaN where none was."""
    rates: NDArray[np.float32] = np.where(np.isnan(kept), rate, np.fmax(rate, kept))
    return rates


@cached_by_frames
def motion_of(frames: DataArray) -> NDArray[np.float32]:
    """Estimate the motion (y, x, 2) in cells per minute from frames (time, y, x) in mm/h."""
    times = frames["time"].to_numpy()
    minutes_ago = (times - times[-1]) / MINUTE
    return motion.estimate(rates(frames), minutes_ago.tolist(), cell_metres(frames))


def rates(frames: DataArray) -> NDArray[np.float32]:
    """Return the values of frames, (time, y, x) float32 in mm/h."""
    return frames.to_numpy().astype(np.float32, copy=False)


def recent_frames(frames: DataArray, span: int, reader: str) -> DataArray:
    """Select the frames (time, y, x) of the last `span` minutes, two of them at least.

    Raises:
        BadFrames: The frames are not (time, y, x) with rising times.
        NotEnoughFrames: There is only the newest; the message names `reader`.
    """
    times = times_of(frames)
    recent = frames.isel(time=np.flatnonzero(times >= times[-1] - np.timedelta64(span, "m")))
    if len(recent) < 2:
        raise NotEnoughFrames(
            f"{reader} from {format_time(times[-1])} needs another frame of the {span} minutes "
            f"before, from {format_time(times[-1] - np.timedelta64(span, 'm'))} on; "
            f"got {format_times(times)}"
        )
    return recent


def cell_metres(frames: DataArray) -> float | None:
    """Return the cell size of frames (time, y, x) in m, from the coordinate x; None without one."""
    if "x" not in frames.coords or frames.sizes["x"] < 2:
        return None
    x = frames["x"].to_numpy()
    return float(abs(x[-1] - x[0]) / (len(x) - 1))
