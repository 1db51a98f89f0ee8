"""Tiles of rain sums: measured, and of radar and forecast together."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from service.api.dependencies import in_pool
from service.api.maps import layers
from service.api.maps.tiles import IssuePath, Tile, TimePath
from service.api.nowcast_requests.resolve import frame_time
from service.api.openapi.responses import PICTURE
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
def radar_sum_tile(tile: Tile, time: TimePath, minutes: Minutes) -> Response:
    """A tile of the measured rain of a period up to a time, in mm.

    Where more than one in twelve of its radar frames is missing, there is no data.
    """
    check_period(minutes)
    moment = frame_time(to_time(time))
    return tile.response(layers.radar_sum_picture(tile.context, moment, minutes))


@router.get(
    "/tiles/forecasts/{forecast}/{time}/sum/{minutes}/{z}/{x}/{y}.png",
    response_class=Response,
    responses=PICTURE,
    operation_id="read_forecast_sum_tile",
)
def forecast_sum_tile(
    tile: Tile, forecast: IssuePath, time: TimePath, minutes: Minutes
) -> Response:
    """A tile of the rain of a period up to a valid time of a forecast, in mm.

    What lies before the issue time is radar, so that the sum of an hour at 60 minutes or more is
    all forecast.
    """
    check_period(minutes)
    key = layers.key_named(forecast)
    return tile.response(layers.forecast_sum_picture(tile.context, key, time, minutes))


def check_period(minutes: int) -> None:
    """Refuse a period that there are no sums of.

    Raises:
        NoItem: It is another than `PERIODS`.
    """
    if minutes not in PERIODS:
        raise NoItem(
            f"there are no sums of {minutes} minutes, only of {', '.join(map(str, PERIODS))}"
        )
