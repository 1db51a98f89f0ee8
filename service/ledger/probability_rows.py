"""Probabilities in the ledger: the sums of a lead as rows, and rows as sums to be scored."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from xarray import DataArray, Dataset

from ingest import precipitation
from service.ledger.tables import BINNED, bins_of
from verification import chance_sums

Row = dict[str, Any]


def rows_of(forecast: DataArray, observed: DataArray) -> list[Row]:
    """A row for each threshold of which a forecast tells the probability; none if it tells none.

    Args:
        forecast: One lead (y, x), with its chances as coordinates.
        observed: (y, x) in mm/h, NaN where nothing is to be compared.
    """
    told = precipitation.exceedance_probabilities(forecast)
    if not told:
        return []
    places = {dim: forecast[dim].variable for dim in forecast.dims}
    values = np.stack([chance.values for chance in told.values()])  # xr.concat takes the most time
    field = DataArray(values, {"threshold": list(told), **places}, ("threshold", *forecast.dims))
    sums = chance_sums(field, observed)
    whole = {name: sums[name].values for name in BINNED}
    return [
        {"threshold": threshold, "squared": float(sums["squared"][at])}
        | {
            column: int(value) if name != "told" else float(value)
            for name, values in whole.items()
            for column, value in zip(bins_of(name), values[at], strict=True)
        }
        for at, threshold in enumerate(told)
    ]


def sums_of(rows: Sequence[Mapping[str, Any]]) -> Dataset:
    """Sums by (row, bin), and `squared` by row, as the scores of `verification` take them."""
    binned = {
        name: (("row", "bin"), np.array([[row[one] for one in bins_of(name)] for row in rows]))
        for name in BINNED
    }
    return Dataset({**binned, "squared": ("row", np.array([row["squared"] for row in rows]))})
