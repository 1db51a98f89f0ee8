"""Routes of the map page: an overview of radar and forecasts, and the fields as packed grids.

`service/api/page/packed_fields.py` describes the format. Grids never change and may be cached for a
year; the overview changes with every frame.
"""

import hashlib
from functools import cache
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response
from xarray import DataArray

from ingest.domain import Domain
from ingest.grid import Grid
from ingest.precipitation import (
    INTERVAL,
    NAME,
    credit,
    exceedance_probabilities,
    exceedance_probability_name,
    lead_minutes_of,
)
from service.api.dependencies import Context
from service.api.edr.summary import FRAMES_OF_MOTION
from service.api.encoded_cache import json_bytes
from service.api.field_selection import FieldSelection, LeadsQuery, ParameterQuery
from service.api.model_parameters import ModelQuery, VersionQuery, named
from service.api.nowcast_requests.resolve import frame_time
from service.api.openapi.responses import MotionArrows, Outlines, reference
from service.api.page import packed_fields
from service.api.page.motion_arrows import motion_arrows
from service.api.page.outlines import GERMAN_PARTS, PARTS, positions
from service.api.page.outlines import outlines as outlines_on
from service.api.page.overview import GridName, Overview, grid_named, grid_of, overview
from service.api.page.static_files import conditional_response
from service.api.representations import IMMUTABLE, MINUTES, listed
from service.api.schemas import Moment
from service.archive.archive import SUSPECT
from service.archive.key import Key, iso, stamp, to_datetime, to_time
from service.pipeline.upload import JSON

router = APIRouter(prefix="/grids", tags=["grids"])

