"""A request for a forecast: its schema, and the request as received."""

from typing import Any, Literal, NamedTuple

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError

from service.api.negotiation import OFFERED
from service.api.schemas import Issue, ModelName, Moment
from service.pipeline.upload import NETCDF

MOST_MEMBERS = 1000
"""Members of a JSON object that names a model and a time."""
SMALL_BYTES = 200
"""Largest body that names only a model and a time."""


class NowcastRequest(BaseModel):
    """The requested forecast."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"model": "advection", "issue": "latest"}, {}]},
    )

    model: ModelName | None = None
    """Name of a model, or `auto` for the most skilful model at each lead time. By default the
    service's default model, or another one where that cannot forecast."""
    issue: Issue = "latest"
    """Issue time, which is the time of the newest radar frame used, with a time zone."""


class OwnGrid(BaseModel):
    """A German composite grid by name, or any grid by its cell centres.

    Centres are in m, rows from the north and columns from the west, with the projection as a PROJ
    string or EPSG code.
    """

    name: Literal["sphere", "wgs84"] | None = None
    x: list[float] | None = None
    y: list[float] | None = None
    projection: str | None = None


class Frames(BaseModel):
    """2 to 24 radar frames, oldest first."""

    times: list[Moment]
    rainfall_rate: list[list[list[float | None]]]
    """Rainfall rate in mm/h by frame, row from the north, column from the west; null is no data."""
    grid: OwnGrid = OwnGrid()


class OwnFrames(BaseModel):
    """Uploaded radar frames, and the model to forecast with."""

    model: ModelName | None = None
    frames: Frames


class RawRequest(NamedTuple):
    """A request for a forecast as received.

    Attributes:
        body: JSON or netCDF, by the content type.
        content_type: Content type with its parameters.
        model: The query parameter `model`; a model in the body has priority.
        media: Media type to answer in.
        client: Name of the client.
        idempotency_key: Key under which the same request may be repeated.
    """

    body: bytes
    content_type: str
    model: str | None
    media: str
    client: str
    idempotency_key: str | None

    @property
    def body_type(self) -> str:
        """The content type without its parameters, in lower case."""
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def may_have_frames(self) -> bool:
        """Whether the body may contain frames, which take long to read."""
        has_frames = any(text in self.body for text in (b"frames", b"\\"))
        return has_frames or len(self.body) > SMALL_BYTES or self.body_type in OFFERED[NETCDF]


def decode_json(body: bytes) -> Any:  # noqa: ANN401  any JSON value
    """The JSON value of a body; None for an empty body.

    Raises:
        RequestValidationError: The body is not JSON.
    """
    try:
        return orjson.loads(body or b"null")
    except orjson.JSONDecodeError as error:
        problem = {"type": "json_invalid", "loc": ("body",), "msg": f"not valid JSON: {error}"}
        raise RequestValidationError([problem]) from error


def validate(document: object) -> NowcastRequest:
    """Validate a decoded body, unless it has so many members that listing them would take long.

    Raises:
        RequestValidationError: The body does not match the schema.
    """
    if isinstance(document, dict) and len(document) > MOST_MEMBERS:
        detail = f"there are {len(document)} members, should be at most {MOST_MEMBERS}"
        raise RequestValidationError([{"type": "too_long", "loc": ("body",), "msg": detail}])
    try:
        return NowcastRequest.model_validate(document)
    except ValidationError as error:
        problems = [{**part, "loc": ("body", *part["loc"])} for part in error.errors()]
        raise RequestValidationError(problems) from error
