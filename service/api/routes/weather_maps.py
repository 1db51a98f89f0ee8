"""Times and tiles as version 2 of RainViewer's API has them, for the clients of that API.

Source: https://www.rainviewer.com/api/weather-maps-api.html
"""

from datetime import UTC, datetime
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Request, Response

from ingest.precipitation import INTERVAL
from service.api.dependencies import ApiContext, Context, in_pool
from service.api.edr.collections import valid_times
from service.api.edr.documents import base_url, document_response
from service.api.maps import layers
from service.api.maps.drawing import Frame
from service.api.maps.frames import tile_around, tile_frame
from service.api.maps.layers import Picture
from service.api.maps.palettes import Style
from service.api.maps.pictures import picture_response
from service.api.maps.schemas import WeatherMaps
from service.api.openapi.responses import PICTURE
from service.api.representations import IMMUTABLE
from service.archive.key import to_datetime, to_time
from service.errors import NoForecast, NoItem
from service.pipeline.upload import JSON

router = APIRouter(tags=["maps"], route_class=in_pool("tiles"))

NOWCAST = "nowcast_"
"""Prefix of the names of forecasts, after which come the valid time and the id."""
LATEST_SECONDS = 4102444800
"""The year 2100."""
SCHEMES: tuple[Style, ...] = ("grey", "default", "default", "default", "dark", "colour-blind",
                              "default", "dark", "default")  # fmt: skip
"""Styles by the number of a colour scheme: 0 is black and white."""
FrameName = Annotated[
    str,
    Path(
        description="Name of a frame, as `weather-maps.json` lists them.", examples=["1782084600"]
    ),
]
Size = Annotated[int, Path(description="Side in pixels: 256 or 512.", examples=[256])]
Zoom = Annotated[int, Path(description="Zoom level.", examples=[6])]
Scheme = Annotated[int, Path(ge=0, le=255, description="Colour scheme; 0 is grey.", examples=[2])]
Smoothing = Annotated[
    str,
    Path(
        pattern=r"^[01]_[01]$",
        description="Smoothing and snow, as RainViewer has them; neither changes anything here.",
        examples=["1_1"],
    ),
]


@router.get(
    "/public/weather-maps.json", response_model=WeatherMaps, operation_id="list_weather_maps"
)
def weather_maps(request: Request, context: Context) -> Response:
    """Radar frames of two hours and the newest forecast, with the paths of their tiles."""
    past = [seconds(to_datetime(time)) for time in layers.radar_times(context)]
    document = {
        "version": "2.0",
        "generated": max(past, default=seconds(context.clock())),
        "host": base_url(request),
        "radar": {
            "past": [{"time": time, "path": f"/v2/radar/{time}"} for time in past],
            "nowcast": nowcast_frames(context, max(past, default=0)),
        },
        "satellite": {"infrared": []},
    }
    return document_response(request, document, JSON)


def nowcast_frames(context: ApiContext, newest: int) -> list[dict[str, object]]:
    """Valid times of the newest forecast after the newest radar frame."""
    try:
        key = layers.newest_key(context, context.forecasters.default)
    except NoForecast:
        return []
    times = map(seconds, valid_times(context.archive.forecast(key)))
    return [
        {"time": time, "path": f"/v2/radar/{NOWCAST}{time}_{key.id}"}
        for time in times
        if time > newest
    ]


def seconds(time: datetime) -> int:
    """Seconds since 1970."""
    return int(time.timestamp())


@router.get(
    "/v2/radar/{frame}/{size}/{z}/{x}/{y}/{color}/{options}.png",
    response_class=Response,
    responses=PICTURE,
    operation_id="read_weather_map_tile",
)
def read_tile(
    request: Request,
    context: Context,
    frame: FrameName,
    size: Size,
    z: Zoom,
    x: Annotated[str, Path(description="Column, or latitude.", examples=["33"])],
    y: Annotated[str, Path(description="Row, or longitude.", examples=["20"])],
    color: Scheme,
    options: Smoothing,
) -> Response:
    """A tile by column and row, or the picture around a place by latitude and longitude."""
    del options
    style = SCHEMES[color] if color < len(SCHEMES) else "default"
    area = area_of(z, x, y, size)
    return picture_response(request, context, picture_of(context, frame), area, style, IMMUTABLE)


def area_of(z: int, x: str, y: str, size: int) -> Frame:
    """The tile of a column and row, or the area around a latitude and longitude.

    Raises:
        NoItem: These are no numbers.
        BadQuery: There is no such tile or place.
    """
    if x.isdecimal() and y.isdecimal() and x.isascii() and y.isascii() and len(x + y) < 20:
        return tile_frame(z, int(x), int(y), size)
    try:
        return tile_around(z, float(y), float(x), size)
    except ValueError:
        raise NoItem(f"there is no tile {z}/{x[:20]}/{y[:20]}") from None


def picture_of(context: ApiContext, name: str) -> Picture:
    """What a frame shows, by its name.

    Raises:
        NoItem: There is no such frame.
        NoFrame: There is no radar frame of this time.
        NoForecast: There is no such forecast.
    """
    text, _, forecast = name.removeprefix(NOWCAST).partition("_")
    if not (text.isdecimal() and text.isascii() and len(text) < 11 and
            int(text) < LATEST_SECONDS) or name.startswith(NOWCAST) != bool(forecast):  # fmt: skip
        raise NoItem(f"there is no frame {name[:60]!r}; /public/weather-maps.json lists all")
    time = datetime.fromtimestamp(int(text), UTC)
    if (to_time(time) - np.datetime64(0, "ns")) % INTERVAL:
        raise NoItem(f"there is no frame {name[:60]!r}: its time lies between two frames")
    if not forecast:
        return layers.radar_picture(context, to_time(time))
    return layers.forecast_picture(context, layers.key_named(forecast), time)
