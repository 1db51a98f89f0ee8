"""Forecast at a position: OGC API - Environmental Data Retrieval 1.1, as CoverageJSON."""

import re
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from numpy.typing import NDArray
from xarray import DataArray

from ingest.grid import at as series_at
from ingest.precipitation import credit, exceedance_probabilities, exceedance_probability_name
from service.api import openapi_examples
from service.api.dependencies import ApiContext, Context
from service.api.freshness import is_stale, radar_age_seconds
from service.api.nowcast_requests.resolve import frame_time
from service.api.representations import lead_minutes, listed
from service.api.routes.nowcasts import ModelQuery
from service.api.schemas import Moment
from service.archive.archive import SUSPECT
from service.archive.key import Key, iso, time_of, to_datetime, to_time
from service.errors import BadPlace

router = APIRouter(prefix="/collections/nowcast", tags=["places"])

NUMBER = r"[-+]?(?:\d{1,9}(?:\.\d{0,15})?|\.\d{1,15})"
POINT = re.compile(rf"\s*POINT\s*\(\s*({NUMBER})\s+({NUMBER})\s*\)\s*", re.IGNORECASE | re.ASCII)
WET = 0.1
"""Lowest rainfall rate in mm/h that counts as rain in the summary."""


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
) -> dict[str, Any]:
    """Rainfall rate at a position over the next two hours.

    Beside `rainfall_rate` there is `exceedance_probability_0.5` and so on, the probability of a
    rainfall rate of at least 0.5 mm/h, where the model forecasts it.

    `nowcast:summary` is a summary for programs; its state `unknown` means no data, which is not
    dry. `nowcast:radar_age_s` is the present age of the radar; `nowcast:stale` means it is too old.
    """
    point = POINT.fullmatch(coords)
    if point is None:
        raise BadPlace(f"coords is {coords!r}, should be like POINT(13.41 52.52)")
    name = context.forecasters.named(model)
    time = context.archive.latest_issue(*name) if issue is None else frame_time(to_time(issue))
    key = Key(time, *name)
    series = series_at(context.archive.forecast(key), float(point[1]), float(point[2]))
    response.headers["Cache-Control"] = "public, max-age=30"
    return coverage(series, stale=is_stale(context, key.issue)) | freshness(context, key)


def freshness(context: ApiContext, key: Key) -> dict[str, Any]:
    """Present age of the radar that a forecast starts from."""
    age = radar_age_seconds(context, key.issue)
    return {"nowcast:radar_age_s": age, "nowcast:stale": is_stale(context, key.issue)}


def coverage(series: DataArray, *, stale: bool = False) -> dict[str, Any]:
    """A forecast at a position (lead_time,) as a CoverageJSON point series; NaN becomes null.

    Args:
        series: The forecast at the position.
        stale: Its radar is too old to call the place dry.
    """
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
        "nowcast:summary": summary(series.values, times, stale=stale),
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


def summary(rates: NDArray[np.float32], times: list[str], *, stale: bool = False) -> dict[str, Any]:
    """State (rain, dry or unknown) and the times at which rain starts and ends.

    Args:
        rates: Rainfall rates (lead_time,) in mm/h, NaN for no data.
        times: Valid times of the rates.
        stale: The radar is too old to call the place dry.
    """
    wet = np.flatnonzero(rates >= WET)
    unknown = bool(np.isnan(rates).any())
    state = "rain" if wet.size else "unknown" if unknown or stale else "dry"
    ends = int(wet[-1]) + 1 if wet.size else len(times)
    return {
        "state": state,
        "complete": not unknown,
        "starts": times[int(wet[0])] if wet.size else None,
        "ends": times[ends] if wet.size and ends < len(times) and not unknown else None,
    }


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
