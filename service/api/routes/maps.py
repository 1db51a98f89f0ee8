"""Map layers: tiles with TileJSON, and pictures of an area."""

import html
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response

from ingest.domain import Domain
from service.api.dependencies import ApiContext, Context, in_pool
from service.api.edr.documents import base_url, document_response
from service.api.edr.metadata import bounding_box
from service.api.maps import layers
from service.api.maps.frames import frame_of
from service.api.maps.layers import Layer
from service.api.maps.palettes import LEVELS, UNITS, Style, palette
from service.api.maps.pictures import picture_response
from service.api.maps.schemas import LayerList, TileJson
from service.api.maps.tiles import IssuePath, StyleQuery, Tile, TimePath
from service.api.nowcast_requests.resolve import frame_time
from service.api.openapi.responses import PICTURE
from service.api.representations import SHORT_LIVED
from service.api.schemas import Moment
from service.archive.key import Key, iso, to_datetime, to_time
from service.errors import BadQuery, NoItem
from service.pipeline.upload import JSON

router = APIRouter(tags=["maps"], route_class=in_pool("tiles"))
areas = APIRouter(route_class=in_pool("maps"))

LayerPath = Annotated[
    str, Path(description="Name of a layer, as `/tiles` lists them.", examples=["radar"])
]
TimeQuery = Annotated[
    Moment | None,
    Query(
        description="Valid time; by default that of the newest radar, or the first of a forecast.",
        examples=["2026-06-21T23:25:00Z"],
    ),
]


@router.get("/tiles", response_model=LayerList, operation_id="list_layers")
def list_layers(request: Request, context: Context) -> Response:
    """All layers that have something to show now, with the address of their TileJSON."""
    base = base_url(request)
    listed = [
        {
            "name": layer.name,
            "title": layer.title,
            "tilejson": f"{base}/tiles/{quote(layer.name)}/tile.json",
            "times": [iso(time) for time in layers.times_of(context, layer)],
        }
        for layer in layers.layers(context)
    ]
    return document_response(request, {"layers": listed}, JSON)


@router.get("/tiles/{layer}/tile.json", response_model=TileJson, operation_id="read_tilejson")
def tile_json(
    request: Request,
    context: Context,
    layer: LayerPath,
    time: TimeQuery = None,
    style: StyleQuery = "default",
) -> Response:
    """TileJSON 3.0 of a layer: tiles of Web Mercator whose addresses never change.

    `times` lists the valid times that there are now, each with its own tiles.
    """
    chosen = layers.layer_named(layer)
    times = layers.times_of(context, chosen)
    if not times:
        raise NoItem(f"the layer {layer[:60]!r} has nothing to show yet")
    moment = layers.default_time(chosen, times) if time is None else time
    if moment not in times:
        raise BadQuery(f"time is {iso(moment)}, should be one of {', '.join(map(iso, times))}")
    base = base_url(request)
    paths = {iso(each): base + tile_path(context, chosen, iso(each), style) for each in times}
    field = None if not chosen.model else context.archive.forecast(key_of(context, chosen))
    document: dict[str, Any] = {
        "tilejson": "3.0.0",
        "name": chosen.name,
        "description": chosen.title,
        "attribution": attribution_of(context.area),
        "scheme": "xyz",
        "tiles": [paths[iso(moment)]],
        "minzoom": 0,
        "maxzoom": 12,
        "bounds": bounding_box(context.area, field),
        "time": iso(moment),
        "times": [{"time": name, "tiles": [path]} for name, path in paths.items()],
        "legend": legend_of(chosen, style),
    }
    return document_response(request, document, JSON)


def attribution_of(area: Domain) -> str:
    """Whom to credit for the radar of an area, as HTML."""
    text = html.escape(area.attribution)
    return f'<a href="{html.escape(area.provider_url)}">{text}</a>' if area.provider_url else text


def key_of(context: ApiContext, layer: Layer) -> Key:
    """Key of the forecast that a layer shows now."""
    return layers.newest_key(context, layer.model)


