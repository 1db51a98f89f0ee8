"""A forecast at a place as flat JSON, for widgets and other small programs."""

from datetime import datetime
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from ingest.grid import at as series_at
from ingest.precipitation import credit
from service.api import openapi_examples
from service.api.dependencies import Context
from service.api.edr.collections import valid_times
from service.api.edr.summary import freshness, summary
from service.api.model_parameters import ModelQuery
from service.api.representations import SHORT_LIVED
from service.archive.key import Key, iso, to_datetime
from service.errors import NoFrame

router = APIRouter(tags=["places"])


class Widget(BaseModel):
    """A forecast at a place. No data is null, which is not dry."""

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.WIDGET]})

    lat: float
    lon: float
    model: str
    issue_time: datetime
    radar_age_s: float
    stale: bool
    """The radar is too old."""
    now_mm_h: float | None
    """Rainfall rate that radar measured at the issue time."""
    highest_mm_h: float | None
    """Highest rainfall rate of the forecast."""
    state: Literal["rain", "dry", "unknown"]
    """What the forecast says of the time after the issue time."""
    starts: datetime | None
    """First valid time with rain."""
    ends: datetime | None
    """Valid time from which it is dry again."""
    attribution: str


@router.get("/widget", operation_id="read_widget")
def widget(
    context: Context,
    response: Response,
    lat: Annotated[float, Query(ge=-90, le=90, description="Degrees north.", examples=[52.52])],
    lon: Annotated[float, Query(ge=-180, le=180, description="Degrees east.", examples=[13.41])],
    model: ModelQuery = None,
) -> Widget:
    """The newest forecast at a place in a dozen flat members."""
    name = context.forecasters.named(model)
    key = Key(context.archive.latest_issue(*name), *name)
    series = series_at(context.archive.forecast(key), lon, lat)
    try:
        now = float(series_at(context.archive.frame(key.issue), lon, lat)[0])
    except NoFrame:
        now = np.nan
    age = freshness(context, key.issue)
    words = summary(
        series.values, [iso(time) for time in valid_times(series)], stale=age["nowcast:stale"]
    )
    response.headers["Cache-Control"] = SHORT_LIVED
    return Widget(
        lat=lat,
        lon=lon,
        model=key.model,
        issue_time=to_datetime(key.issue),
        radar_age_s=age["nowcast:radar_age_s"],
        stale=age["nowcast:stale"],
        now_mm_h=rounded(now),
        highest_mm_h=rounded(float(series.max())),
        state=words["state"],
        starts=words["starts"],
        ends=words["ends"],
        attribution=credit(series),
    )


def rounded(value: float) -> float | None:
    """A rate to 0.01 mm/h; None for no data."""
    return None if np.isnan(value) else round(value, 2)
