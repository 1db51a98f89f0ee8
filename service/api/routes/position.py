"""Forecast at a position: OGC API - Environmental Data Retrieval 1.1, as CoverageJSON."""

import re
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from numpy.typing import NDArray
from xarray import DataArray

from ingest.grid import cell, same_grid
from ingest.precipitation import (
    INTERVAL,
    credit,
    exceedance_probabilities,
    exceedance_probability_name,
)
from model_zoo.forecasters import motion
from service.api import openapi_examples
from service.api.dependencies import ApiContext, Context
from service.api.field_selection import LeadsQuery, at_leads
from service.api.freshness import is_stale, radar_age_seconds
from service.api.nowcast_requests.resolve import frame_time
from service.api.representations import lead_minutes, listed
from service.api.routes.nowcasts import ModelQuery
from service.api.schemas import Moment
from service.archive.archive import SUSPECT
from service.archive.key import Key, iso, time_of, to_datetime, to_time
from service.errors import BadPlace, NoFrame
from service.pipeline.place_summary import PlaceSummary, dry_places, summarise
from service.pipeline.place_wording import LANGUAGES, wording

router = APIRouter(prefix="/collections/nowcast", tags=["places"])

NUMBER = r"[-+]?(?:\d{1,9}(?:\.\d{0,15})?|\.\d{1,15})"
POINT = re.compile(rf"\s*POINT\s*\(\s*({NUMBER})\s+({NUMBER})\s*\)\s*", re.IGNORECASE | re.ASCII)
FRAMES_OF_MOTION = motion.SPAN_MINUTES // 5 + 1
"""Frames of the last half hour, which tell how the rain moves."""


class CoverageJson(JSONResponse):
    """A response in CoverageJSON."""

    media_type = "application/prs.coverage+json"


COVERAGE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The forecast at the position.",
        "content": {CoverageJson.media_type: {"example": openapi_examples.COVERAGE}},
    }
}


@router.get("/position", response_class=CoverageJson, responses=COVERAGE)
def position(
    context: Context,
    response: Response,
    coords: Annotated[
        str,
        Query(max_length=200, examples=["POINT(13.41 52.52)"], description="POINT(lon lat), WKT."),
    ],
    model: ModelQuery = None,
    issue: Annotated[
        Moment | None,
        Query(description="Issue time; by default that of the newest forecast."),
    ] = None,
    leads: LeadsQuery = None,
) -> dict[str, Any]:
    """Rainfall rate at a position over the next two hours.

    Beside `rainfall_rate` there is `exceedance_probability_0.5` and so on, the probability of a
    rainfall rate of at least 0.5 mm/h, where the model forecasts it.

    `nowcast:summary` is a summary for programs, with its wording in English and German. Its state
    is `rain`, `rain_possible`, `probably_dry`, `dry` or `unknown`, which means no data, not dry;
    only `dry` is safe to rely on. `probability` is that of 0.5 mm/h or more at some time.
    `nowcast:radar_age_s` is the present age of the radar; `nowcast:stale` means it is too old.
    """
    point = POINT.fullmatch(coords)
    if point is None:
        raise BadPlace(f"coords is {coords!r}, should be like POINT(13.41 52.52)")
    name = context.forecasters.named(model)
    time = context.archive.latest_issue(*name) if issue is None else frame_time(to_time(issue))
    key = Key(time, *name)
    forecast = context.archive.full_forecast(key)
    row, column = cell(forecast, float(point[1]), float(point[2]))
    series = forecast.isel(y=row, x=column)
    summary = summarise(
        series,
        rate_now(context, forecast, row, column),
        dry=bool(dry_cells(context, key, forecast)[row, column]),
        stale=is_stale(context, key.issue),
    )
    response.headers["Cache-Control"] = "public, max-age=30"
    return coverage(at_leads(series, leads), summary) | freshness(context, key)


def rate_now(context: ApiContext, forecast: DataArray, row: int, column: int) -> float:
    """Rate in mm/h in a cell on the frame a forecast (lead_time, y, x) starts from, else NaN."""
    try:
        frame = context.archive.frame(time_of(forecast["forecast_reference_time"]))
    except NoFrame:
        return float("nan")
    return float(frame.values[0, row, column]) if same_grid(frame, forecast) else float("nan")


def dry_cells(context: ApiContext, key: Key, forecast: DataArray) -> NDArray[np.bool_]:
    """Which cells (y, x) can be called dry; worked out once for each forecast."""

    def encode() -> bytes:
        times = key.issue - np.arange(0, FRAMES_OF_MOTION) * INTERVAL
        try:
            frames = context.archive.frames(times)
        except NoFrame:
            return np.packbits(np.zeros(forecast.shape[1:], bool)).tobytes()
        if frames["time"].values[-1] != key.issue or not same_grid(frames, forecast):
            return np.packbits(np.zeros(forecast.shape[1:], bool)).tobytes()
        return np.packbits(dry_places(forecast, frames)).tobytes()

    packed = np.frombuffer(context.encoded_cache.get(f"{key.id}-dry", encode), np.uint8)
    rows, columns = forecast.shape[1:]
    return np.unpackbits(packed, count=rows * columns).reshape(rows, columns).astype(bool)