BINARY = "application/octet-stream"
FORMAT = "g1"
"""Version of the format, part of the entity tags."""
FEW_SECONDS = "public, max-age=2"
CACHED_FOR_A_YEAR = {"Cache-Control": IMMUTABLE}
CACHED_FOR_MINUTES = {"Cache-Control": MINUTES}
BINARY_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {BINARY: {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/latest", operation_id="read_overview")
def latest(
    context: Context,
    response: Response,
    until: Annotated[
        Moment | None, Query(description="Overview at a time in the past; by default now.")
    ] = None,
) -> Overview:
    """Radar frames of the last two hours and the forecasts that start from them."""
    response.headers["Cache-Control"] = FEW_SECONDS
    return overview(context, until)


@router.get(
    "/radar/{time}",
    operation_id="read_radar_grid",
    response_class=Response,
    responses=BINARY_RESPONSE,
)
def radar(request: Request, context: Context, time: Moment) -> Response:
    """A radar frame by time."""
    valid = frame_time(to_time(time))
    frame = context.archive.frame(valid)

    def encode() -> bytes:
        header = about(frame, context.archive.domain) | {
            "times": [iso(to_datetime(valid))],
            "planes": ["rainfall_rate"],
        }
        return packed_fields.body(header, [packed_fields.rates(frame.values)])

    return conditional_response(
        request, f"{stamp(valid)}-radar-{FORMAT}", encode, CACHED_FOR_A_YEAR, BINARY
    )


@router.get(
    "/motion/{time}",
    operation_id="read_motion",
    response_class=Response,
    responses={200: {"content": {JSON: {"schema": reference(MotionArrows)}}}},
)
def motion(request: Request, context: Context, time: Moment) -> Response:
    """How rain moves at the time of a radar frame: arrows on a coarse grid, in km/h."""
    valid = frame_time(to_time(time))
    context.archive.frame(valid)
    tag = f"{stamp(valid)}-motion-{FORMAT}"

    def encode() -> bytes:
        frames = context.archive.frames(valid - np.arange(FRAMES_OF_MOTION) * INTERVAL)
        return json_bytes(motion_arrows(frames))

    return conditional_response(
        request, tag, lambda: context.encoded_cache.get(tag, encode), CACHED_FOR_MINUTES, JSON
    )


@router.get(
    "/forecasts/{issue}",
    operation_id="read_forecast_grid",
    response_class=Response,
    responses=BINARY_RESPONSE,
)
def forecast(
    request: Request,
    context: Context,
    issue: Annotated[Moment, Path(description="Issue time: that of the newest radar frame used.")],
    model: ModelQuery = None,
    version: VersionQuery = None,
    leads: LeadsQuery = None,
    parameter: ParameterQuery = None,
) -> Response:
    """A forecast with its exceedance probabilities, its lead times in one body."""
    key = Key(frame_time(to_time(issue)), *named(context, model, version))
    headers = CACHED_FOR_A_YEAR if model and version else CACHED_FOR_MINUTES
    selection = FieldSelection(leads, parameter)
    field = selection.read(context.archive, key)

    def encode() -> bytes:
        probabilities = exceedance_probabilities(field)
        rate_plane = [NAME] if selection.has(NAME) else []
        header = about_forecast(field, context.archive.domain, key) | {
            "generated_at": field.attrs["generated_at"],
            "planes": [*rate_plane, *map(exceedance_probability_name, probabilities)],
            "chosen": listed(field, "chosen"),
            "bridged": listed(field, "bridged"),
        }
        planes = [packed_fields.probabilities(p.values) for p in probabilities.values()]
        rates = [packed_fields.rates(field.values) for _ in rate_plane]
        return packed_fields.body(header, [*rates, *planes])

    tag = f"{key.id}{selection.suffix}-{FORMAT}"
    return conditional_response(request, tag, encode, headers, BINARY)


@router.get(
    "/outlines/{grid}",
    operation_id="read_outlines",
    response_class=Response,
    responses={200: {"content": {JSON: {"schema": reference(Outlines)}}}},
)
def outlines(
    request: Request,
    context: Context,
    grid: GridName,
    parts: Annotated[
        str | None,
        Query(
            pattern=rf"^({'|'.join(PARTS)})(,({'|'.join(PARTS)})){{0,{len(PARTS) - 1}}}$",
            description=f"Some of {', '.join(PARTS)}, with commas between; by default all.",
            examples=["land,borders"],
        ),
    ] = None,
) -> Response:
    """Coasts, borders, rivers, states and districts on the grid of the radar.

    For a domain other than Germany there are no states and districts; `positions` are degrees east
    and north of nodes, from which those of cells are interpolated.
    """
    chosen = tuple(dict.fromkeys(parts.split(","))) if parts else PARTS
    domain = context.archive.domain
    lies_at = grid_named(grid, domain)
    is_german = domain is None
    name = grid if is_german else f"domain-{digest_of(lies_at)}"
    return conditional_response(
        request,
        f"{name}-outlines-{'-'.join(chosen)}-{FORMAT}",
        lambda: encoded_outlines(lies_at, tuple(sorted(chosen)), is_german=is_german),
        CACHED_FOR_A_YEAR if is_german else CACHED_FOR_MINUTES,
        JSON,
    )


def digest_of(grid: Grid) -> str:
    """Digest of a grid, for the entity tag of what lies on it."""
    return hashlib.sha256(repr(grid).encode()).hexdigest()[:16]


@cache
def encoded_outlines(grid: Grid, parts: tuple[str, ...], *, is_german: bool) -> bytes:
    """Parts of the outlines of a grid as JSON; of another country with the positions of cells."""
    if is_german:
        return json_bytes(outlines_on(grid, parts))
    known = tuple(part for part in parts if part not in GERMAN_PARTS)
    empty: dict[str, list[int]] = {part: [] for part in parts if part in GERMAN_PARTS}
    return json_bytes(outlines_on(grid, known) | empty | {"positions": positions(grid)})


def about(field: DataArray, domain: Domain | None) -> dict[str, object]:
    """Header members of a field: grid, shape and attribution."""
    grid = grid_of(field, domain)
    return {
        "grid": None if grid is None else grid.name,
        "shape": field.shape[-2:],
        "attribution": credit(field),
        "suspect": field.attrs.get(SUSPECT),
    }


def about_forecast(field: DataArray, domain: Domain | None, key: Key) -> dict[str, object]:
    """Header members of a forecast (lead_time, y, x): those of `about`, its names and times."""
    return about(field, domain) | {
        "model": key.model,
        "version": key.version,
        "issue_time": iso(to_datetime(key.issue)),
        "lead_minutes": lead_minutes_of(field),
        "times": [iso(to_datetime(time)) for time in field["time"].values],
    }
