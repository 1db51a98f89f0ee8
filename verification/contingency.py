"""Yes-or-no verification: count first, add the counts up, score last.

Scores of sums are not means of scores, so only counts are ever stored. Formulas after Jolliffe and
Stephenson (2012), Forecast Verification, chapter 3, doi:10.1002/9781119960003, with a hits, b false
alarms, c misses, d correct negatives. Every score is float64, and NaN where its denominator is 0.
"""

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray, Dataset

from verification import event
from verification.matching import kept_coords, pair, split


def count(
    forecast: DataArray, observed: DataArray, thresholds: Sequence[float], over: Iterable[Hashable]
) -> Dataset:
    """How often rain of at least each threshold was forecast, and came.

    Args:
        forecast: Rain rate in mm/h, NaN for no data.
        observed: Rain rate in mm/h at the times of the forecast (see `match`), NaN for no data.
        thresholds: Rates in mm/h, in any order.
        over: Dims to sum over. A cell where either field is NaN counts nowhere.

    Returns:
        hits, misses, false_alarms and correct_negatives, int64, with the dims (threshold, those
        that stay).

    Raises:
        BadThreshold: No threshold, or one that is not a finite number.
        DifferentGrids: The fields do not lie on the same cells and leads.
    """
    event.check(thresholds)
    kept, summed = split(forecast, over)
    shape = (*(forecast.sizes[dim] for dim in kept), -1)
    said, came = (
        field.transpose(*kept, *summed).to_numpy().reshape(shape)
        for field in pair(forecast, observed)
    )
    joint = _joint_histogram(said, came, sorted(map(float, thresholds)))
    # at_least[..., i, j]: cells where the forecast reaches i thresholds or more, the observation j
    at_least = np.flip(np.flip(joint, (-2, -1)).cumsum(-1).cumsum(-2), (-2, -1))
    rank = np.argsort(np.argsort(thresholds, kind="stable")) + 1
    hits, seen = at_least[..., rank, rank], at_least[..., :1, 0]
    alarms, events = at_least[..., rank, 0], at_least[..., 0, rank]
    cells = {
        "hits": hits,
        "misses": events - hits,
        "false_alarms": alarms - hits,
        "correct_negatives": seen - alarms - events + hits,
    }
    return Dataset(
        {name: (("threshold", *kept), np.moveaxis(n, -1, 0)) for name, n in cells.items()},
        {"threshold": [float(t) for t in thresholds], **kept_coords(forecast, kept)},
    )


def _joint_histogram(
    said: NDArray[np.floating], came: NDArray[np.floating], rising: Sequence[float]
) -> NDArray[np.int64]:
    """Cells by how many thresholds each field reaches: (..., cells) to (..., n + 1, n + 1).

    All thresholds in one pass, and small integers in the comparisons: that is what makes it fast.
    """
    groups, classes = said.shape[:-1], len(rising) + 1
    small = np.min_scalar_type(classes)
    row, column = (np.zeros(said.shape, small) for _ in range(2))
    for threshold in rising:
        row += event.reaches(said, threshold)
        column += event.reaches(came, threshold)
    cell = row.astype(np.int32) * classes + column
    # no data falls into one class more, which is cut off
    cell[np.isnan(said) | np.isnan(came)] = classes**2
    size = classes**2 + 1
    lines = cell.reshape(-1, said.shape[-1])
    joint = np.array([np.bincount(line, minlength=size)[:-1] for line in lines], np.int64)
    return joint.reshape(*groups, classes, classes)


def csi(counts: Dataset) -> DataArray:
    """Critical success index a / (a + b + c), 0 to 1; NaN where no event was forecast or came."""
    a, b, c, _ = _table(counts)
    return _ratio(a, a + b + c)


def pod(counts: Dataset) -> DataArray:
    """Probability of detection a / (a + c), 0 to 1; NaN where no event came."""
    a, _, c, _ = _table(counts)
    return _ratio(a, a + c)


def far(counts: Dataset) -> DataArray:
    """False alarm ratio b / (a + b), 0 to 1, 0 is best; NaN where no event was forecast."""
    a, b, _, _ = _table(counts)
    return _ratio(b, a + b)


def fbias(counts: Dataset) -> DataArray:
    """Frequency bias (a + b) / (a + c), forecast per event that came; NaN where none came."""
    a, b, c, _ = _table(counts)
    return _ratio(a + b, a + c)


def hss(counts: Dataset) -> DataArray:
    """Heidke skill score, up to 1, 0 for chance; NaN where chance cannot fail."""
    a, b, c, d = _table(counts)
    return _ratio(2 * (a * d - b * c), (a + c) * (c + d) + (a + b) * (b + d))


def ets(counts: Dataset) -> DataArray:
    """Equitable threat score (Gilbert skill score), -1/3 to 1; NaN where chance cannot fail.

    The usual (a - r) / (a + b + c - r), r = (a + b)(a + c) / n, multiplied out by n, so that what
    is undefined is 0 / 0 to the last bit.
    """
    a, b, c, d = _table(counts)
    return _ratio(a * d - b * c, (b + c) * (a + b + c + d) + a * d - b * c)


def _table(counts: Dataset) -> tuple[DataArray, DataArray, DataArray, DataArray]:
    """The four counts a, b, c, d as float64: products of a year of integers would overflow."""
    a, b, c, d = (
        counts[name].astype(float)
        for name in ("hits", "false_alarms", "misses", "correct_negatives")
    )
    return a, b, c, d


def _ratio(numerator: DataArray, denominator: DataArray) -> DataArray:
    ratio: DataArray = numerator / denominator.where(denominator != 0)
    return ratio
