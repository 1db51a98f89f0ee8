"""How good the forecasts were: scores of fields, sums of what is in the ledger, tables of both."""

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
"""mm/h."""
COUNTS = tables.COUNTS
AXES = ("model", "lead_minutes", "threshold")

Row = dict[str, Any]


class Sums(NamedTuple):
    """What verifying one lead of one forecast adds to the ledger."""

    errors: Row
    counts: list[Row]
    fractions: list[Row]
    probabilities: list[Row]


def seen_by_all(observed: DataArray, forecasts: Iterable[DataArray]) -> DataArray:
    """A frame (y, x) with data only where all forecasts (y, x) that are compared have data."""
    truth = observed.reset_coords(drop=True)
    bare = [forecast.reset_coords(drop=True) for forecast in forecasts]
    return truth.where(common_mask(*bare, observed=truth))


def sums(forecast: DataArray, observed: DataArray) -> Sums:
    """Sums of one lead of one forecast, over the cells where both have data.

    Args:
        forecast: (y, x) in mm/h, with its exceedance probabilities as coordinates.
        observed: (y, x), the frame at the valid time of the forecast; see `seen_by_all`.
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
    """One row for each combination of the coordinates of some sums."""
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
    """Counts (model, lead_minutes, threshold), summed over rows or totals of the ledger, and how
    many forecasts they are of (`n_valid`)."""
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
    """Those of the rows whose (issue, lead) all models among them have, for a fair comparison."""
    models = {row["model"] for row in rows}
    having: dict[tuple[Any, int], set[str]] = {}
    for row in rows:
        having.setdefault((row["issue"], row["lead_minutes"]), set()).add(row["model"])
    return [row for row in rows if having[row["issue"], row["lead_minutes"]] == models]


def table(counts: Dataset) -> list[Row]:
    """Counts with their scores, a row per model, lead and threshold of which there are any; scores
    are None where undefined."""
    # Without labels there is nothing to align, which would take most of the time.
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
    """The table of one model over the valid times in (begin, end]."""
    return table(counted(ledger.totals([model], begin, end)))
