"""How good probabilities of rain are: the Brier score, and whether they happen as often as told.

Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2. As with counts, sums come first,
which add up over starts, and scores are made of them last.
"""

import numpy as np
from xarray import DataArray, Dataset

from verification import event
from verification.matching import kept_coords, pair

BINS = 10
"""Of probability, all as wide; 1 belongs to the last."""
FEWEST = 100
"""Cells in a bin, below which how often the event came says little, and is not drawn."""


def chance_sums(chances: DataArray, observed: DataArray) -> Dataset:
    """Sums over y and x, of which the scores below are made.

    Args:
        chances: Probability (threshold, y, x), and by any others such as lead_time, that the rain
            reaches each threshold in mm/h, NaN for none told.
        observed: What came, in mm/h, (y, x) and the others but threshold, NaN for no data. A cell
            where either is NaN counts nowhere.

    Returns:
        `number` of cells, sum of their probabilities `told` and number of events `came`, by
        (threshold, others, bin), and the sum of the squared errors, `squared`, by (threshold,
        others).

    Raises:
        DifferentGrids: They do not lie on the same cells and leads.
    """
    dims = ("threshold", *(dim for dim in chances.dims if dim not in ("threshold", "y", "x")))
    said, truth = (field.transpose(*dims, "y", "x").to_numpy() for field in pair(chances, observed))
    shape = said.shape[: len(dims)]
    sums = {name: np.zeros((*shape, BINS)) for name in ("number", "told", "came")}
    squared = np.zeros(shape)
    thresholds = chances["threshold"].to_numpy().tolist()
    for at in np.ndindex(*shape):
        seen = ~(np.isnan(said[at]) | np.isnan(truth[at]))
        told = said[at][seen].astype(float)
        came = event.reaches(truth[at][seen], thresholds[at[0]])
        place = np.minimum((told * BINS).astype(int), BINS - 1)
        for name, weight in (("number", None), ("told", told), ("came", came)):
            sums[name][at] = np.bincount(place, weight, BINS)
        squared[at] = np.square(told - came).sum()
    data = {name: ((*dims, "bin"), values) for name, values in sums.items()}
    coords = {**kept_coords(chances, dims), "bin": np.arange(BINS) / BINS}
    return Dataset({**data, "squared": (dims, squared)}, coords)


def brier(sums: Dataset) -> DataArray:
    """Mean squared error of the probability, 0 is best; NaN where nothing was compared."""
    score: DataArray = sums["squared"] / sums["number"].sum("bin")
    return score


def climatology(sums: Dataset) -> DataArray:
    """Brier score of always telling how often the event came in what was compared.

    It knows that frequency beforehand, which no forecast does.
    """
    rate = sums["came"].sum("bin") / sums["number"].sum("bin")
    score: DataArray = rate * (1 - rate)
    return score


def brier_skill(sums: Dataset) -> DataArray:
    """1 - Brier score / that of `climatology`: 1 is best, 0 as good; NaN where no event came."""
    reference = climatology(sums)
    skill: DataArray = 1 - brier(sums) / reference.where(reference > 0)
    return skill


def reliability(sums: Dataset) -> Dataset:
    """In each bin the mean probability `told`, how often the event `came`, and the `number` of
    cells; NaN for the first two where there is none."""
    number = sums["number"]
    mean = {name: sums[name] / number.where(number > 0) for name in ("told", "came")}
    return Dataset({**mean, "number": number})
