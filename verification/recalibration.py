"""Recalibration of probabilities from the reliability of recent ones.

The logit of a probability gets an intercept and a slope (Platt scaling, Platt 1999, in Advances in
Large Margin Classifiers) by a logistic regression on sums in bins of probability, which has a
normal prior around no change.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EFFECTIVE_SHARE = 0.005
"""Independent cells per verified cell: neighbours in space and starts 5 minutes apart are alike."""
PRIOR_PRECISION = 50.0
"""Of intercept and slope: about 200 independent cells of probability 1/2 weigh as much."""
LEAST_PROBABILITY = 1e-4
STEPS = 50
TOLERANCE = 1e-6


class Recalibration(NamedTuple):
    """The logit of a probability becomes `intercept` + `slope` * logit."""

    intercept: float
    slope: float


UNCHANGED = Recalibration(0.0, 1.0)


def recalibration(
    n: NDArray[np.float64], probability: NDArray[np.float64], events: NDArray[np.float64]
) -> Recalibration:
    """Fit intercept and slope to sums in bins of forecast probability.

    Args:
        n: (bin,), number of cells.
        probability: (bin,), sum of their forecast probabilities.
        events: (bin,), in how many of them the event occurred.

    Returns:
        No change where there are no cells; the nearer to it the fewer there are.
    """
    filled = n > 0
    if not filled.any():
        return UNCHANGED
    mean = probability[filled] / n[filled]
    mean = np.clip(mean, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    predictors = np.stack([np.ones_like(mean), np.log(mean / (1 - mean))])
    cells, occurred = EFFECTIVE_SHARE * n[filled], EFFECTIVE_SHARE * events[filled]
    before = np.array(UNCHANGED)
    found = before.copy()
    for _ in range(STEPS):
        expected = 1 / (1 + np.exp(-found @ predictors))
        gradient = predictors @ (occurred - cells * expected) - PRIOR_PRECISION * (found - before)
        weight = cells * expected * (1 - expected)
        curvature = (predictors * weight) @ predictors.T + PRIOR_PRECISION * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        found += step
        if np.abs(step).max() < TOLERANCE:
            break
    return Recalibration(*found.tolist())
