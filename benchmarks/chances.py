"""How good probabilities of rain are: the Brier score, and whether they happen as often as told.

Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2. As with counts, sums come first,
which add up over starts, and scores are made of them last.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from xarray import DataArray, Dataset

from verification import BadWindow, event
from verification.matching import pair

BINS = 10
"""Of probability, all as wide; 1 belongs to the last."""
DIMS = ("threshold", "lead_time", "y", "x")


def chance_sums(chances: DataArray, observed: DataArray) -> Dataset:
    """Sums over y and x, of which the scores below are made.

    Args:
        chances: Probability (threshold, lead_time, y, x) that the rain reaches each threshold in
            mm/h, NaN for none told.
        observed: What came, (lead_time, y, x) in mm/h, NaN for no data. A cell where either is NaN
            counts nowhere.

    Returns:
        `number` of cells, sum of their probabilities `told` and number of events `came`, by
        (threshold, lead_time, bin), and the sum of the squared errors, `squared`, by (threshold,
        lead_time).

    Raises:
        DifferentGrids: They do not lie on the same cells and leads.
    """
    said, truth = (field.transpose(*DIMS).to_numpy() for field in pair(chances, observed))
    shape = said.shape[:2]
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
    dims = ("threshold", "lead_time")
    data = {name: ((*dims, "bin"), values) for name, values in sums.items()}
    kept = {dim: chances[dim] for dim in dims}
    return Dataset({**data, "squared": (dims, squared)}, {**kept, "bin": np.arange(BINS) / BINS})


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


def neighbourhood(forecast: DataArray, thresholds: Sequence[float], window: int) -> DataArray:
    """The probability that a plain forecast makes of its own neighbourhood.

    It is the share of cells reaching the threshold among those with data in a square window, as a
    forecast that is right but for some cells of displacement would have it (Theis et al. 2005,
    doi:10.1017/S1350482705001763).

    Args:
        forecast: (lead_time, y, x) in mm/h, NaN for no data.
        thresholds: In mm/h.
        window: Width in cells, odd; see `verification.window_cells`.

    Returns:
        (threshold, lead_time, y, x), NaN where the forecast is.

    Raises:
        BadWindow: The width is not an odd number of cells.
    """
    if window < 1 or window % 2 == 0:
        raise BadWindow(f"a window of {window} cells has no centre; give an odd number")
    rates = forecast.transpose("lead_time", "y", "x").to_numpy()
    known = ~np.isnan(rates)
    around = [window_sum(layer, window) for layer in known]
    shares = np.full((len(thresholds), *rates.shape), np.nan, np.float32)
    for number, threshold in enumerate(thresholds):
        for lead, cells in enumerate(around):
            reached = window_sum(event.reaches(rates[lead], threshold), window)
            np.divide(reached, cells, out=shares[number, lead], where=known[lead])
    places = {dim: forecast[dim] for dim in DIMS[1:] if dim in forecast.coords}
    return DataArray(shares, {"threshold": list(thresholds), **places}, DIMS)


def window_sum(cells: NDArray[np.bool_], window: int) -> NDArray[np.float32]:
    """How many cells of the window around each cell are True; outside the grid none is."""
    counted: NDArray[np.float32] = cv2.boxFilter(
        cells.astype(np.float32),
        cv2.CV_32F,
        (window, window),
        normalize=False,
        borderType=cv2.BORDER_CONSTANT,
    )
    return counted
