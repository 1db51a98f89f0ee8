"""Exceedance probabilities in the ledger: sums of a lead as rows, and rows as sums."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from xarray import DataArray, Dataset

from ingest import precipitation
from service.ledger.tables import BINNED, bins_of
from verification import probability_sums

Row = dict[str, Any]


def rows_of(forecast: DataArray, observed: DataArray) -> list[Row]:
    """Sums of one lead of a forecast, a row for each threshold; none without probabilities.

    Args:
        forecast: One lead (y, x), with its exceedance probabilities as coordinates.
        observed: (y, x) in mm/h, NaN where nothing is to be compared.
    """
    probabilities = precipitation.exceedance_probabilities(forecast)
    if not probabilities:
        return []
    places = {dim: forecast[dim].variable for dim in forecast.dims}
    # xr.concat would take most of the time
    values = np.stack([probability.values for probability in probabilities.values()])
    field = DataArray(
        values, {"threshold": list(probabilities), **places}, ("threshold", *forecast.dims)
    )
    sums = probability_sums(field, observed)
    values_of = {name: sums[name].values for name in BINNED}
    return [
        {"threshold": threshold, "squared": float(sums["squared"][index])}
        | {
            column: int(value) if name != "probability" else float(value)
            for name, values in values_of.items()
            for column, value in zip(bins_of(name), values[index], strict=True)
        }
        for index, threshold in enumerate(probabilities)
    ]


def sums_of(rows: Sequence[Mapping[str, Any]]) -> Dataset:
    """Sums by (row, bin), and `squared` by row, as the scores of `verification` take them."""
    binned = {
        name: (
            ("row", "bin"),
            np.array([[row[column] for column in bins_of(name)] for row in rows]),
        )
        for name in BINNED
    }
    return Dataset({**binned, "squared": ("row", np.array([row["squared"] for row in rows]))})
