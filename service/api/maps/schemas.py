"""Schemas of the documents about map layers."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.api import openapi_examples


class LayerInfo(BaseModel):
    """A layer of maps."""

    name: str
    title: str
    tilejson: str
    """Address of its TileJSON."""
    times: list[datetime]


class LayerList(BaseModel):
    """Layers that have something to show now."""

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.LAYERS]})

    layers: list[LayerInfo]


class TileTime(BaseModel):
    """A valid time and its tiles."""

    time: datetime
    tiles: list[str]


class LegendClass(BaseModel):
    """A class of the colours: its lowest value, the unit, and the colour as `#rrggbb`."""

    lowest: Annotated[float, Field(alias="from")]
    unit: str
    colour: str


class TileJson(BaseModel):
    """TileJSON 3.0.0, with the valid times and the classes of the colours."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [openapi_examples.TILES]}
    )

    tilejson: Literal["3.0.0"]
    name: str
    description: str
    attribution: str
    scheme: Literal["xyz"]
    tiles: list[str]
    minzoom: int
    maxzoom: int
    bounds: list[float]
    time: datetime
    times: list[TileTime]
    legend: list[LegendClass]


class MapFrame(BaseModel):
    """A time of the radar or of the nowcast, and the path of its tiles."""

    time: int
    """Seconds since 1970."""
    path: str


class RadarMaps(BaseModel):
    """Radar frames and forecasts."""

    past: list[MapFrame]
    nowcast: list[MapFrame]


class SatelliteMaps(BaseModel):
    """Satellite images, of which there are none."""

    infrared: list[MapFrame]


class WeatherMaps(BaseModel):
    """The times and tiles of the map, as version 2 of RainViewer's API has them."""

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.WEATHER_MAPS]})

    version: str
    generated: int
    host: str
    radar: RadarMaps
    satellite: SatelliteMaps
