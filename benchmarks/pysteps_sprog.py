"""S-PROG as pysteps has it (Pulkkinen et al. 2019, doi:10.5194/gmd-12-4185-2019), beside ours.

The motion is ours, so that the two differ in nothing but the cascade, its autoregression and the
probability matching. It takes the newest three frames that are 5, 10 or 15 minutes apart.
"""

import contextlib
import importlib
import io
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from model_zoo.errors import ModelError
from model_zoo.forecasters import advect, motion
from model_zoo.forecasters.baselines import MINUTE, motion_of, recent_frames
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

Array = NDArray[np.float32]

NAME = "pysteps-s-prog"
STEPS = minutes(5, 10, 15)
"""Spacings of the three frames, the best first; 15 minutes reach back the half hour."""
THRESHOLD = 0.1
"""mm/h; below it is no rain."""
DRY_DECIBEL = -15.0
"""What stands for no rain beside 10 log10 of the rate, 5 below the threshold, as pysteps has it."""
FEWEST_WET = 20
"""Cells with rain in each frame, below which the rain is only carried along."""


class MissingPysteps(ModelError):
    """pysteps is not installed."""


class PystepsSPROG:
    """pysteps.nowcasts.sprog with its defaults; advection where it can tell no lifetimes."""

    name = NAME
    weights = NO_WEIGHTS
    needs = Needs(minutes(0), useful=minutes(30, 25, 20, 15, 10, 5))

    def __init__(self) -> None:
        """Find pysteps.

        Raises:
            MissingPysteps: It is not installed.
        """
        try:
            with quiet():
                self._pysteps: ModuleType = importlib.import_module("pysteps.nowcasts.sprog")
        except ImportError as error:
            raise MissingPysteps(
                f"{self.name!r} needs the package pysteps ({error}): pip install "
                "'nowcast[benchmark]' (it is compiled on the way and needs a C compiler)"
            ) from error

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        """Forecast from the newest of `frames`; see `Forecaster`.

        Raises:
            NotEnoughFrames: There are not three frames 5, 10 or 15 minutes apart up to the newest.
        """
        leads = lead_minutes(horizon, step_minutes)
        step, three = evenly_spaced(frames, self.name)
        recent = recent_frames(frames, motion.SPAN_MINUTES, self.name)
        moving = motion_of(recent)
        steps = np.array(leads) * (MINUTE / step)
        faded = self.fade(three, moving * np.float32(step / MINUTE), steps.tolist())
        if faded is None:
            faded = advect.advect(recent.to_numpy()[-1], moving, leads)
        return make_forecast(faded, recent, self, step_minutes=step_minutes)

    def fade(self, three: DataArray, displacement: Array, steps: list[float]) -> Array | None:
        """Rates `steps` frames after the newest of `three`; None without autoregression.

        Args:
            three: Frames in mm/h.
            displacement: (y, x, 2) in cells from one frame to the next.
            steps: Rising.
        """
        rates = three.to_numpy().astype(float)
        if (rates >= THRESHOLD).sum(axis=(1, 2)).min() < FEWEST_WET:
            return None
        lowest = 10 * np.log10(THRESHOLD)
        with np.errstate(divide="ignore"):
            decibel = np.where(rates < THRESHOLD, DRY_DECIBEL, 10 * np.log10(rates))
        velocity = np.moveaxis(displacement, -1, 0).astype(float)
        try:
            with quiet():
                ahead = self._pysteps.forecast(decibel, velocity, steps, precip_thr=lowest)
        except (ValueError, np.linalg.LinAlgError):
            # scales that are uniform, or are the same in all frames, have no autoregression;
            # nor are there six scales in a tiny field
            return None
        # False for NaN, which stays
        rate: Array = np.where(ahead < lowest, 0, 10 ** (ahead / 10)).astype(np.float32)
        return rate


def evenly_spaced(frames: DataArray, reader: str) -> tuple[np.timedelta64, DataArray]:
    """Three frames up to the newest, as close together as there are, and how far apart they are.

    Raises:
        NotEnoughFrames: There are no such three.
    """
    for step in STEPS:
        with contextlib.suppress(NotEnoughFrames):
            return step, select_frames(frames, (2 * step, step, 0 * step), reader)
    times = times_of(frames)
    raise NotEnoughFrames(
        f"{reader} from {format_time(times[-1])} needs three frames 5, 10 or 15 minutes apart up "
        f"to then; got {format_times(times)}"
    )


def quiet() -> contextlib.AbstractContextManager[object]:
    """What pysteps prints as it goes is dropped, for the whole process."""
    return contextlib.redirect_stdout(io.StringIO())
