"""Windows of rain in a moving view: all frames where their rain is at the time of the newest given.

Lagrangian coordinates, as in Ritvanen et al. (2023), doi:10.1109/JSTARS.2023.3238016: the motion is
that which a forecaster could see at that time, in the half hour before. What lies before is carried
there as advection does; what comes after is brought back.
"""

import numpy as np
from numpy.typing import NDArray

from model_zoo.forecasters import advect, motion
from model_zoo.forecasters.sprog import sprog_fields
from model_zoo.training.data.augmentation import Rates
from model_zoo.training.data.record import Record, read
from model_zoo.training.data.sliding_windows import MISSING

MINUTE = np.timedelta64(1, "m")


def moving(record: Record, numbers: NDArray[np.int64], given: int) -> Rates:
    """A window (time, height, width) in mm/h, NaN for no data.

    Args:
        record: Frames of an event or archive.
        numbers: Those of the window; of frames after the newest given one some may lack.
        given: How many of them a network is given.
    """
    times = record.times
    now = times[numbers[given - 1]]
    rates = read(record, numbers)
    seen = motion_until(record, int(numbers[given - 1]))
    for index, number in enumerate(numbers):
        if number == MISSING or index == given - 1:
            continue
        minutes = float((times[number] - now) / MINUTE)
        if minutes < 0:
            (rates[index],) = advect.advect(rates[index], seen, [-minutes])
        else:
            rates[index] = advect.advect_backward(rates[index], seen, minutes)
    return rates


def guidance(record: Record, numbers: NDArray[np.int64], given: int) -> Rates:
    """Forecast the frames after the given ones by S-PROG.

    Args:
        record: Frames of an event or archive.
        numbers: Those of the window.
        given: How many of them a network is given.

    Returns:
        (lead, height, width) in mm/h, in the moving view; NaN for no data.
    """
    times = record.times
    newest = int(numbers[given - 1])
    seen = motion_until(record, newest)
    first = int(np.searchsorted(times, times[newest] - motion.SPAN_MINUTES * MINUTE))
    recent = np.arange(first, newest + 1)
    ages = ((times[newest] - times[recent]) / MINUTE).astype(float)
    frames = record.rates(recent)
    for index, age in enumerate(ages[:-1]):
        (frames[index],) = advect.advect(frames[index], seen, [age])
    spacing = float((times[newest] - times[numbers[given - 2]]) / MINUTE)
    leads = [spacing * (lead + 1) for lead in range(len(numbers) - given)]
    return sprog_fields(frames, ages.tolist(), leads)


def motion_until(record: Record, newest: int) -> NDArray[np.float32]:
    """Estimate the motion in the half hour up to a frame, (y, x, 2) in cells per minute.

    0 where the record has no frame before it.
    """
    times = record.times
    earliest = times[newest] - motion.SPAN_MINUTES * MINUTE
    first = int(np.searchsorted(times, earliest))
    numbers = np.arange(first, newest + 1)
    if len(numbers) < 2:
        return np.zeros((*record.shape, 2), np.float32)
    minutes = (times[numbers] - times[newest]) / MINUTE
    return motion.estimate(record.rates(numbers), minutes.tolist())
