"""Continuous verification: errors of the rain rate in mm/h, as sums that add up and means of them.

An all-dry forecast has the lowest MAE of all on many events, so read these beside the scores of
events and the frequency bias.
"""

from collections.abc import Hashable, Iterable

import numpy as np
from xarray import DataArray, Dataset

from verification.matching import kept_coords, pair, split


def error_sums(forecast: DataArray, observed: DataArray, over: Iterable[Hashable]) -> Dataset:
    """Sums of the error, forecast minus observed, that add up over time.

    Args:
        forecast: Rain rate in mm/h, NaN for no data.
        observed: Rain rate in mm/h at the times of the forecast (see `match`), NaN for no data.
        over: Dims to sum over. A cell where either field is NaN counts nowhere.

    Returns:
        n (cells, int64), signed and absolute (mm/h) and squared (mm2/h2), float64, with the dims
        that stay.

    Raises:
        DifferentGrids: The fields do not lie on the same cells and leads.
    """
    kept, summed = split(forecast, over)
    predicted, truth = (f.transpose(*kept, *summed).to_numpy() for f in pair(forecast, observed))
    error = predicted.astype(np.float64) - truth
    axes = tuple(range(len(kept), error.ndim))
    valid = ~np.isnan(error)
    error[~valid] = 0  # adds nothing to the sums; n knows
    sums = {
        "n": valid.sum(axes, dtype=np.int64),
        "signed": error.sum(axes),
        "absolute": np.abs(error).sum(axes),
        "squared": np.square(error).sum(axes),
    }
    data = {name: (kept, values) for name, values in sums.items()}
    return Dataset(data, kept_coords(forecast, kept))


def mae(sums: Dataset) -> DataArray:
    """Compute the mean absolute error in mm/h, elementwise; NaN where nothing was compared."""
    return _mean(sums, "absolute")


def rmse(sums: Dataset) -> DataArray:
    """Compute the root mean squared error in mm/h, elementwise; NaN where nothing was compared."""
    root: DataArray = _mean(sums, "squared") ** 0.5
    return root


def bias(sums: Dataset) -> DataArray:
    """Compute the mean error in mm/h, elementwise; above 0 for too much rain, NaN for no cells."""
    return _mean(sums, "signed")


def _mean(sums: Dataset, name: str) -> DataArray:
    mean: DataArray = sums[name] / sums["n"]
    return mean
