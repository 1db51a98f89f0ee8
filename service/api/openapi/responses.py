"""Parts of the OpenAPI document that FastAPI cannot derive from the routes."""

from datetime import datetime
from typing import Any, Literal

from covjson_pydantic.coverage import Coverage, CoverageCollection
from fastapi import Security
from fastapi.params import Depends
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel, ConfigDict

from service.api import openapi_examples
from service.api.connections.problem_document import MEDIA
from service.api.middleware.access import KEY_HEADER
from service.api.negotiation import PNG
from service.api.nowcast_requests.request import NowcastRequest, OwnFrames
from service.api.problems import CONTENT
from service.api.schemas import Forecast, JobStatus
from service.pipeline.upload import JSON, NETCDF

Responses = dict[int | str, dict[str, Any]]


def header(description: str) -> dict[str, Any]:
    """A response header with text."""
    return {"description": description, "schema": {"type": "string"}}


BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
"""Content that is no text."""
BINARY_BESIDE_JSON: dict[str, Any] = {
    "schema": {
        "type": "null",
        "format": "binary",
        "description": "Binary content, which is no value of JSON: clients read it as bytes.",
    }
}
"""Binary content beside a document of JSON, which is what generated clients parse. A string would
be joined to its type; of null nothing is left where a response is checked to be there."""
FORECAST: Responses = {
    200: {
        "model": Forecast,
        "description": "The forecast.",
        "content": {NETCDF: BINARY_BESIDE_JSON, PNG: BINARY_BESIDE_JSON},
        "headers": {"ETag": header("Entity tag for `If-None-Match`.")},
    },
    304: {"description": "The client has the current representation."},
}
ENSEMBLE: Responses = {
    200: {
        "description": "The members, (realization, time, y, x).",
        "content": {NETCDF: BINARY},
        "headers": {"ETag": header("Entity tag for `If-None-Match`.")},
    },
    304: {"description": "The client has the current representation."},
}
ACCEPTED: Responses = {
    202: {
        "model": JobStatus,
        "description": "The job that makes the forecast.",
        "headers": {
            "Location": header("URL of the job."),
            "Retry-After": header("Seconds to wait."),
        },
    }
}
PROBLEMS: Responses = {
    "4XX": {
        "description": "The request failed; the body has the reason.",
        "content": CONTENT,
    },
    503: {
        "description": "The request cannot be answered yet; the body has the reason.",
        "content": CONTENT,
        "headers": {"Retry-After": header("Seconds to wait.")},
    },
}
NOT_READY: Responses = {
    503: {
        "description": "The service is not ready; `reasons` lists all reasons.",
        "content": {MEDIA: {**CONTENT[MEDIA], "example": openapi_examples.NOT_READY}},
    }
}
NO_ROOM: Responses = {
    507: {
        "description": "The disk has no room for uploads.",
        "content": CONTENT,
        "headers": {"Retry-After": header("Seconds to wait.")},
    }
}
JOB: Responses = {
    410: {"description": "The forecast of the job is past its retention.", "content": CONTENT}
}
NULL = {"type": "null"}


def reference(model: type[BaseModel]) -> dict[str, str]:
    """A reference to the schema of a model, which `components.py` adds to the document."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}


class CoverageJsonResponse(JSONResponse):
    """A response in CoverageJSON by default."""

    media_type = "application/prs.coverage+json"


class GeoJsonResponse(JSONResponse):
    """A response in GeoJSON."""

    media_type = "application/geo+json"


class PointGeometry(BaseModel):
    """A GeoJSON point: longitude and latitude, or x and y of another reference system."""

    type: Literal["Point"] = "Point"
    coordinates: list[float]


class PolygonGeometry(BaseModel):
    """A GeoJSON polygon: rings of positions."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: list[list[list[float]]]


class Feature(BaseModel):
    """A GeoJSON feature."""

    model_config = ConfigDict(extra="allow")

    type: Literal["Feature"] = "Feature"
    id: str | None = None
    geometry: PointGeometry | PolygonGeometry
    properties: dict[str, Any]


class FeatureCollection(BaseModel):
    """GeoJSON features."""

    model_config = ConfigDict(extra="allow")

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[Feature]


class FeatureInfo(BaseModel):
    """The value at a pixel of a map; null is no data, which is not 0 (dry)."""

    layer: str
    title: str
    time: datetime
    value: float | None
    unit: str
    attribution: str


class MotionArrows(BaseModel):
    """Arrows of the motion of rain: where they start, in cells, and their motion in km/h."""

    columns: list[float]
    rows: list[float]
    right: list[float]
    down: list[float]


