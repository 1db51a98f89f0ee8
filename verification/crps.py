"""Continuous ranked probability score of rain rates whose exceedance probabilities are forecast.

Matheson and Winkler (1976), doi:10.1287/mnsc.22.10.1087: the integral over all thresholds of the
squared error of the exceedance probability. Here it goes from 0 to the highest threshold that is
forecast; of a forecast without probabilities it is the absolute error of rates cut off there.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray, Dataset

from verification.continuous import error_sums
from verification.matching import kept_coords, pair

Array = NDArray[np.float64]


def crps_sums(probability: DataArray, observed: DataArray) -> Dataset:
    """Sums over y and x from which the score is computed; they add up over forecasts.

    Between thresholds the probability is interpolated linearly in the rate, below the lowest it is
    that of the lowest.

    Args:
        probability: Exceedance probability in 0..1, (threshold, y, x) and any other dims such as
            lead_time; thresholds in mm/h, rising, NaN for no forecast.
        observed: Observed rain rate in mm/h, (y, x) and the other dims but threshold, NaN for no
            data. A cell where either is NaN counts nowhere.

    Returns:
        `n`, cells, and `crps`, the sum of their scores in mm/h, with the other dims; float64.

    Raises:
        DifferentGrids: The fields do not lie on the same cells and leads.
    """
    dims = [dim for dim in probability.dims if dim not in ("threshold", "y", "x")]
    forecast, truth = (
        field.transpose("threshold", *dims, "y", "x").to_numpy()
        for field in pair(probability, observed)
    )
    thresholds = probability["threshold"].to_numpy().tolist()
    shape = forecast.shape[1:-2]
    n, total = np.zeros(shape), np.zeros(shape)
    for index in np.ndindex(*shape):
        fields, rain = forecast[:, *index], truth[0, *index]
        valid = ~(np.isnan(fields).any(axis=0) | np.isnan(rain))
        n[index] = np.count_nonzero(valid)
        total[index] = _integral(
            fields[:, valid].astype(np.float64), rain[valid].astype(np.float64), thresholds
        ).sum()
    coords = kept_coords(probability, dims)
    return Dataset({"n": (dims, n), "crps": (dims, total)}, coords)


def rate_crps_sums(forecast: DataArray, observed: DataArray, highest: float) -> Dataset:
    """The same sums of a forecast of rates in mm/h (..., y, x), up to the threshold `highest`.

    Raises:
        DifferentGrids: The fields do not lie on the same cells and leads.
    """
    sums = error_sums(forecast.clip(0, highest), observed.clip(0, highest), ["y", "x"])
    return Dataset({"n": sums["n"].astype(float), "crps": sums["absolute"]})


def crps(sums: Dataset) -> DataArray:
    """Return the mean CRPS in mm/h, shaped as the sums; NaN where no cells were compared.

    0 is best.
    """
    score: DataArray = sums["crps"] / sums["n"].where(sums["n"] > 0)
    return score


def _integral(probability: Array, rain: Array, thresholds: Sequence[float]) -> Array:
    """The score of each cell, from probabilities (threshold, cell) and observed rates (cell,)."""
    score = np.zeros(rain.shape)
    lower, above_lower = 0.0, probability[0]
    for upper, above_upper in zip(thresholds, probability, strict=True):
        split = np.clip(rain, lower, upper)
        share = (split - lower) / (upper - lower)
        there = above_lower + share * (above_upper - above_lower)
        score += (split - lower) * _mean_square(1 - above_lower, 1 - there)
        score += (upper - split) * _mean_square(there, above_upper)
        lower, above_lower = upper, above_upper
    return score


def _mean_square(first: Array, last: Array) -> Array:
    """The mean square of what goes linearly from the first to the last value."""
    mean: Array = (first * first + first * last + last * last) / 3
    return mean
