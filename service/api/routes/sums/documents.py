"""Rain sums as documents of their schema."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from xarray import DataArray

from ingest.formats.netcdf import licence
from ingest.precipitation import credit
from service.api.dependencies import ApiContext
from service.api.freshness import is_stale, radar_age_seconds
from service.api.representations import location
from service.archive.key import Key, iso, key_of, to_datetime
from service.pipeline.rain_sums.area_sums import PeriodSum, Statistic, WarningSum
from service.pipeline.rain_sums.cell_weights import CellWeights

QUANTILES = ("p10", "median", "p90")
"""Names of `area_sums.QUANTILES`."""


def sums_document(
    context: ApiContext,
    key: Key,
    forecast: DataArray,
    cells: CellWeights,
    thresholds: Sequence[float],
) -> dict[str, Any]:
    """The sums of some cells as a document of the schema `RainSums`.

    Args:
        context: The API context.
        key: Key of the forecast.
        forecast: (lead_time, y, x) in mm/h at all its lead times, NaN for no data.
        cells: Cells of its grid.
        thresholds: Of the forecast sums, in mm.

    Raises:
        NoForecast: The forecast has no lead times of five minutes.
    """
    sums = context.rain_sums.sums(key, forecast, cells, thresholds)
    whole = key_of(forecast)
    return {
        "issue_time": iso(to_datetime(key.issue)),
        "radar_age_s": radar_age_seconds(context, key.issue),
        "stale": is_stale(context, key.issue),
        "generated_at": forecast.attrs["generated_at"],
        "model": {
            "name": whole.model,
            "version": whole.version,
            "weights_sha256": None if whole.weights == "none" else whole.weights,
        },
        "members": sums.members,
        "units": "mm",
        "covers": {
            "cells": len(cells.rows),
            "km2": round(cells.km2, 1),
            "inside": round(cells.inside, 4),
        },
        "measured": [period_document(period, key, before=True) for period in sums.measured],
        "forecast": [period_document(period, key, before=False) for period in sums.forecast],
        "warnings": [warning_document(warning) for warning in sums.warnings],
        "attribution": credit(forecast),
        "licence": licence(forecast),
        "links": [{"rel": "forecast", "href": location(whole)}],
    }


def period_document(period: PeriodSum, key: Key, *, before: bool) -> dict[str, Any]:
    """The sum of a period before or after the issue time of a forecast."""
    length = np.timedelta64(period.minutes, "m")
    start, end = (key.issue - length, key.issue) if before else (key.issue, key.issue + length)
    return {
        "minutes": period.minutes,
        "start": iso(to_datetime(start)),
        "end": iso(to_datetime(end)),
        "mean": statistic_document(period.mean),
        "maximum": statistic_document(period.maximum),
        "covered": round(period.covered, 4),
        "frames_missing": period.frames_missing,
    }


def warning_document(warning: WarningSum) -> dict[str, Any]:
    """The largest sum of the length of a warning level."""
    level = warning.level
    return {
        "level": level.level,
        "name": level.name,
        "minutes": level.minutes,
        "from_mm": level.from_mm,
        "to_mm": level.to_mm,
        "mean": statistic_document(warning.mean),
        "maximum": statistic_document(warning.maximum),
        "least_forecast_minutes": warning.least_forecast_minutes,
        "most_forecast_minutes": warning.most_forecast_minutes,
    }


def statistic_document(statistic: Statistic) -> dict[str, Any]:
    """A statistic, rounded; null is no data."""
    quantiles = statistic.quantiles or (None,) * len(QUANTILES)
    return {
        "mm": rounded(statistic.mm),
        **{name: rounded(value) for name, value in zip(QUANTILES, quantiles, strict=True)},
        "probabilities": [
            {"threshold_mm": threshold, "probability": rounded(probability)}
            for threshold, probability in (statistic.probabilities or {}).items()
        ],
    }


def rounded(value: float | None) -> float | None:
    """A sum in mm or a probability to two decimals; null is no data."""
    return None if value is None else round(value, 2)
