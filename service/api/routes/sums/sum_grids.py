"""Rain sums as packed grids, for the map page: measured, and of radar and forecast together."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from ingest.accumulation import AMOUNT, amount_name
from service.api.dependencies import Context
from service.api.model_parameters import ModelQuery, VersionQuery, named
from service.api.nowcast_requests.resolve import frame_time
from service.api.page import packed_fields
from service.api.page.static_files import conditional_response
from service.api.representations import IMMUTABLE, MINUTES, SHORT_LIVED
from service.api.routes.grids import BINARY, BINARY_RESPONSE, FORMAT, about, about_forecast
from service.api.routes.sums.sum_tiles import Minutes, check_period
from service.api.schemas import Moment
from service.archive.key import Key, iso, stamp, to_datetime, to_time
from service.pipeline.rain_sums.radar_history import FRAMES_MISSING

router = APIRouter(prefix="/grids", tags=["grids"])


@router.get(
    "/radar/{time}/sum/{minutes}",
    operation_id="read_radar_sum_grid",
    response_class=Response,
    responses=BINARY_RESPONSE,
)
def radar_sum(request: Request, context: Context, time: Moment, minutes: Minutes) -> Response:
    """The measured rain of a period up to a time, in mm.

    Where more than one in twelve of its radar frames is missing, there is no data.
    """
    check_period(minutes)
    valid = frame_time(to_time(time))
    field = context.rain_sums.measured(valid, minutes)
    missing = field.attrs[FRAMES_MISSING]

    def encode() -> bytes:
        header = about(field, context.archive.domain) | {
            "times": [iso(to_datetime(valid))],
            "planes": [AMOUNT],
            "sum_minutes": minutes,
            "frames_missing": missing,
        }
        return packed_fields.body(header, [packed_fields.amounts(field.values)])

    return conditional_response(
        request,
        f"{stamp(valid)}-radar-sum-{minutes}-{missing}-{FORMAT}",
        encode,
        {"Cache-Control": SHORT_LIVED if missing else IMMUTABLE},
        BINARY,
    )


@router.get(
    "/forecasts/{issue}/sum/{minutes}",
    operation_id="read_forecast_sum_grid",
    response_class=Response,
    responses=BINARY_RESPONSE,
)
def forecast_sum(
    request: Request,
    context: Context,
    issue: Annotated[Moment, Path(description="Issue time: that of the newest radar frame used.")],
    minutes: Minutes,
    model: ModelQuery = None,
    version: VersionQuery = None,
) -> Response:
    """The rain of a period up to each lead time of a forecast, in mm.

    What lies before the issue time is radar, so that the sum of an hour at 60 minutes or more is
    all forecast.
    """
    check_period(minutes)
    key = Key(frame_time(to_time(issue)), *named(context, model, version))
    sums = context.rain_sums.fields(key)
    missing, amounts = sums.attrs[FRAMES_MISSING], sums[amount_name(minutes)]

    def encode() -> bytes:
        header = about_forecast(sums, context.archive.domain, key) | {
            "planes": [AMOUNT],
            "sum_minutes": minutes,
            "frames_missing": missing,
        }
        return packed_fields.body(header, [packed_fields.amounts(amounts.values)])

    is_fixed = bool(model and version)
    whole = IMMUTABLE if is_fixed else MINUTES
    return conditional_response(
        request,
        f"{key.id}-sum-{minutes}-{missing}-{FORMAT}",
        encode,
        {"Cache-Control": SHORT_LIVED if missing else whole},
        BINARY,
    )
