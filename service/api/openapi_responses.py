"""What the framework cannot find out by itself for the API's description of itself."""

from collections.abc import Mapping
from typing import Any

from fastapi import Security
from fastapi.params import Depends
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel

from service.api import openapi_examples
from service.api.middleware.access import KEY_HEADER
from service.api.negotiation import JSON, NETCDF, PNG
from service.api.nowcast_requests.request import NowcastRequest, OwnFrames
from service.api.problems import CONTENT, MEDIA
from service.api.schemas import Forecast, JobStatus

Responses = dict[int | str, dict[str, Any]]


def header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


FORMS: Responses = {
    200: {
        "model": Forecast,
        "description": "The forecast.",
        "content": {NETCDF: {}, PNG: {}},
        "headers": {"ETag": header("Issue, model and weights: for `If-None-Match`.")},
    },
    304: {"description": "The client has it already."},
}
ACCEPTED: Responses = {
    202: {
        "model": JobStatus,
        "description": "The job that makes it.",
        "headers": {
            "Location": header("Where to follow the job."),
            "Retry-After": header("Seconds."),
        },
    }
}
PROBLEMS: Responses = {
    "4XX": {"description": "It cannot be answered; the body says why.", "content": CONTENT},
    503: {
        "description": "It cannot be answered yet; the body says why.",
        "content": CONTENT,
        "headers": {"Retry-After": header("Seconds.")},
    },
}
NOT_READY: Responses = {
    503: {
        "description": "It is not so; `reasons` has every reason.",
        "content": {MEDIA: {**CONTENT[MEDIA], "example": openapi_examples.NOT_READY}},
    }
}
JOB: Responses = {410: {"description": "It was done, and is forgotten.", "content": CONTENT}}
NOTHING = {"type": "null"}


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a model that no route has, whole."""
    schema = model.model_json_schema()
    whole: dict[str, Any] = resolved(schema, schema.pop("$defs", {}))
    return whole


def resolved(part: Any, named: Mapping[str, Any]) -> Any:  # noqa: ANN401  anything that JSON can say
    """A part of a schema with what it refers to in its place."""
    if isinstance(part, list):
        return [resolved(one, named) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return resolved(named[part["$ref"].rpartition("/")[2]], named)
    return {name: resolved(value, named) for name, value in part.items()}


BODY: dict[str, Any] = {
    "requestBody": {
        "content": {
            JSON: {
                "schema": {"anyOf": [schema_of(NowcastRequest), schema_of(OwnFrames), NOTHING]},
                "examples": {
                    "latest": {"summary": "The newest", "value": {}},
                    "named": {
                        "summary": "Of a model and a time",
                        "value": {"model": "advection", "issue": openapi_examples.ISSUE},
                    },
                    "frames": {
                        "summary": "From frames of your own",
                        "value": openapi_examples.FRAMES,
                    },
                },
            },
            NETCDF: {"schema": {"type": "string", "format": "binary"}},
        }
    }
}
"""The body of `POST /nowcast`, which the framework does not read: it may be large."""
NEEDS_KEY: list[Depends] = [
    Security(HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key.")),
    Security(APIKeyHeader(name=KEY_HEADER, auto_error=False, scheme_name="header")),
]
"""Says that a key is needed, either way; `gate` sees to it."""
