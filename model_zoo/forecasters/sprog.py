"""S-PROG, which blurs what cannot be foretold: the optional baseline of the extra `sprog`.

The rain field is split into scales, each of which is carried along and fades as fast as it has been
seen to (Seed 2003, doi:10.1175/1520-0450(2003)042<0381:ADASSA>2.0.CO;2). pysteps does it (Pulkkinen
et al. 2019, doi:10.5194/gmd-12-4185-2019); the motion is that of our advection, so that the two
differ in nothing but the blurring.
"""

import contextlib
import importlib
import io
import threading
from collections.abc import Iterator
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from model_zoo.errors import ModelError
from model_zoo.forecasters import motion
from model_zoo.forecasters.baselines import MINUTE, carry, last_minutes, motion_of
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

Array = NDArray[np.float32]

STEPS = minutes(5, 10, 15)
"""Spacings of the three frames, the best first; 15 minutes reach back the half hour."""
THRESHOLD = 0.1
"""mm/h; below it is no rain."""
DRY_DECIBEL = -15.0
"""What stands for no rain beside 10 log10 of the rate, 5 below the threshold, as pysteps has it."""
FEWEST_WET = 20
"""Cells with rain in each frame, below which the fading of scales cannot be told."""
PRINTING = threading.Lock()
"""pysteps prints as it goes, and what is printed is turned away for the whole process at once."""


class MissingExtra(ModelError):
    """A package that only an optional forecaster needs is not installed."""


class SPROG:
    """Rain carried along as by `Advection`, its scales fading one after the other.

    Where there is too little rain to see scales fade, or nothing changes, it is only carried along.
    """

    name = "s-prog"
    weights = NO_WEIGHTS
    needs = Needs(minutes(0), useful=minutes(30, 25, 20, 15, 10, 5))

    def __init__(self) -> None:
        """Find pysteps.

        Raises:
            MissingExtra: It is not installed.
        """
        try:
            with quiet():
                self._pysteps: ModuleType = importlib.import_module("pysteps.nowcasts.sprog")
        except ImportError as error:
            raise MissingExtra(
                f"the forecaster {self.name!r} needs the package pysteps ({error}): "
                "pip install 'nowcast[sprog]' (it is compiled on the way and wants a C compiler)"
            ) from error

    def __call__(self, frames: DataArray, horizon: int = 4) -> DataArray:
        """Forecast from the newest of `frames`; see `Forecaster`.

        Raises:
            NotEnoughFrames: There are not three frames 5, 10 or 15 minutes apart up to the newest.
        """
        check_horizon(horizon)
        step, three = evenly_spaced(frames, self.name)
        recent = last_minutes(frames, motion.SPAN_MINUTES, self.name)
        moving = motion_of(recent)
        steps = np.arange(1, horizon + 1) * (LEAD_STEP / step)
        blurred = self._blur(three, moving * np.float32(step / MINUTE), steps.tolist())
        rate = carry(recent, moving, horizon) if blurred is None else blurred
        return make(rate, recent, self)

    def _blur(self, three: DataArray, displacement: Array, steps: list[float]) -> Array | None:
        """Rates `steps` frames after the newest of `three`; None where no fading can be told.

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
            return step, select(frames, (2 * step, step, 0 * step), reader)
    times = times_of(frames)
    raise NotEnoughFrames(
        f"{reader} from {stamp(times[-1])} needs three frames 5, 10 or 15 minutes apart up to "
        f"then; got {listed(times)}"
    )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing printed meanwhile; one thread at a time, as each would restore what it found."""
    with PRINTING, contextlib.redirect_stdout(io.StringIO()):
        yield
