"""Schemas of rain sums. Members are added and never removed."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.api.schemas import ModelInfo

EXAMPLE_STATISTIC: dict[str, Any] = {
    "mm": 4.2,
    "p10": 1.1,
    "median": 3.9,
    "p90": 8.4,
    "probabilities": [{"threshold_mm": 15.0, "probability": 0.05}],
}
EXAMPLE_MEASURED = EXAMPLE_STATISTIC | {
    "p10": None,
    "median": None,
    "p90": None,
    "probabilities": [],
}
EXAMPLE: dict[str, Any] = {
    "issue_time": "2026-06-21T23:25:00Z",
    "radar_age_s": 240.0,
    "stale": False,
    "generated_at": "2026-06-21T23:28:10Z",
    "model": {"name": "ms-lstm", "version": "9f2c1ab0", "weights_sha256": "9f2c1ab0" * 8},
    "members": 20,
    "units": "mm",
    "covers": {"cells": 41, "km2": 812.0, "inside": 1.0},
    "measured": [
        {
            "minutes": 60,
            "start": "2026-06-21T22:25:00Z",
            "end": "2026-06-21T23:25:00Z",
            "mean": EXAMPLE_MEASURED,
            "maximum": EXAMPLE_MEASURED | {"mm": 9.7},
            "covered": 1.0,
            "frames_missing": 1,
        }
    ],
    "forecast": [
        {
            "minutes": 60,
            "start": "2026-06-21T23:25:00Z",
            "end": "2026-06-22T00:25:00Z",
            "mean": EXAMPLE_STATISTIC,
            "maximum": EXAMPLE_STATISTIC | {"mm": 11.3},
            "covered": 1.0,
            "frames_missing": 0,
        }
    ],
    "warnings": [
        {
            "level": 2,
            "name": "Starkregen",
            "minutes": 60,
            "from_mm": 15.0,
            "to_mm": 25.0,
            "mean": EXAMPLE_STATISTIC,
            "maximum": EXAMPLE_STATISTIC | {"mm": 12.0},
            "least_forecast_minutes": 5,
            "most_forecast_minutes": 60,
        }
    ],
    "attribution": "Quelle: Deutscher Wetterdienst",
    "licence": "Radar data: CC BY 4.0 / GeoNutzV",
    "links": [
        {"rel": "forecast", "href": "/nowcasts/2026-06-21T23:25:00Z?model=ms-lstm&version=9f2c1ab0"}
    ],
}


class ThresholdProbability(BaseModel):
    """Share of the members of the ensemble whose sum is at least a threshold."""

    threshold_mm: float
    probability: float | None
    """0 to 1; null is no data."""


class SumStatistic(BaseModel):
    """The sum of a period at a place, or its mean or maximum over an area."""

    mm: float | None
    """In mm, which is kg m-2; null is no data and never 0."""
    p10: float | None = None
    median: float | None = None
    p90: float | None = None
    """Quantiles of the ensemble in mm; null where nothing is forecast, or there is no ensemble."""
    probabilities: list[ThresholdProbability] = []


class PeriodSum(BaseModel):
    """The rain of a period. At a place, mean and maximum are the same."""

    minutes: int
    start: datetime
    end: datetime
    mean: SumStatistic
    maximum: SumStatistic
    """The largest sum of a cell of 5 km."""
    covered: float
    """Share of the area with data; under 0.5 there is no sum."""
    frames_missing: int
    """Radar frames of the period that are missing, which do not count as dry; there is no sum
    where more than one in twelve is."""


class WarningSum(BaseModel):
    """A warning level of Deutscher Wetterdienst and the largest sum of the periods of its length.

    These are all periods that end within the forecast. The first of them has
    `least_forecast_minutes` of forecast after radar, the last `most_forecast_minutes`.
    """

    level: Literal[2, 3, 4]
    name: str
    minutes: int
    from_mm: float
    """Sum from which on the level holds."""
    to_mm: float | None
    """Sum from which on the next level holds; null for the highest."""
    mean: SumStatistic
    maximum: SumStatistic
    least_forecast_minutes: int
    most_forecast_minutes: int


class Covers(BaseModel):
    """The cells of 5 km that a place or an area has parts of."""

    cells: int
    km2: float
    """In the projection of the radar."""
    inside: float
    """Share of the area that lies on the grid of the radar."""


class RainSums(BaseModel):
    """Measured and forecast rain at a place or over an area. No data is null and never 0."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    issue_time: datetime
    """Time of the newest radar frame; measured sums end there, forecast sums begin."""
    radar_age_s: Annotated[float, Field(description="Present age of the radar, in seconds.")]
    stale: bool
    """The radar is too old: the weather has moved on."""
    generated_at: datetime
    model: ModelInfo
    members: int
    """Members of the ensemble; 0 where the forecast has none, so that quantiles are null."""
    units: Literal["mm"] = "mm"
    covers: Covers
    measured: list[PeriodSum]
    forecast: list[PeriodSum]
    warnings: list[WarningSum]
    attribution: str
    licence: str
    links: list[dict[str, str]]
