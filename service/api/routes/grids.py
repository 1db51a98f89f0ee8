"""Radar and forecasts as the map page takes them: what there is, and the fields as small grids.

What is in a grid says `service/api/page/packed_fields.py`. Grids never change and may be kept for
a year; what there is changes with every frame.
"""

from functools import cache
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from xarray import DataArray

from ingest.grid import known_grid
from ingest.precipitation import (
    credit,
    exceedance_probabilities,
    exceedance_probability_name,
)
from service.api.dependencies import Context
from service.api.negotiation import JSON
from service.api.nowcast_requests.resolve import on_mark
from service.api.page import packed_fields
from service.api.page.outlines import outlines
from service.api.page.overview import GRIDS, GridName, Overview, described, overview
from service.api.page.static_files import send
from service.api.representations import IMMUTABLE, lead_minutes, listed
from service.api.routes.nowcasts import ModelQuery
from service.api.schemas import Moment
from service.archive.key import Key, iso, stamp, to_datetime, to_time

router = APIRouter(prefix="/grids", tags=["grids"])

BINARY = "application/octet-stream"
FORMAT = "g1"
"""In entity tags: what is sent of the same field changes with it."""
FEW_SECONDS = "public, max-age=2"
KEPT = {"Cache-Control": IMMUTABLE}
BINARY_ANSWER: dict[int | str, dict[str, Any]] = {200: {"content": {BINARY: {}}}}


@router.get("/latest")
def latest(
    context: Context,
    response: Response,
    until: Annotated[
        Moment | None, Query(description="What there was at a time; now where left out.")
    ] = None,
) -> Overview:
    """The frames of the last two hours and the forecasts that start from them, by their names."""
    response.headers["Cache-Control"] = FEW_SECONDS
    return overview(context, until)


@router.get("/radar/{time}", response_class=Response, responses=BINARY_ANSWER)
def radar(request: Request, context: Context, time: Moment) -> Response:
    """A radar frame."""
    at = on_mark(to_time(time))
    frame = context.archive.frame(at)

    def made() -> bytes:
        said = about(frame) | {"times": [iso(to_datetime(at))], "planes": ["rainfall_rate"]}
        return packed_fields.body(said, [packed_fields.rates(frame.values)])

    return send(request, f"{stamp(at)}-radar-{FORMAT}", made, KEPT, BINARY)


@router.get("/forecasts/{issue}", response_class=Response, responses=BINARY_ANSWER)
def forecast(
    request: Request,
    context: Context,
    issue: Annotated[Moment, Path(description="Time of the radar frame it starts from.")],
    model: ModelQuery = None,
    version: Annotated[
        str | None,
        Query(pattern=r"^[0-9a-z]{4,8}$", description="Of the model; the present where left out."),
    ] = None,
) -> Response:
    """A forecast with its exceedance probabilities, all leads in one."""
    name, weights = (model, version) if model and version else context.forecasters.named(model)
    key = Key(on_mark(to_time(issue)), name, weights)
    field = context.archive.forecast(key)

    def made() -> bytes:
        probabilities = exceedance_probabilities(field)
        said = about(field) | {
            "model": key.model,
            "version": key.version,
            "issue_time": iso(to_datetime(key.issue)),
            "generated_at": field.attrs["generated_at"],
            "lead_minutes": lead_minutes(field),
            "times": [iso(to_datetime(time)) for time in field["time"].values],
            "planes": ["rainfall_rate", *map(exceedance_probability_name, probabilities)],
            "chosen": listed(field, "chosen"),
            "bridged": listed(field, "bridged"),
        }
        planes = [packed_fields.probabilities(one.values) for one in probabilities.values()]
        return packed_fields.body(said, [packed_fields.rates(field.values), *planes])

    return send(request, f"{key.id}-{FORMAT}", made, KEPT, BINARY)


@router.get("/outlines/{grid}")
def shores(request: Request, grid: GridName) -> Response:
    """Coasts, borders and rivers on the grid of the radar."""
    return send(request, f"{grid}-outlines-{FORMAT}", lambda: drawn(grid), KEPT, JSON)


@cache
def drawn(grid: GridName) -> bytes:
    return orjson.dumps(outlines(GRIDS[grid]))


def about(field: DataArray) -> dict[str, object]:
    grid = described(known_grid(field))
    return {
        "grid": None if grid is None else grid.name,
        "shape": field.shape[-2:],
        "attribution": credit(field),
    }
