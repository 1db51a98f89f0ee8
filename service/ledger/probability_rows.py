"""Converts sums of exceedance probabilities to rows of the ledger and back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Engine, and_, func, or_, select
from xarray import DataArray, Dataset

from ingest import precipitation
from service.ledger.queries import total, with_lead
from service.ledger.tables import BINNED, bins_of, leads, probabilities
from verification import probability_sums

Row = dict[str, Any]


def rows_of(forecast: DataArray, observed: DataArray) -> list[Row]:
    """Return the sums of one lead time as rows, one for each threshold.

    Args:
        forecast: Rainfall rate (y, x) in mm/h with exceedance probabilities as coordinates;
            without them there are no rows.
        observed: Rainfall rate (y, x) in mm/h; cells that are NaN are not compared.
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
    """Return the sums (row, bin) of some rows, and `squared` (row), as scores require them."""
    binned = {
        name: (
            ("row", "bin"),
            np.array([[row[column] for column in bins_of(name)] for row in rows]),
        )
        for name in BINNED
    }
    return Dataset({**binned, "squared": ("row", np.array([row["squared"] for row in rows]))})


def summed(
    engine: Engine,
    weights: Mapping[str, str],
    minutes: Sequence[int],
    begin: datetime,
    end: datetime,
) -> list[Row]:
    """Return sums by (lead_minutes, threshold) over all forecasts of some models together.

    Args:
        engine: Database of the ledger.
        weights: Of each model: forecasts with other weights do not count.
        minutes: Lead times.
        begin: Valid times are after this.
        end: Valid times are at or before this.

    Returns:
        Rows as of `sums_of`, with `n_valid`, the number of verified fields.
    """
    axes = probabilities.c.lead_minutes, probabilities.c.threshold
    added = [total(c).label(c.name) for c in probabilities.c if not c.primary_key]
    of_models = [
        and_(probabilities.c.model == model, probabilities.c.weights == its)
        for model, its in weights.items()
    ]
    query = (
        select(*axes, *added, func.count().label("n_valid"))
        .select_from(with_lead(probabilities))
        .where(leads.c.status == "verified", leads.c.valid_time > begin, leads.c.valid_time <= end)
        .where(probabilities.c.lead_minutes.in_(minutes), or_(*of_models))
        .group_by(*axes)
    )
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
