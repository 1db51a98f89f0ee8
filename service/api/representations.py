"""Representations of a forecast: JSON, netCDF or PNG, each with its entity tag."""

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

import numpy as np
from fastapi import Request, Response
from xarray import DataArray

from ingest.formats.netcdf import licence
from ingest.grid import known_grid
from ingest.precipitation import (
    INTERVAL,
    NAME,
    UNITS,
    credit,
    exceedance_probabilities,
    is_of_domain,
    lead_minutes_of,
)
from service.api import freshness
from service.api.dependencies import ApiContext
from service.api.encoded_cache import json_bytes
from service.api.field_selection import ALL, FieldSelection
from service.api.negotiation import PNG, etag_matches
from service.api.schemas import InsteadOf
from service.archive import field_file
from service.archive.archive import SUSPECT
from service.archive.key import Key, iso, key_of, ledger_key, to_datetime
from service.errors import BadRequest, Gone, LedgerAway, NoFrame, NotAcceptable
from service.pipeline.upload import JSON, NETCDF
from service.skill import verification
from service.skill.scores import SCORES

log = logging.getLogger(__name__)

SKILL_DAYS = 7
"""Days before the issue time over which skill is reported."""
IMMUTABLE = "public, max-age=31536000, immutable"
SHORT_LIVED = "public, max-age=30"
WHOLE = FieldSelection()
MINUTES = "public, max-age=300"
"""Cache-Control of forecasts of an issue time whose URL leaves the version to the settings."""
PRIVATE = "private, max-age=300"
"""Cache-Control of forecasts from uploaded frames."""


def respond(
    request: Request,
    context: ApiContext,
    key: Key,
    media: str,
    *,
    latest: bool = False,
    fixed: bool = False,
    instead_of: InsteadOf | None = None,
    selection: FieldSelection = WHOLE,
) -> Response:
    """The response with a forecast; 304 where the client has it.

    Args:
        request: The request.
        context: The API context.
        key: The forecast key.
        media: Media type to answer in.
        latest: The request was for the newest forecast, which changes soon.
        fixed: The URL names issue, model and version, so that what it answers never changes.
        instead_of: The model that could not forecast, where this one replaces it; in JSON only.
        selection: The part of the forecast to answer with; in JSON only.

    Raises:
        NoForecast: There is no such forecast.
        Gone: The forecast is past its retention.
        NotAcceptable: The forecast is on a grid without pictures.
        BadRequest: A part is selected in another representation than JSON, or is not stored.
        OutsideGrid: The part lies outside the grid.
    """
    if selection.suffix and media != JSON:
        raise BadRequest(
            f"leads, parameter and bbox select a part in {JSON}; leave them out for {media}, which "
            "has all of the forecast"
        )
    if not context.archive.has_forecast(key) and context.ledger.has_forecast(ledger_key(key)):
        raise gone(key)
    headers = {
        "ETag": entity_tag(key, media, selection),
        "Cache-Control": cache_control(key, latest=latest, fixed=fixed),
        "Vary": "Accept",
        "Content-Location": location(key),
        "Link": f'<{location(key)}>; rel="canonical"',
    }
    stale = latest and not key.upload and freshness.is_stale(context, key.issue)
    if stale:
        headers["ETag"] = entity_tag(key, media, selection, stale=True)
        headers |= freshness.stale_headers(context, key)
        del headers["Content-Location"]
    if etag_matches(request, headers["ETag"]) and context.archive.has_forecast(key):
        return Response(status_code=304, headers=headers)
    encode_now = partial(encode, context, key, media, selection, stale=stale)
    try:
        content = context.encoded_cache.get(headers["ETag"], encode_now)
    except LedgerAway as error:
        log.warning("%s is served without its skill: %s", key.id, error)
        part = labelled(context, key, selection, stale=stale)
        content = json_bytes(document(part, [], selection))
        headers["Cache-Control"] = "no-store"
        headers.pop("ETag", None)
    if media == NETCDF:
        headers["Content-Disposition"] = f'attachment; filename="{key.id}.nc"'
    if instead_of is not None and media == JSON:
        content = b'%s,"instead_of":%s}' % (content[:-1], instead_of.model_dump_json().encode())
        for name in ("ETag", "Content-Location"):
            headers.pop(name, None)
    return Response(content, media_type=media, headers=headers)


