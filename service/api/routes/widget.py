"""A forecast at a place as flat JSON, for widgets and other small programs."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict

from ingest.domain import time_zones
from ingest.grid import cell
from ingest.precipitation import credit
from service.api import openapi_examples
from service.api.dependencies import Context
from service.api.edr.summary import freshness, place_summary, rounded
from service.api.model_parameters import ModelQuery
from service.api.representations import SHORT_LIVED
from service.archive.key import Key, to_datetime
from service.pipeline.place_summary import State
from service.pipeline.place_wording import clock_in, wording

router = APIRouter(tags=["places"])

LOCAL = "local"
"""The time zone of Germany, or of the domain."""


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
    """Highest rainfall rate of the radar and the forecast."""
    state: State
    """Only `dry` is safe to rely on; `unknown` means no data."""
    starts: datetime | None
    """First valid time with rain."""
    ends: datetime | None
    """Valid time from which it is dry again."""
    text: str
    """The summary in English."""
    text_de: str
    """The summary in German."""
    attribution: str


def known_zone(zone: str) -> str:
    """Check the name of a time zone.

    Raises:
        ValueError: There is none of this name.
    """
    if zone != LOCAL and zone not in time_zones():
        raise ValueError(f"should be an IANA name such as Europe/Berlin, UTC or {LOCAL}")
    return zone


@router.get("/widget", operation_id="read_widget")
def widget(
    context: Context,
    response: Response,
    lat: Annotated[float, Query(ge=-90, le=90, description="Degrees north.", examples=[52.52])],
    lon: Annotated[float, Query(ge=-180, le=180, description="Degrees east.", examples=[13.41])],
    model: ModelQuery = None,
    zone: Annotated[
        str,
        AfterValidator(known_zone),
        Query(
            max_length=40,
            description="Time zone of the texts: an IANA name, or `local` for that of the area.",
            examples=["Europe/Berlin"],
        ),
    ] = "UTC",
) -> Widget:
    """The newest forecast at a place in a dozen flat members."""
    if zone == LOCAL:
        zone = context.area.time_zone
    name = context.forecasters.named(model)
    key = Key(context.archive.latest_issue(*name), *name)
    forecast = context.archive.full_forecast(key)
    summary = place_summary(context, forecast, *cell(forecast, lon, lat))
    age = freshness(context, key.issue)
    response.headers["Cache-Control"] = SHORT_LIVED
    return Widget(
        lat=lat,
        lon=lon,
        model=key.model,
        issue_time=to_datetime(key.issue),
        radar_age_s=age["nowcast:radar_age_s"],
        stale=age["nowcast:stale"],
        now_mm_h=rounded(summary.rate_now),
        highest_mm_h=rounded(summary.peak),
        state=summary.state,
        starts=None if summary.starts is None else to_datetime(summary.starts),
        ends=None if summary.ends is None else to_datetime(summary.ends),
        text=wording(summary, "en", clock_in(zone, "en")),
        text_de=wording(summary, "de", clock_in(zone, "de")),
        attribution=credit(forecast),
    )