class Outlines(BaseModel):
    """Lines on the grid of the radar, each the first point and then steps of 1 / `steps` cell."""

    steps: int
    window: list[float]
    land: list[list[int]] = []
    borders: list[list[int]] = []
    rivers: list[list[int]] = []
    states: list[list[int]] = []
    districts: list[list[int]] = []


COVERAGE: Responses = {
    200: {
        "model": Coverage | CoverageCollection,
        "description": "The values that the query takes.",
        "content": {
            "application/prs.coverage+json": {"example": openapi_examples.COVERAGE},
            "application/geo+json": {
                "schema": reference(FeatureCollection),
                "example": openapi_examples.SERIES,
            },
            "text/csv": {"schema": {"type": "string"}, "example": openapi_examples.TABLE},
            NETCDF: BINARY_BESIDE_JSON,
            "image/tiff": BINARY_BESIDE_JSON,
        },
        "headers": {"ETag": header("Entity tag for `If-None-Match`.")},
    },
    304: {"description": "The client has the current representation."},
}
FEATURES: Responses = {
    200: {
        "model": FeatureCollection,
        "description": "GeoJSON features.",
        "content": {"application/geo+json": {"example": openapi_examples.PLACES}},
    }
}
FEATURE: Responses = {
    200: {
        "model": Feature,
        "description": "A GeoJSON feature.",
        "content": {"application/geo+json": {"example": openapi_examples.PLACES["features"][0]}},
    }
}
PICTURE: Responses = {
    200: {
        "description": "A transparent picture.",
        "content": {PNG: BINARY},
        "headers": {"ETag": header("Entity tag for `If-None-Match`.")},
    },
    304: {"description": "The client has the current representation."},
}
WMS: Responses = {
    200: {
        "description": "Capabilities, a map, the value at a pixel, or a legend.",
        "content": {
            "text/xml": {"schema": {"type": "string"}, "example": "<WMS_Capabilities/>"},
            PNG: BINARY,
            JSON: {"schema": reference(FeatureInfo)},
        },
    },
    400: {
        "description": "A service exception report.",
        "content": {"text/xml": {"schema": {"type": "string"}}},
    },
}
WMS_PARAMETERS: dict[str, Any] = {
    "parameters": [
        {
            "name": name,
            "in": "query",
            "required": name == "REQUEST",
            "description": description,
            "schema": {"type": "string"},
            "example": example,
        }
        for name, description, example in (
            ("SERVICE", "WMS.", "WMS"),
            ("REQUEST", "The operation.", "GetCapabilities"),
            ("VERSION", "1.3.0.", "1.3.0"),
            ("LAYERS", "Name of a layer.", "radar"),
            ("STYLES", "Name of a style.", "default"),
            ("CRS", "Reference system.", "EPSG:3857"),
            ("BBOX", "Edges of the map.", "556597,5942074,1669792,7361866"),
            ("WIDTH", "Pixels.", "256"),
            ("HEIGHT", "Pixels.", "256"),
            ("FORMAT", "Format of the map.", "image/png"),
            ("TRANSPARENT", "FALSE for a map with a background.", "TRUE"),
            ("BGCOLOR", "Colour of the background; white by default.", "0xFFFFFF"),
            ("TIME", "Valid time.", openapi_examples.ISSUE),
            ("DIM_REFERENCE_TIME", "Issue time of the forecast.", openapi_examples.ISSUE),
            ("QUERY_LAYERS", "Name of a layer.", "radar"),
            ("INFO_FORMAT", "Format of the value.", "application/json"),
            ("I", "Column of the pixel.", "128"),
            ("J", "Row of the pixel.", "128"),
            ("LAYER", "Layer of the legend.", "radar"),
            ("STYLE", "Style of the legend.", "default"),
        )
    ]
}
BODY: dict[str, Any] = {
    "requestBody": {
        "content": {
            JSON: {
                "schema": {"anyOf": [reference(NowcastRequest), reference(OwnFrames), NULL]},
                "examples": {
                    "latest": {"summary": "Newest radar, default model", "value": {}},
                    "named": {
                        "summary": "Model and issue time",
                        "value": {"model": "advection", "issue": openapi_examples.ISSUE},
                    },
                    "frames": {
                        "summary": "Uploaded frames",
                        "value": openapi_examples.FRAMES,
                    },
                },
            },
            NETCDF: {"schema": {"type": "string", "format": "binary"}},
        }
    }
}
"""The body of `POST /nowcast`, which FastAPI does not parse since it may be large."""
NEEDS_KEY: list[Depends] = [
    Security(HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key.")),
    Security(APIKeyHeader(name=KEY_HEADER, auto_error=False, scheme_name="header")),
]
"""Documents that an API key is required; `AccessControl` checks it."""
