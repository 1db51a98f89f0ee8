"""Verification of forecasts: sums of one lead time, and scores of summed rows of the ledger."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from xarray import DataArray, Dataset

from service.ledger import probability_rows, tables
from service.ledger.ledger import Ledger
from service.skill.scores import CELL_KM, FRACTION_SCALES_KM, SCORES
from verification import common_mask, count, error_sums, fraction_sums, window_cells

THRESHOLDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Thresholds of verification, in mm/h."""
COUNTS = tables.COUNTS
AXES = ("model", "lead_minutes", "threshold")

Row = dict[str, Any]


class Sums(NamedTuple):
    """Rows of the ledger from the verification of one lead time of a forecast.

    Attributes:
        errors: Sums of errors.
        counts: Contingency counts by threshold.
        fractions: Sums of fractions by threshold and window.
        probabilities: Sums of exceedance probabilities by threshold.
    """

    errors: Row
    counts: list[Row]
    fractions: list[Row]
    probabilities: list[Row]


def seen_by_all(observed: DataArray, forecasts: Iterable[DataArray]) -> DataArray:
    """Return a frame (y, x), NaN where any of the compared forecasts (y, x) has no data."""
    truth = observed.reset_coords(drop=True)
    bare = [forecast.reset_coords(drop=True) for forecast in forecasts]
    return truth.where(common_mask(*bare, observed=truth))


def sums(forecast: DataArray, observed: DataArray) -> Sums:
    """Return the sums of one lead time of a forecast, over the cells where both have data.

    Args:
        forecast: Rainfall rate (y, x) in mm/h, with exceedance probabilities as coordinates.
        observed: Frame (y, x) in mm/h at the valid time; see `seen_by_all`.
    """
    bare_forecast, truth = (field.reset_coords(drop=True) for field in (forecast, observed))
    windows = [window_cells(scale, CELL_KM) for scale in FRACTION_SCALES_KM]
    errors = error_sums(bare_forecast, truth, over=["y", "x"])
    return Sums(
        {str(name): value.item() for name, value in errors.items()},
        rows_of(count(bare_forecast, truth, THRESHOLDS, over=["y", "x"])),
        rows_of(fraction_sums(bare_forecast, truth, THRESHOLDS, windows)),
        probability_rows.rows_of(forecast, truth),
    )


def rows_of(sums: Dataset) -> list[Row]:
    """Return one row for each combination of the coordinates of some sums."""
    dims = list(map(str, sums.dims))
    names = [*dims, *map(str, sums.data_vars)]
    combinations = product(*(sums[dim].values.tolist() for dim in dims))
    columns = (variable.transpose(*dims).values.ravel().tolist() for variable in sums.values())
    cells = zip(*columns, strict=True)
    return [
        dict(zip(names, (*combination, *values), strict=True))
        for combination, values in zip(combinations, cells, strict=True)
    ]


def counted(rows: Iterable[Mapping[str, Any]]) -> Dataset:
    """Return counts (model, lead_minutes, threshold) summed over rows of the ledger.

    `n_valid` is the number of forecasts; combinations without rows are 0.
    """
    names = (*COUNTS, "n_valid")
    totals: dict[tuple[Any, ...], Any] = {}
    for row in rows:
        key = tuple(row[axis] for axis in AXES)
        values = [*(row[name] for name in COUNTS), row.get("n_valid", 1)]
        totals[key] = totals.get(key, 0) + np.array(values, dtype=np.int64)
    labels: list[list[Any]] = [sorted({key[axis] for key in totals}) for axis in range(len(AXES))]
    table = np.zeros((len(names), *map(len, labels)), dtype=np.int64)
    for key, values in totals.items():
        model, lead, threshold = (
            label.index(part) for label, part in zip(labels, key, strict=True)
        )
        table[:, model, lead, threshold] = values
    coords = dict(zip(AXES, labels, strict=True))
    return xr.Dataset({n: (AXES, table[k]) for k, n in enumerate(names)}, coords=coords)


def shared_issues(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows whose issue and lead time all models among them have."""
    models = {row["model"] for row in rows}
    having: dict[tuple[Any, int], set[str]] = {}
    for row in rows:
        having.setdefault((row["issue"], row["lead_minutes"]), set()).add(row["model"])
    return [row for row in rows if having[row["issue"], row["lead_minutes"]] == models]


def table(counts: Dataset) -> list[Row]:
    """Return counts (model, lead_minutes, threshold) as rows with their scores.

    Undefined scores are None; combinations without forecasts are left out.
    """
    # without labels, xarray need not align them, which would take most of the time
    bare = counts.drop_vars(AXES)
    scored = counts.assign(
        {name: (AXES, score.function(bare).values) for name, score in SCORES.items()}
    )
    rows = rows_of(scored) if counts.sizes["model"] else []
    return [
        row | {name: None if math.isnan(row[name]) else row[name] for name in SCORES}
        for row in rows
        if row["n_valid"]
    ]


def recent(ledger: Ledger, model: str, begin: datetime, end: datetime) -> list[Row]:
    """Return the table of one model over valid times in (begin, end]."""
    return table(counted(ledger.totals([model], begin, end)))
