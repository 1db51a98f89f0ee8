"""Verification of ensembles: rank histogram, CRPS of the members, spread against error.

Hamill (2001), doi:10.1175/1520-0493(2001)129<0550:IORHFV>2.0.CO;2; Fortin et al. (2014),
doi:10.1175/JHM-D-14-0008.1. Sums come first, which add up over forecasts, and scores are computed
from them last.
"""

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray, Dataset

from verification.matching import kept_coords, pair

MEMBER = "realization"
"""Dimension of the members, by its standard name in CF."""
RANK = "rank"


def ensemble_sums(members: DataArray, observed: DataArray) -> Dataset:
    """Sums over y and x from which the scores of an ensemble are computed.

    Args:
        members: In mm/h or mm, (realization, y, x) and any other dims such as lead_time; two
            members or more, NaN for no forecast.
        observed: Likewise, (y, x) and the other dims but realization, NaN for no data. A cell
            where either is NaN counts nowhere.

    Returns:
        With the other dims, float64: `n`, cells; `crps`, the sum of their scores, those of the
        distribution in which each member has the same probability; `variance`, the sum of the
        members' variance; `squared`, that of the squared error of their mean. `ranks` (others,
        rank) counts cells by how many members are below the observation; cells where some members
        equal it count in equal parts for each rank they leave open, and those where all do, as
        where all is dry, nowhere.

    Raises:
        DifferentGrids: The fields do not lie on the same cells and leads.
    """
    dims = [dim for dim in members.dims if dim not in (MEMBER, "y", "x")]
    forecast, truth = (
        field.transpose(MEMBER, *dims, "y", "x").to_numpy() for field in pair(members, observed)
    )
    shape, count = forecast.shape[1:-2], len(forecast)
    sums = {name: np.zeros(shape) for name in ("n", "crps", "variance", "squared")}
    ranks = np.zeros((*shape, count + 1))
    for index in np.ndindex(*shape):
        fields, rain = forecast[:, *index].astype(np.float64), truth[0, *index].astype(np.float64)
        valid = ~(np.isnan(fields).any(axis=0) | np.isnan(rain))
        values, rain = np.sort(fields[:, valid], axis=0), rain[valid]
        sums["n"][index] = rain.size
        sums["crps"][index] = _member_crps(values, rain).sum()
        sums["variance"][index] = values.var(axis=0, ddof=1).sum()
        sums["squared"][index] = np.square(values.mean(axis=0) - rain).sum()
        ranks[index] = _rank_counts(values, rain)
    data = {name: (dims, values) for name, values in sums.items()}
    coords = {**kept_coords(members, dims), RANK: np.arange(count + 1)}
    return Dataset({**data, "ranks": ([*dims, RANK], ranks)}, coords)


def spread(sums: Dataset) -> DataArray:
    """Root mean variance of the members, shaped as the sums without ranks.

    It equals `ensemble_error` where members and observation are alike, for many members.
    """
    count = sums.sizes[RANK] - 1
    # what members differ from their mean by lacks the error of the mean itself
    mean = sums["variance"] / sums["n"].where(sums["n"] > 0)
    score: DataArray = (mean * (1 + 1 / count)) ** 0.5
    return score


def ensemble_error(sums: Dataset) -> DataArray:
    """Root mean squared error of the mean of the members, shaped as the sums without ranks."""
    score: DataArray = (sums["squared"] / sums["n"].where(sums["n"] > 0)) ** 0.5
    return score


def rank_shares(sums: Dataset) -> DataArray:
    """Rank histogram (..., rank): share of the cells of each rank times the number of ranks.

    1 everywhere is best: the observation is then like any member. NaN where no cell counts.
    """
    total = sums["ranks"].sum(RANK)
    score: DataArray = sums["ranks"] / total.where(total > 0) * sums.sizes[RANK]
    return score


def _member_crps(members: NDArray[np.float64], rain: NDArray[np.float64]) -> NDArray[np.float64]:
    """The score (cell,) of sorted members (member, cell)."""
    count = len(members)
    weights = 2 * np.arange(1, count + 1) - count - 1
    apart = weights @ members / count**2
    score: NDArray[np.float64] = np.abs(members - rain).mean(axis=0) - apart
    return score


def _rank_counts(members: NDArray[np.float64], rain: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cells by rank (member + 1,), of members (member, cell)."""
    count = len(members)
    below, equal = (members < rain).sum(axis=0), (members == rain).sum(axis=0)
    pairs = np.bincount(below * (count + 1) + equal, minlength=(count + 1) ** 2)
    found = np.zeros(count + 1)
    for first, row in enumerate(pairs.reshape(count + 1, count + 1)):
        for ties in np.flatnonzero(row[:count]):
            found[first : first + ties + 1] += row[ties] / (ties + 1)
    return found
