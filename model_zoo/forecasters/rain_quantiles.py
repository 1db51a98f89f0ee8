"""Rain that is exceeded with a given probability, from the probabilities of thresholds.

Between two thresholds log odds are linear in the logarithm of the rate, as in `rain_amounts`. Where
the probabilities are certain of a class of rates, the rain of the forecast says where in the class
it lies, so that steady rain stays as it is. Above the highest threshold the tail is exponential,
as steep as the distribution is there.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.precipitation import HIGHEST
from model_zoo.forecasters.rain_amounts import LEAST_PROBABILITY

Array = NDArray[np.float32]
Values = NDArray[np.float64]

TAIL_SHARES = (0.05, 0.5)
"""Least and largest scale of the tail, as a share of the highest threshold."""


def rain_exceeded(
    exceedance: Array, probabilities: Array, rain: Array, thresholds: Sequence[float]
) -> Array:
    """The rate in mm/h that is exceeded with a probability; 0 below the lowest threshold.

    Args:
        exceedance: (value,), probabilities in 0..1.
        probabilities: (threshold, value) in 0..1, falling with the threshold, finite.
        rain: (value,) in mm/h, what the forecast calls likely, finite.
        thresholds: In mm/h, rising.

    Returns:
        (value,), at least a threshold just where its probability is above `exceedance`.
    """
    reached = (exceedance < probabilities).sum(axis=0)
    wet = np.flatnonzero(reached)
    rates = np.zeros(exceedance.shape, np.float32)
    above = reached[wet] - 1
    log_odds = odds(probabilities[:, wet])
    value = np.arange(wet.size)
    from_lower = log_odds[above, value] - odds(exceedance[wet])
    for number in range(len(thresholds)):
        chosen = np.flatnonzero(above == number)
        if not chosen.size:
            continue
        columns = wet[chosen]
        upper = probabilities[number + 1, columns] if number + 1 < len(thresholds) else 0
        certainty = probabilities[number, columns] - upper
        middle = odds(probabilities[number, columns] - certainty / 2)
        to_middle = log_odds[number, chosen] - middle
        if number + 1 < len(thresholds):
            width = log_odds[number, chosen] - log_odds[number + 1, chosen]
            found = within_class(
                from_lower[chosen] / width,
                to_middle / width,
                certainty,
                np.log(np.maximum(rain[columns], 1e-6) / thresholds[number]),
                np.log(thresholds[number + 1] / thresholds[number]),
            )
            lower, higher = np.float32(thresholds[number]), np.float32(thresholds[number + 1])
            rate = thresholds[number] * np.exp(found)
            rates[columns] = rate.clip(lower, np.nextafter(higher, np.float32(0)))
        else:
            scale = tail_scale(log_odds[:, chosen], thresholds)
            excess = rain[columns] - thresholds[number]
            found = tail(from_lower[chosen] * scale, to_middle * scale, certainty, excess)
            rates[columns] = np.minimum(thresholds[number] + found, HIGHEST)
    return rates


def odds(probability: NDArray[np.floating]) -> Values:
    """Log odds of probabilities (of any shape), finite."""
    bounded = probability.astype(np.float64).clip(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    found: Values = np.log(bounded / (1 - bounded))
    return found


def within_class(
    share: Values, middle: Values, certainty: Array, rain: Values, width: float
) -> Values:
    """Logarithm of a rate over the lower threshold of its class.

    Args:
        share: (value,), in 0..1, of the way from the log odds of the lower threshold to those of
            the upper one.
        middle: The share at which half of the class is exceeded.
        certainty: Probability of the class.
        rain: Logarithm of the rain of the forecast over the lower threshold; outside of the class
            it does not count.
        width: Logarithm of the upper over the lower threshold.
    """
    inside = (rain >= 0) & (rain < width)
    position = np.where(inside, middle + certainty * (rain / width - middle), middle)
    below = share / np.maximum(middle, 1e-6) * position
    over = position + (share - middle) / np.maximum(1 - middle, 1e-6) * (1 - position)
    found: Values = width * np.where(share < middle, below, over)
    return found


def tail(distance: Values, middle: Values, certainty: Array, rain: Array) -> Values:
    """Excess (value,) over the highest threshold; arguments as of `within_class`, in mm/h."""
    position = np.where(rain >= 0, middle + certainty * (rain - middle), middle)
    below = distance / np.maximum(middle, 1e-6) * position
    found: Values = np.where(distance < middle, below, position + distance - middle)
    return found


def tail_scale(log_odds: Values, thresholds: Sequence[float]) -> Values:
    """Scale (value,) of the tail in mm/h, from log odds (threshold, value)."""
    least, most = (share * thresholds[-1] for share in TAIL_SHARES)
    if len(thresholds) < 2:
        return np.full(log_odds.shape[1:], most)
    fall = log_odds[-2] - log_odds[-1]
    scale: Values = (
        thresholds[-1] * np.log(thresholds[-1] / thresholds[-2]) / np.maximum(fall, 1e-6)
    )
    return scale.clip(least, most)