def tile_path(context: ApiContext, layer: Layer, time: str, style: Style) -> str:
    """Template of the addresses of tiles."""
    query = "" if style == "default" else f"?style={style}"
    base = f"radar/{time}"
    if layer.model:
        base = f"forecasts/{quote(key_of(context, layer).id)}/{time}"
    if layer.minutes is not None:
        base += f"/sum/{layer.minutes}"
    if layer.threshold is not None:
        base += f"/probability/{layer.threshold:g}"
    return f"/tiles/{base}/{{z}}/{{x}}/{{y}}.png{query}"


def legend_of(layer: Layer, style: Style) -> list[dict[str, Any]]:
    """Classes of a layer: the lowest value of each, its unit and its colour."""
    colours = palette(layer.kind, style).colours[1:]
    factor = 100 if layer.kind == "probability" else 1
    return [
        {
            "from": round(level * factor, 3),
            "unit": UNITS[layer.kind],
            "colour": "#" + bytes(colour[:3]).hex(),
        }
        for level, colour in zip(LEVELS[layer.kind], colours, strict=False)
    ]


@router.get(
    "/tiles/radar/{time}/{z}/{x}/{y}.png",
    response_class=Response,
    responses=PICTURE,
    operation_id="read_radar_tile",
)
def radar_tile(tile: Tile, time: TimePath) -> Response:
    """A tile of a radar frame: dry is transparent, no data a grey that shines through."""
    return tile.response(layers.radar_picture(tile.context, frame_time(to_time(time))))


@router.get(
    "/tiles/forecasts/{forecast}/{time}/{z}/{x}/{y}.png",
    response_class=Response,
    responses=PICTURE,
    operation_id="read_forecast_tile",
)
def forecast_tile(tile: Tile, forecast: IssuePath, time: TimePath) -> Response:
    """A tile of a forecast at a valid time."""
    return tile.response(layers.forecast_picture(tile.context, layers.key_named(forecast), time))


@router.get(
    "/tiles/forecasts/{forecast}/{time}/probability/{threshold}/{z}/{x}/{y}.png",
    response_class=Response,
    responses=PICTURE,
    operation_id="read_probability_tile",
)
def probability_tile(
    tile: Tile,
    forecast: IssuePath,
    time: TimePath,
    threshold: Annotated[float, Path(description="Threshold in mm/h.", examples=[0.5])],
) -> Response:
    """A tile of the probability of a rainfall rate of at least a threshold."""
    key = layers.key_named(forecast)
    return tile.response(layers.forecast_picture(tile.context, key, time, threshold))


@areas.get(
    "/maps/{layer}.png",
    response_class=Response,
    responses=PICTURE,
    operation_id="read_map",
)
def read_map(
    request: Request,
    context: Context,
    layer: LayerPath,
    bbox: Annotated[
        str,
        Query(description="West, south, east and north, in `bbox-crs`.", examples=["5,47,15,55"]),
    ],
    bbox_crs: Annotated[
        str | None,
        Query(alias="bbox-crs", description="System of `bbox`, CRS84 by default.",
              examples=["CRS84"]),
    ] = None,
    crs: Annotated[
        str | None,
        Query(description="System of the picture, EPSG:3857 by default.", examples=["EPSG:3857"]),
    ] = None,
    width: Annotated[int | None, Query(description="Pixels.", examples=[512])] = None,
    height: Annotated[int | None, Query(description="Pixels.", examples=[512])] = None,
    time: TimeQuery = None,
    issue: Annotated[
        Moment | None,
        Query(description="Issue time of the forecast, the newest by default.",
              examples=["2026-06-21T23:25:00Z"]),
    ] = None,
    style: StyleQuery = "default",
) -> Response:  # fmt: skip
    """A layer in an area as one transparent picture, to be laid on a map."""
    frame = frame_of(bbox, bbox_crs, crs, width, height)
    if issue is not None:
        issue = to_datetime(frame_time(to_time(issue)))
    picture = layers.picture(context, layers.layer_named(layer), time, issue)
    return picture_response(request, context, picture, frame, style, SHORT_LIVED)


router.include_router(areas)
