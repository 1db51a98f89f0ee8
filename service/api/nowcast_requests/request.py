"""A request for a forecast: its schema, and as it came."""

from typing import Any, Literal, NamedTuple

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError

from service.api.negotiation import NETCDF, OFFERED
from service.api.schemas import Issue, ModelName, Moment

QUESTION_BYTES = 200
"""What names a model and a time is shorter."""


class NowcastRequest(BaseModel):
    """Which forecast is asked for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"model": "advection", "issue": "latest"}, {}]},
    )

    model: ModelName | None = None
    """Name of a model, or `auto` for the most skilful at each lead; where it is left out, the
    service's default, or another that can forecast where that one cannot."""
    issue: Issue = "latest"
    """Time of the radar frame to start from, with its zone."""


class OwnGrid(BaseModel):
    """A grid of German composites by its name, or any by the centres of its cells in m, rows from
    the north and columns from the west, and its projection as PROJ or EPSG has it."""

    name: Literal["sphere", "wgs84"] | None = None
    x: list[float] | None = None
    y: list[float] | None = None
    projection: str | None = None


class Frames(BaseModel):
    """Radar frames, 2 to 24 of them, oldest first."""

    times: list[Moment]
    rainfall_rate: list[list[list[float | None]]]
    """mm/h by frame, row from the north, column from the west; null for no data."""
    grid: OwnGrid = OwnGrid()


class OwnFrames(BaseModel):
    """Frames of somebody's own, and the model to forecast with."""

    model: ModelName | None = None
    frames: Frames


class RawRequest(NamedTuple):
    """A request for a forecast as it came.

    Attributes:
        body: JSON or netCDF, by its content type.
        model: As the address names it; what the body names goes first.
        form: Media type to answer in.
        client: Who asks.
        name: Idempotency key, under which the same request may come again.
    """

    body: bytes
    content_type: str
    model: str | None
    form: str
    client: str
    name: str | None

    @property
    def media(self) -> str:
        """The content type without its parameters."""
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def may_bring_frames(self) -> bool:
        """Whether it may take longer to read than a mere question does."""
        signs = any(sign in self.body for sign in (b"frames", b"\\"))
        return signs or len(self.body) > QUESTION_BYTES or self.media in OFFERED[NETCDF]


def parse(body: bytes) -> Any:  # noqa: ANN401  anything that JSON can say
    try:
        return orjson.loads(body or b"null")
    except orjson.JSONDecodeError as error:
        told = {"type": "json_invalid", "loc": ("body",), "msg": f"This is no JSON: {error}"}
        raise RequestValidationError([told]) from error


def check(said: object) -> NowcastRequest:
    try:
        return NowcastRequest.model_validate(said)
    except ValidationError as error:
        found = [{**part, "loc": ("body", *part["loc"])} for part in error.errors()]
        raise RequestValidationError(found) from error