def cache_control(key: Key, *, latest: bool, fixed: bool) -> str:
    """How long a forecast may be cached.

    Without model and version in its URL it depends on settings and weights, which may change.
    """
    if key.upload:
        return PRIVATE
    return IMMUTABLE if fixed else SHORT_LIVED if latest else MINUTES


def gone(key: Key) -> Gone:
    """The error of a forecast past its retention."""
    source = "uploaded frames" if key.upload else f"radar of {iso(to_datetime(key.issue))}"
    return Gone(f"the forecast of {key.model} from {source} is past its retention")


def encode(
    context: ApiContext,
    key: Key,
    media: str,
    selection: FieldSelection = WHOLE,
    *,
    stale: bool = False,
) -> bytes:
    """Encode a forecast of the archive as JSON, netCDF or PNG.

    Args:
        context: The API context.
        key: The forecast key.
        media: Media type to encode it in.
        selection: The part to encode as JSON.
        stale: Label it as made from radar that is too old by now.

    Raises:
        NoForecast: There is no such forecast.
        BadRequest: The selected part is not stored.
        OutsideGrid: It lies outside the grid.
        NotAcceptable: The forecast is on a grid without pictures.
        Busy: The process that draws pictures has ended.
    """
    if media == NETCDF and not stale:
        return context.archive.forecast_bytes(key)
    if media == NETCDF:
        return encode_labelled(labelled(context, key, FieldSelection(ALL), stale=stale))
    if media == JSON:
        part = labelled(context, key, selection, stale=stale)
        return json_bytes(document(part, recent_skill(context, key), selection))
    forecast = labelled(context, key, WHOLE, stale=stale)
    if not is_of_domain(forecast):
        raise no_picture()
    before = start_frame(context, key)
    if context.drawing is not None:
        return context.drawing.draw(forecast, before)
    # importing matplotlib takes half a second, and pictures are rare
    from service.plots.fields import of_forecast

    return of_forecast(forecast, before)


def labelled(context: ApiContext, key: Key, selection: FieldSelection, *, stale: bool) -> DataArray:
    """A part of a forecast (lead_time, y, x) in mm/h, with a label if its radar is too old.

    Raises:
        NoForecast: There is no such forecast.
    """
    forecast = selection.read(context.archive, key)
    if not stale:
        return forecast
    return forecast.assign_attrs(stale=freshness.warning(context, key))


def encode_labelled(forecast: DataArray) -> bytes:
    """Encode a forecast (lead_time, y, x) with another label than in the archive as netCDF."""
    title = f"Two-hour precipitation nowcast by {forecast.attrs['model']}"
    return field_file.encode(forecast, title, "labelled by nowcast", packed=True)


def no_picture() -> NotAcceptable:
    """The error of a picture on a grid that has no map."""
    return NotAcceptable(f"there is no picture on an uploaded grid, only {JSON} and {NETCDF}")


def entity_tag(
    key: Key, media: str, selection: FieldSelection = WHOLE, *, stale: bool = False
) -> str:
    """Entity tag of a forecast, different for each encoding, so that caches keep them apart."""
    suffix = {JSON: "", NETCDF: "-netcdf", PNG: "-png"}[media]
    return f'"{key.id}{suffix}{selection.suffix}{"-stale" if stale else ""}"'


def location(key: Key) -> str:
    """Permanent URL of a forecast."""
    if key.upload:
        return f"/jobs/{key.id}/results"
    query = urlencode({"model": key.model, "version": key.version})
    return f"/nowcasts/{iso(to_datetime(key.issue))}?{query}"


def start_frame(context: ApiContext, key: Key) -> DataArray | None:
    """The newest frame (time, y, x) a forecast uses, in mm/h; None where it is deleted."""
    try:
        if key.upload:
            return context.archive.upload(key.upload).isel(time=[-1])
        return context.archive.frame(key.issue)
    except NoFrame:
        return None


