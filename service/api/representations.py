"""A forecast in the form a client takes: JSON, netCDF or a picture, with its entity tag."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import orjson
from fastapi import Request, Response
from xarray import DataArray

from ingest.formats.netcdf import ABOUT
from ingest.grid import known_grid
from ingest.precipitation import UNITS, credit, exceedance_probabilities
from service.api.dependencies import ApiContext
from service.api.negotiation import JSON, NETCDF, PNG, etag_matches
from service.api.schemas import InsteadOf
from service.archive.key import Key, iso, key_of, ledger_key, to_datetime
from service.errors import Gone, NoFrame, NotAcceptable
from service.skill import verification
from service.skill.scores import SCORES

SKILL_DAYS = 7
IMMUTABLE = "public, max-age=31536000, immutable"
SHORT_LIVED = "public, max-age=30"
OWN = "private, max-age=300"
"""What was made of a client's own frames is nobody else's business."""


def respond(
    request: Request,
    context: ApiContext,
    key: Key,
    media: str,
    *,
    latest: bool = False,
    instead_of: InsteadOf | None = None,
) -> Response:
    """The forecast of a key in a form; 304 where the client has it already.

    Args:
        latest: It was asked for as the newest: another will soon be.
        instead_of: The model that could not forecast, where this one had to; said in JSON only.

    Raises:
        NoForecast: There is none.
        Gone: There was one.
        NotAcceptable: It has no such form.
    """
    if not context.archive.has_forecast(key) and context.ledger.has_forecast(ledger_key(key)):
        raise gone(key)
    headers = {
        "ETag": tag(key, media),
        "Cache-Control": OWN if key.upload else SHORT_LIVED if latest else IMMUTABLE,
        "Vary": "Accept",
        "Content-Location": location(key),
        "Link": f'<{location(key)}>; rel="canonical"',
    }
    if etag_matches(request, headers["ETag"]) and context.archive.has_forecast(key):
        return Response(status_code=304, headers=headers)
    content = context.encoded.get(headers["ETag"], partial(encode, context, key, media))
    if media == NETCDF:
        headers["Content-Disposition"] = f'attachment; filename="{key.id}.nc"'
    if instead_of is not None and media == JSON:
        content = b'%s,"instead_of":%s}' % (content[:-1], instead_of.model_dump_json().encode())
        del headers["ETag"], headers["Content-Location"]
    return Response(content, media_type=media, headers=headers)


def gone(key: Key) -> Gone:
    what = "uploaded frames" if key.upload else f"radar of {iso(to_datetime(key.issue))}"
    return Gone(f"the forecast of {key.model} from {what} is past its keeping time")


def encode(context: ApiContext, key: Key, media: str) -> bytes:
    """A forecast of the archive in a form."""
    if media == NETCDF:
        return context.archive.forecast_bytes(key)
    forecast = context.archive.forecast(key)
    if media == JSON:
        return orjson.dumps(document(context, forecast), option=orjson.OPT_SERIALIZE_NUMPY)
    if known_grid(forecast) is None:
        raise no_picture()
    # matplotlib takes half a second, and few ask for pictures
    from service.plots.fields import of_forecast

    return of_forecast(forecast, radar(context, key))


def no_picture() -> NotAcceptable:
    return NotAcceptable(f"there is no picture on a grid of your own, only {JSON} and {NETCDF}")


def tag(key: Key, media: str) -> str:
    """The entity tag: each form has its own, lest a cache takes a picture for the numbers."""
    form = {JSON: "", NETCDF: "-netcdf", PNG: "-png"}[media]
    return f'"{key.id}{form}"'


def location(key: Key) -> str:
    """Where the forecast of a key stays."""
    if key.upload:
        return f"/jobs/{key.id}/results"
    return f"/nowcasts/{iso(to_datetime(key.issue))}?model={key.model.replace('+', '%2B')}"


def radar(context: ApiContext, key: Key) -> DataArray | None:
    """The frame a forecast starts from, where the archive still has it."""
    try:
        if key.upload:
            return context.archive.upload(key.upload).isel(time=[-1])
        return context.archive.frame(key.issue)
    except NoFrame:
        return None


def document(context: ApiContext, forecast: DataArray) -> dict[str, Any]:
    """A forecast as the schema `Forecast` has it."""
    key = key_of(forecast)
    issue = to_datetime(key.issue)
    generated = datetime.fromisoformat(forecast.attrs["generated_at"])
    valid = forecast.notnull().mean(["y", "x"]).values
    forms = ["netcdf"] if known_grid(forecast) is None else ["netcdf", "png"]
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
        "lead_minutes": lead_minutes(forecast),
        "valid_times": [iso(to_datetime(time)) for time in forecast["time"].values],
        "coverage": [coverage(ratio) for ratio in valid.tolist()],
        "skill": [] if key.upload else known_skill(context, key, issue),
        "grid": grid_of(forecast),
        "rainfall_rate": np.round(forecast.values, 2),
        "exceedance_probability": [
            {"threshold": threshold, "values": np.round(probability.values, 2)}
            for threshold, probability in exceedance_probabilities(forecast).items()
        ],
        "bridged": listed(forecast, "bridged"),
        "chosen": listed(forecast, "chosen"),
        "attribution": credit(forecast),
        "licence": ABOUT["licence"],
        "links": [
            {"rel": "self", "href": location(key)},
            *({"rel": "alternate", "href": other_form(key, form)} for form in forms),
        ],
    }


def other_form(key: Key, form: str) -> str:
    return f"{location(key)}{'?' if key.upload else '&'}f={form}"


def listed(forecast: DataArray, attribute: str) -> list[str]:
    """What an attribute lists, separated by commas."""
    found: str = forecast.attrs.get(attribute, "")
    return found.split(",") if found else []


def lead_minutes(forecast: DataArray) -> list[int]:
    found: list[int] = (forecast["lead_time"].values / np.timedelta64(1, "m")).astype(int).tolist()
    return found


def coverage(ratio: float) -> dict[str, Any]:
    state = "none" if ratio == 0 else "partial" if ratio < 1 else "ok"
    return {"state": state, "valid_ratio": round(ratio, 4)}


def known_skill(context: ApiContext, key: Key, issue: datetime) -> list[dict[str, Any]]:
    """Skill of a model over the days before an issue, as it could be known then.

    Without the leads valid at the issue itself, which are verified after the forecast is made: what
    is sent of a forecast shall not change.
    """
    rows = verification.recent(
        context.ledger, key.model, issue - timedelta(days=SKILL_DAYS), issue - timedelta(minutes=5)
    )
    names = ("lead_minutes", "threshold", "n_valid", *SCORES)
    return [{name: row[name] for name in names} for row in rows]


def grid_of(forecast: DataArray) -> dict[str, Any]:
    grid = known_grid(forecast)
    return {
        "shape": list(forecast.shape[-2:]),
        "projection": grid.projection if grid else forecast["crs"].attrs.get("crs_wkt"),
        "x": forecast["x"].values.tolist(),
        "y": forecast["y"].values.tolist(),
        "origin": "row 0 is the northernmost, column 0 the westernmost",
    }
