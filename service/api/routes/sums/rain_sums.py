"""Rain sums at a place and over an area: measured and forecast."""

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from xarray import DataArray

from service.api.dependencies import ApiContext, Context
from service.api.edr.cells import parse_wkt
from service.api.encoded_cache import json_bytes, with_members
from service.api.model_parameters import ModelQuery, VersionQuery, named
from service.api.nowcast_requests.resolve import frame_time
from service.api.openapi.responses import header
from service.api.page.static_files import conditional_response
from service.api.representations import SHORT_LIVED
from service.api.routes.sums.areas import GeoJson, geometry_of
from service.api.routes.sums.documents import sums_document
from service.api.routes.sums.schemas import RainSums
from service.api.schemas import Moment
from service.archive.key import Key, to_time
from service.errors import BadQuery
from service.pipeline.rain_sums.cell_weights import CellWeights, cell_of_place, cells_of_area
from service.pipeline.rain_sums.warning_levels import DEFAULT_THRESHOLDS
from service.pipeline.upload import JSON

router = APIRouter(tags=["sums"])

MOST_THRESHOLDS, HIGHEST_MM = 20, 1000.0
DIGITS = 20
"""Hexadecimal digits of the hash in an entity tag."""
AGE, MINUTE = "radar_age_s", 60
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": header("Entity tag for `If-None-Match`.")}},
    304: {"description": "The client has the current sums."},
}
Thresholds = Annotated[
    str | None,
    Query(
        max_length=200,
        pattern=r"^\d{1,4}(\.\d{1,3})?(,\d{1,4}(\.\d{1,3})?)*$",
        description="Thresholds in mm with commas between, whose probabilities are given for each "
        "forecast sum; by default those of the warnings for an hour, "
        f"{','.join(f'{level:g}' for level in DEFAULT_THRESHOLDS)}.",
        examples=["5,10,20"],
    ),
]
IssueQuery = Annotated[
    Moment | None,
    Query(description="Issue time; by default that of the newest forecast.",
          examples=["2026-06-21T23:25:00Z"]),
]  # fmt: skip
Latitude = Annotated[
    float | None,
    Query(ge=-90, le=90, description="Latitude of a place in degrees.", examples=[52.52]),
]
Longitude = Annotated[
    float | None,
    Query(ge=-180, le=180, description="Longitude of a place in degrees.", examples=[13.41]),
]
WktArea = Annotated[
    str | None,
    Query(
        description="POLYGON or MULTIPOLYGON in longitude and latitude, as WKT, instead of a "
        "place.",
        examples=["POLYGON((13 52,14 52,14 53,13 53,13 52))"],
    ),
]


@router.get("/sums", operation_id="read_rain_sums", responses=RESPONSES, response_model=RainSums)
async def read_rain_sums(
    request: Request,
    context: Context,
    lat: Latitude = None,
    lon: Longitude = None,
    coords: WktArea = None,
    model: ModelQuery = None,
    version: VersionQuery = None,
    issue: IssueQuery = None,
    thresholds: Thresholds = None,
) -> Response:
    """Rain sums at a place, by `lat` and `lon`, or over an area, by `coords`.

    The radar of the last 15 minutes to 24 hours, the forecast for the next 15 minutes to two
    hours, and the largest sums around now beside the warning levels of Deutscher Wetterdienst.
    Sums of an area count each cell by the share of it that lies in the area.
    """
    if (coords is None) == (lat is None or lon is None) or (lat is None) != (lon is None):
        raise BadQuery(
            "a place needs lat and lon, an area needs coords; give one of them, such as "
            "lat=52.52&lon=13.41"
        )

    def cells_on(field: DataArray) -> CellWeights:
        if coords is not None:
            return cells_of_area(field, parse_wkt(coords, "Polygon", "MultiPolygon"))
        assert lat is not None
        assert lon is not None
        return cell_of_place(field, lon, lat)

    def respond() -> Response:
        key, forecast = forecast_of(context, model, version, issue)
        document = sums_document(context, key, forecast, cells_on(forecast), levels_of(thresholds))
        return answer(request, document)

    return await context.pools.sums.run(respond)


@router.post("/sums", operation_id="query_rain_sums", response_model=RainSums)
async def query_rain_sums(
    request: Request,
    context: Context,
    area: Annotated[GeoJson, Body()],
    model: ModelQuery = None,
    version: VersionQuery = None,
    issue: IssueQuery = None,
    thresholds: Thresholds = None,
) -> Response:
    """Rain sums over an area: a GeoJSON polygon, multipolygon, feature or collection of features.

    As the sums of a place, with the areal mean and the largest sum of a cell. Several features are
    one area.
    """

    def respond() -> Response:
        key, forecast = forecast_of(context, model, version, issue)
        cells = cells_of_area(forecast, geometry_of(area))
        document = sums_document(context, key, forecast, cells, levels_of(thresholds))
        return answer(request, document)

    return await context.pools.sums.run(respond)


def forecast_of(
    context: ApiContext, model: str | None, version: str | None, issue: Moment | None
) -> tuple[Key, DataArray]:
    """Key and forecast (lead_time, y, x) in mm/h that a request names; the newest by default.

    Raises:
        NoForecast: There is none.
        ModelError: There is no such model.
    """
    name = named(context, model, version)
    time = context.archive.latest_issue(*name) if issue is None else frame_time(to_time(issue))
    key = Key(time, *name)
    return key, context.archive.full_forecast(key)


def levels_of(thresholds: str | None) -> tuple[float, ...]:
    """Thresholds in mm, lowest first.

    Raises:
        BadQuery: They are too many, or one is no number, 0 or more than any sum.
    """
    if thresholds is None:
        return DEFAULT_THRESHOLDS
    try:
        levels = sorted({float(text) for text in thresholds.split(",")})
    except ValueError:
        levels = [0.0]
    if len(levels) > MOST_THRESHOLDS or not 0 < levels[0] <= levels[-1] <= HIGHEST_MM:
        raise BadQuery(
            f"thresholds is {thresholds[:80]!r}, should be at most {MOST_THRESHOLDS} numbers above "
            f"0, up to {HIGHEST_MM:g} mm"
        )
    return tuple(levels)


def answer(request: Request, document: dict[str, Any]) -> Response:
    """The response with sums; 304 where the client has them.

    The age of the radar is part of the entity tag by the minute.
    """
    content = json_bytes({name: document[name] for name in document if name != AGE})
    encoded = with_members(content, {AGE: document[AGE]})
    if request.method == "POST":
        return Response(encoded, media_type=JSON, headers={"Cache-Control": "no-store"})
    digest = hashlib.sha256(content)
    digest.update(f"{document[AGE] // MINUTE}".encode())
    tag = digest.hexdigest()[:DIGITS]
    return conditional_response(request, tag, lambda: encoded, {"Cache-Control": SHORT_LIVED}, JSON)