def document(
    forecast: DataArray, skill: list[dict[str, Any]], selection: FieldSelection = WHOLE
) -> dict[str, Any]:
    """A forecast (lead_time, y, x) as a document of the schema `Forecast`; NaN becomes null.

    Args:
        forecast: The part of a forecast that is selected.
        skill: Recent skill of the model.
        selection: Without `rainfall_rate` among its parameters, that is empty.
    """
    key = key_of(forecast)
    issue = to_datetime(key.issue)
    generated = datetime.fromisoformat(forecast.attrs["generated_at"])
    valid = forecast.notnull().mean(["y", "x"]).values
    formats = ["netcdf", "png"] if is_of_domain(forecast) else ["netcdf"]
    return {
        "issue_time": iso(issue),
        "radar_time": iso(issue),
        "generated_at": iso(generated),
        "radar_age_s": (generated - issue).total_seconds(),
        "model": {
            "name": key.model,
            "version": key.version,
            "weights_sha256": None if key.weights == "none" else key.weights,
        },
        "units": UNITS,
        "lead_minutes": lead_minutes_of(forecast),
        "valid_times": [iso(to_datetime(time)) for time in forecast["time"].values],
        "coverage": [coverage(ratio) for ratio in valid.tolist()],
        "skill": skill,
        "grid": grid_of(forecast),
        "rainfall_rate": np.round(forecast.values, 2) if selection.has(NAME) else [],
        "exceedance_probability": [
            {"threshold": threshold, "values": np.round(probability.values, 2)}
            for threshold, probability in exceedance_probabilities(forecast).items()
        ],
        "bridged": listed(forecast, "bridged"),
        "suspect": forecast.attrs.get(SUSPECT),
        "stale": "stale" in forecast.attrs,
        "chosen": listed(forecast, "chosen"),
        "attribution": credit(forecast),
        "licence": licence(forecast),
        "links": [
            {"rel": "self", "href": location(key)},
            *({"rel": "alternate", "href": alternate(key, name)} for name in formats),
        ],
    }


def alternate(key: Key, format_name: str) -> str:
    """URL of a forecast in another encoding."""
    return f"{location(key)}{'?' if key.upload else '&'}f={format_name}"


def listed(forecast: DataArray, attribute: str) -> list[str]:
    """The items of a comma-separated attribute of a forecast (lead_time, y, x)."""
    text: str = forecast.attrs.get(attribute, "")
    return text.split(",") if text else []


def coverage(ratio: float) -> dict[str, Any]:
    """Coverage of one lead time, from the ratio of cells with data."""
    state = "none" if ratio == 0 else "partial" if ratio < 1 else "ok"
    return {"state": state, "valid_ratio": round(ratio, 4)}


def recent_skill(context: ApiContext, key: Key) -> list[dict[str, Any]]:
    """Skill of a model over the days before an issue time, as known then.

    Lead times valid at the issue time itself are left out, since they are verified after the
    forecast is made and its representation must not change. None of uploads.

    Raises:
        LedgerAway: The ledger cannot be read.
    """
    if key.upload:
        return []
    end = to_datetime(key.issue) - INTERVAL.item()
    begin = to_datetime(key.issue) - timedelta(days=SKILL_DAYS)
    rows = context.ledger_calls.call(verification.recent, context.ledger, key.model, begin, end)
    names = ("lead_minutes", "threshold", "n_valid", *SCORES)
    return [{name: row[name] for name in names} for row in rows]


def grid_of(forecast: DataArray) -> dict[str, Any]:
    """Grid of a forecast: shape, projection and cell centres in m."""
    grid = known_grid(forecast)
    return {
        "shape": list(forecast.shape[-2:]),
        "projection": grid.projection if grid else forecast["crs"].attrs.get("crs_wkt"),
        "x": forecast["x"].values.tolist(),
        "y": forecast["y"].values.tolist(),
        "origin": "row 0 is the northernmost, column 0 the westernmost",
    }