def freshness(context: ApiContext, key: Key) -> dict[str, Any]:
    """Present age of the radar that a forecast starts from."""
    age = radar_age_seconds(context, key.issue)
    return {"nowcast:radar_age_s": age, "nowcast:stale": is_stale(context, key.issue)}


def coverage(series: DataArray, summary: PlaceSummary) -> dict[str, Any]:
    """A forecast at a position (lead_time,) as a CoverageJSON point series; NaN becomes null."""
    times = [iso(to_datetime(time)) for time in series["time"].values]
    probabilities = exceedance_probabilities(series)
    longitude, latitude = float(series["lon"]), float(series["lat"])
    issue = to_datetime(time_of(series["forecast_reference_time"]))
    return {
        "type": "Coverage",
        "domain": {
            "type": "Domain",
            "domainType": "PointSeries",
            "axes": {
                "x": {"values": [round(longitude, 4)]},
                "y": {"values": [round(latitude, 4)]},
                "t": {"values": times},
            },
            "referencing": REFERENCING,
        },
        "parameters": {"rainfall_rate": PARAMETER}
        | {exceedance_probability_name(mm): probability_parameter(mm) for mm in probabilities},
        "ranges": {"rainfall_rate": values_of(series, 2)}
        | {exceedance_probability_name(mm): values_of(p, 3) for mm, p in probabilities.items()},
        "nowcast:summary": summary_document(summary),
        "nowcast:issue_time": iso(issue),
        "nowcast:generated_at": series.attrs["generated_at"],
        "nowcast:lead_minutes": lead_minutes(series),
        "nowcast:model": series.attrs["model"],
        "nowcast:chosen": listed(series, "chosen"),
        "nowcast:bridged": listed(series, "bridged"),
        "nowcast:suspect": series.attrs.get(SUSPECT),
        "nowcast:attribution": credit(series),
    }


def values_of(series: DataArray, decimals: int) -> dict[str, Any]:
    """A series (lead_time,) as a CoverageJSON range: rounded, null for no data."""
    values = [None if np.isnan(value) else round(float(value), decimals) for value in series.values]
    return {
        "type": "NdArray",
        "dataType": "float",
        "axisNames": ["t"],
        "shape": [len(values)],
        "values": values,
    }


def probability_parameter(threshold: float) -> dict[str, Any]:
    """CoverageJSON parameter of the exceedance probability of a threshold in mm/h."""
    event = f"a rainfall rate of {threshold:g} mm/h or more"
    return {
        "type": "Parameter",
        "description": {"en": f"Probability of {event}, 0 to 1; null is no data"},
        "unit": {"label": {"en": "one"}, "symbol": {"value": "1", "type": UCUM}},
        "observedProperty": {"label": {"en": f"Probability of {event}"}},
    }


def summary_document(summary: PlaceSummary) -> dict[str, Any]:
    """The summary of a place as JSON, with its wording in English and German; times in UTC."""
    moments = {
        name: None if time is None else iso(to_datetime(time))
        for name, time in (
            ("starts", summary.starts),
            ("ends", summary.ends),
            ("until", summary.until),
            ("unknown_after", summary.unknown_after),
        )
    }
    windows = {
        name: None if window is None else [iso(to_datetime(time)) for time in window]
        for name, window in (
            ("starts_between", summary.starts_between),
            ("ends_between", summary.ends_between),
        )
    }
    probability = summary.probability
    return {
        "state": summary.state,
        "complete": summary.complete,
        **moments,
        **windows,
        "raining_now": summary.raining_now,
        "rate_now": rounded(summary.rate_now),
        "peak": rounded(summary.peak),
        "probability": None if probability is None else round(probability, 2),
        "with_interruptions": summary.with_interruptions,
        "text": {language: wording(summary, language) for language in LANGUAGES},
    }


def rounded(rate: float | None) -> float | None:
    """A rate in mm/h to two decimals, null for no data."""
    return None if rate is None else round(rate, 2)


UCUM = "http://www.opengis.net/def/uom/UCUM/"
REFERENCING = [
    {
        "coordinates": ["x", "y"],
        "system": {
            "type": "GeographicCRS",
            "id": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        },
    },
    {"coordinates": ["t"], "system": {"type": "TemporalRS", "calendar": "Gregorian"}},
]
PARAMETER = {
    "type": "Parameter",
    "description": {
        "en": "Rainfall rate, mean of the five minutes before the time; null is no data"
    },
    "unit": {
        "label": {"en": "millimetres per hour"},
        "symbol": {"value": "mm/h", "type": UCUM},
    },
    "observedProperty": {
        "id": "http://vocab.nerc.ac.uk/standard_name/rainfall_rate/",
        "label": {"en": "Rainfall rate"},
    },
}
