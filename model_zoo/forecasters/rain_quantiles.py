"""Rain that is exceeded with a given probability, from the probabilities of thresholds.

Between two thresholds log odds are linear in the logarithm of the rate, as in `rain_amounts`. Where
the probabilities are certain of a class of rates, the rain of the forecast says where in the class
it lies, so that steady rain stays as it is. Above the highest threshold the tail is exponential,
as steep as the distribution is there.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.precipitation import HIGHEST
from model_zoo.forecasters.rain_amounts import LEAST_PROBABILITY

Array = NDArray[np.float32]

TAIL_SHARES = (0.05, 0.5)
"""Least and largest scale of the tail, as a share of the highest threshold."""


class RateClass(NamedTuple):
    """The distribution of rain between two thresholds, or above the highest, in each cell.

    From its beginning to its middle, and from there on, the position in the class is linear in log
    odds. The position is that of the logarithm of the rate in units of the class; in the tail it is
    mm/h above the threshold.

    Attributes:
        begin: (cell,), log odds of the lower threshold.
        to_middle: (cell,), how far those of the middle of its probability lie below.
        middle: (cell,), position of the middle.
        after: (cell,), position per log odds after the middle.
    """

    begin: Array
    to_middle: Array
    middle: Array
    after: Array

    def positions(self, log_odds: Array, cells: NDArray[np.intp]) -> Array:
        """Positions (value,) of log odds (value,) of exceedance in cells (value,)."""
        down = self.begin[cells] - log_odds
        to_middle, middle = self.to_middle[cells], self.middle[cells]
        before = middle / np.maximum(to_middle, np.float32(1e-6)) * down
        found: Array = np.where(
            down < to_middle, before, middle + self.after[cells] * (down - to_middle)
        )
        return found


def rain_exceeded(
    exceedance: Array,
    cells: NDArray[np.intp],
    probabilities: Array,
    rain: Array,
    thresholds: Sequence[float],
) -> Array:
    """The rate in mm/h that is exceeded with a probability; 0 below the lowest threshold.

    Args:
        exceedance: (value,), probabilities in 0..1.
        cells: (value,), indices of the cells they are of.
        probabilities: (threshold, cell) in 0..1, falling with the threshold, finite.
        rain: (cell,) in mm/h, what the forecast calls likely, finite.
        thresholds: In mm/h, rising.

    Returns:
        (value,), at least a threshold just where its probability is above `exceedance`.
    """
    rates = np.zeros(exceedance.shape, np.float32)
    log_odds = odds(probabilities)
    reached = np.flatnonzero(exceedance < probabilities[0][cells])
    for number, threshold in enumerate(thresholds):
        last = number + 1 == len(thresholds)
        goes_on = (
            np.zeros(reached.size, bool)
            if last
            else exceedance[reached] < probabilities[number + 1][cells[reached]]
        )
        chosen, reached = reached[~goes_on], reached[goes_on]
        value_odds, value_cells = odds(exceedance[chosen]), cells[chosen]
        if last:
            tail = tail_class(log_odds, probabilities[-1], rain, thresholds)
            found = threshold + tail.positions(value_odds, value_cells)
            rates[chosen] = found.clip(threshold, HIGHEST)
        else:
            width = np.log(thresholds[number + 1] / threshold)
            of_class = rate_class(
                log_odds[number : number + 2],
                probabilities[number : number + 2],
                np.log(np.maximum(rain, np.float32(1e-6)) / np.float32(threshold)) / width,
            )
            position = of_class.positions(value_odds, value_cells).astype(np.float32)
            highest = np.nextafter(np.float32(thresholds[number + 1]), np.float32(0))
            found = np.float32(threshold) * np.exp(position * np.float32(width))
            rates[chosen] = found.clip(np.float32(threshold), highest)
    return rates


def odds(probability: Array) -> Array:
    """Log odds of probabilities (of any shape), finite."""
    bounded = probability.astype(np.float64).clip(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    found: Array = np.log(bounded / (1 - bounded)).astype(np.float32)
    return found


def rate_class(log_odds: Array, probabilities: Array, rain: Array) -> RateClass:
    """The class between two thresholds.

    Where a class is certain, the rain of the forecast is its median if it lies in the class.

    Args:
        log_odds: (2, cell), of both thresholds.
        probabilities: (2, cell).
        rain: (cell,), position of the rain of the forecast in the class.
    """
    width = np.maximum(log_odds[0] - log_odds[1], np.float32(1e-6))
    certainty = probabilities[0] - probabilities[1]
    to_middle = log_odds[0] - odds(probabilities[0] - certainty / np.float32(2))
    middle = to_middle / width
    inside = (rain >= 0) & (rain < 1)
    moved = np.where(inside, middle + certainty * (rain - middle), middle).astype(np.float32)
    after = (1 - moved) / np.maximum(width - to_middle, np.float32(1e-6))
    return RateClass(log_odds[0], to_middle, moved, after)


def tail_class(
    log_odds: Array, probability: Array, rain: Array, thresholds: Sequence[float]
) -> RateClass:
    """The class above the highest threshold.

    Args:
        log_odds: (threshold, cell).
        probability: (cell,), of the highest threshold.
        rain: (cell,) in mm/h, the rain of the forecast.
        thresholds: In mm/h, rising.
    """
    least, most = (np.float32(share * thresholds[-1]) for share in TAIL_SHARES)
    scale = np.full(probability.shape, most)
    if len(thresholds) > 1:
        fall = np.maximum(log_odds[-2] - log_odds[-1], np.float32(1e-6))
        steepness = thresholds[-1] * np.log(thresholds[-1] / thresholds[-2])
        scale = (np.float32(steepness) / fall).clip(least, most)
    to_middle = log_odds[-1] - odds(probability / np.float32(2))
    middle, above = to_middle * scale, rain - np.float32(thresholds[-1])
    moved = np.where(above >= 0, middle + probability * (above - middle), middle)
    return RateClass(log_odds[-1], to_middle, moved.astype(np.float32), scale)
