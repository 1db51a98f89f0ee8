"""Tiles of rain sums: measured, and of radar and forecast together."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from service.api.dependencies import Context, in_pool
from service.api.maps import layers
from service.api.maps.frames import tile_frame
from service.api.maps.pictures import picture_response
from service.api.nowcast_requests.resolve import frame_time
from service.api.openapi.responses import PICTURE
from service.api.representations import IMMUTABLE
from service.api.routes.maps import Column, IssuePath, Row, Size, StyleQuery, TimePath, Zoom
from service.archive.key import to_time
from service.errors import NoItem
from service.pipeline.rain_sums.sum_fields import PERIODS

router = APIRouter(tags=["maps"], route_class=in_pool("tiles"))

Minutes = Annotated[
    int,
    Path(
        description=f"Length of the period in minutes: {', '.join(map(str, PERIODS))}.",
        examples=[60],
    ),
]


@router.get(
    "/tiles/radar/{time}/sum/{minutes}/{z}/{x}/{y}.png",
    response_class=Response,
    responses=PICTURE,
    operation_id="read_radar_sum_tile",
)
def radar_sum_tile(
    request: Request,
    context: Context,
    time: TimePath,
    minutes: Minutes,
    z: Zoom,
    x: Column,
    y: Row,
    style: StyleQuery = "default",
    size: Size = 256,
) -> Response:
    """A tile of the measured rain of a period up to a time, in mm.

    Where more than one in twelve of its radar frames is missing, there is no data.
    """
    check_period(minutes)
    frame = tile_frame(z, x, y, size)
    picture = layers.radar_sum_picture(context, frame_time(to_time(time)), minutes)
    return picture_response(request, context, picture, frame, style, IMMUTABLE)


@router.get(
    "/tiles/forecasts/{forecast}/{time}/sum/{minutes}/{z}/{x}/{y}.png",
    response_class=Response,
    responses=PICTURE,
    operation_id="read_forecast_sum_tile",
)
def forecast_sum_tile(
    request: Request,
    context: Context,
    forecast: IssuePath,
    time: TimePath,
    minutes: Minutes,
    z: Zoom,
    x: Column,
    y: Row,
    style: StyleQuery = "default",
    size: Size = 256,
) -> Response:
    """A tile of the rain of a period up to a valid time of a forecast, in mm.

    What lies before the issue time is radar, so that the sum of an hour at 60 minutes or more is
    all forecast.
    """
    check_period(minutes)
    frame = tile_frame(z, x, y, size)
    picture = layers.forecast_sum_picture(context, layers.key_named(forecast), time, minutes)
    return picture_response(request, context, picture, frame, style, IMMUTABLE)


def check_period(minutes: int) -> None:
    """Refuse a period that there are no sums of.

    Raises:
        NoItem: It is another than `PERIODS`.
    """
    if minutes not in PERIODS:
        raise NoItem(
            f"there are no sums of {minutes} minutes, only of {', '.join(map(str, PERIODS))}"
        )
