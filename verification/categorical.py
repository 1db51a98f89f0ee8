"""Categorical verification: contingency tables of events, and scores computed from them.

Scores of summed tables are not means of scores, so only counts are stored. Formulas after Jolliffe
and Stephenson (2012), Forecast Verification, chapter 3, doi:10.1002/9781119960003, with a hits,
b false alarms, c misses, d correct negatives. Every score is float64, and NaN where its denominator
is 0.
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
    """Contingency tables of the events "at least this rain rate", one for each threshold.

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
    predicted, truth = (
        field.transpose(*kept, *summed).to_numpy().reshape(shape)
        for field in pair(forecast, observed)
    )
    valid, (alarms, events, hits) = _tally(predicted, truth, thresholds)
    cells = {
        "hits": hits,
        "misses": events - hits,
        "false_alarms": alarms - hits,
        "correct_negatives": valid - alarms - events + hits,
    }
    return Dataset(
        {name: (("threshold", *kept), n) for name, n in cells.items()},
        {"threshold": [float(t) for t in thresholds], **kept_coords(forecast, kept)},
    )


def _tally(
    predicted: NDArray[np.floating], truth: NDArray[np.floating], thresholds: Sequence[float]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count valid cells, and forecast events, observed events and hits among them.

    Most cells are dry in both, and are looked at once: after the lowest threshold only those that
    reach it are left. Line by line, so that all of it stays in the cache.

    Args:
        predicted: Forecast rates (..., cells), NaN for no data.
        truth: Observed rates, likewise.
        thresholds: Rising.

    Returns:
        Valid cells (...); forecast events, observed events and hits (3, threshold, ...).
    """
    groups = predicted.shape[:-1]
    predicted_limits, observed_limits = (
        event.limits(field, thresholds) for field in (predicted, truth)
    )
    lowest = int(np.argmin(thresholds))
    valid = np.empty(groups, np.int64)
    reached = np.empty((3, len(thresholds), *groups), np.int64)
    for line in np.ndindex(*groups):
        forecast, observed = predicted[line], truth[line]
        known = ~(np.isnan(forecast) | np.isnan(observed))
        wet = (forecast >= predicted_limits[lowest]) | (observed >= observed_limits[lowest])
        wet &= known
        valid[line] = np.count_nonzero(known)
        cells = np.flatnonzero(wet)
        forecast, observed = forecast[cells], observed[cells]
        for number, limits in enumerate(zip(predicted_limits, observed_limits, strict=True)):
            is_forecast, is_observed = forecast >= limits[0], observed >= limits[1]
            of = (is_forecast, is_observed, is_forecast & is_observed)
            reached[:, number, *line] = [*map(np.count_nonzero, of)]
    return valid, reached


def csi(counts: Dataset) -> DataArray:
    """Compute the critical success index a / (a + b + c), elementwise.

    0 to 1; NaN without forecast or observed event. Wilks (2011), section 8.2.
    """
    a, b, c, _ = _table(counts)
    return _ratio(a, a + b + c)


def pod(counts: Dataset) -> DataArray:
    """Compute the probability of detection a / (a + c), elementwise.

    0 to 1; NaN where no event was observed.
    """
    a, _, c, _ = _table(counts)
    return _ratio(a, a + c)


def far(counts: Dataset) -> DataArray:
    """Compute the false alarm ratio b / (a + b), elementwise.

    0 to 1, 0 is best; NaN where no event was forecast.
    """
    a, b, _, _ = _table(counts)
    return _ratio(b, a + b)


def fbias(counts: Dataset) -> DataArray:
    """Compute the frequency bias (a + b) / (a + c), elementwise.

    Forecast events per observed one; NaN without observed events.
    """
    a, b, c, _ = _table(counts)
    return _ratio(a + b, a + c)


def hss(counts: Dataset) -> DataArray:
    """Compute the Heidke skill score, elementwise.

    Up to 1, 0 for chance; NaN where chance cannot fail.
    """
    a, b, c, d = _table(counts)
    return _ratio(2 * (a * d - b * c), (a + c) * (c + d) + (a + b) * (b + d))


def ets(counts: Dataset) -> DataArray:
    """Compute the equitable threat score (Gilbert skill score), elementwise.

    -1/3 to 1; NaN where chance cannot fail. The usual (a - r) / (a + b + c - r), r = (a + b)(a + c)
    / n, is multiplied out by n, so that what is undefined is 0 / 0 to the last bit.
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
