"""Responses with the ensemble of a forecast as netCDF."""

from dataclasses import dataclass

import numpy as np
from fastapi import Request, Response

from ingest.precipitation import NAME
from service.api import freshness
from service.api.dependencies import ApiContext
from service.api.field_selection import FieldSelection, at_leads, in_box
from service.api.negotiation import accept_of, etag_matches, quality
from service.api.representations import cache_control, gone
from service.archive import field_file
from service.archive.key import Key, ledger_key
from service.archive.rounding import RATE_STEP
from service.errors import NotAcceptable
from service.pipeline.upload import NETCDF

METHOD = (
    "members have the exceedance probabilities of the forecast, ranked by noise with the structure "
    "of the event (ensemble copula coupling); rates are rounded to 1/128 mm h-1"
)


@dataclass(frozen=True)
class EnsembleRequest:
    """The part of an ensemble that a request is for.

    Attributes:
        leads: Lead times as in the query of a forecast.
        box: West, south, east and north in degrees, separated by commas; None for the whole grid.
    """

    leads: str | None
    box: str | None

    @property
    def suffix(self) -> str:
        """Part of an entity tag that tells requests apart."""
        return FieldSelection(self.leads, NAME, self.box).suffix


async def deliver_ensemble(
    request: Request,
    context: ApiContext,
    key: Key,
    wanted: EnsembleRequest,
    *,
    latest: bool = False,
    fixed: bool = False,
) -> Response:
    """The response with an ensemble; 304 where the client has it.

    Args:
        request: The request.
        context: The API context.
        key: Key of the forecast.
        wanted: The part to answer with.
        latest: The request was for the newest forecast, which changes soon.
        fixed: The URL names issue, model and version, so that what it answers never changes.

    Raises:
        Busy: Too many requests wait for ensembles.
        NotAcceptable: The client does not accept netCDF.
        NoForecast: There is no such forecast; or any other error of `Ensembles.members`.
        Gone: The forecast is past its retention.
        BadRequest: A lead time is not stored, or the box is empty.
        OutsideGrid: No cell lies in the box.
    """
    accept = accept_of(request)
    if not quality(NETCDF, accept):
        raise NotAcceptable(f"{accept[:200]} is not available of an ensemble, only {NETCDF}")
    headers = {
        "ETag": f'"{key.id}-ensemble{wanted.suffix}"',
        "Cache-Control": cache_control(key, latest=latest, fixed=fixed),
        "Vary": "Accept",
        "Content-Disposition": f'attachment; filename="{key.id}-ensemble.nc"',
    }
    if latest and freshness.is_stale(context, key.issue):
        headers |= freshness.stale_headers(context, key)
    if etag_matches(request, headers["ETag"]) and context.archive.has_forecast(key):
        return Response(status_code=304, headers=headers)
    content = await context.pools.ensembles.run(encode_ensemble, context, key, wanted)
    return Response(content, media_type=NETCDF, headers=headers)


def encode_ensemble(context: ApiContext, key: Key, wanted: EnsembleRequest) -> bytes:
    """A part of the ensemble of a forecast as netCDF; the errors are those of `deliver_ensemble`.

    Raises:
        Gone: The forecast is past its retention.
    """
    if not context.archive.has_forecast(key) and context.ledger.has_forecast(ledger_key(key)):
        raise gone(key)
    members = at_leads(context.ensembles.members(key), wanted.leads)
    if wanted.box is not None:
        members = in_box(members, wanted.box)
    rounded = members.copy(data=np.round(members.values / RATE_STEP) * np.float32(RATE_STEP))
    title = f"Ensemble of a two-hour precipitation nowcast by {key.model}"
    return field_file.encode(rounded, title, "derived by nowcast", packed=True, ensemble=METHOD)
