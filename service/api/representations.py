"""A forecast in the form a client takes: JSON, netCDF or a picture, with its entity tag."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import orjson
from fastapi import Request, Response
from xarray import DataArray

from ingest.grid import known_grid
from ingest.netcdf import ABOUT
from ingest.precipitation import UNITS, chances, credit
from service import picture, skill
from service.api.dependencies import Desk
from service.archive import Key, key_of, to_datetime
from service.errors import NotAcceptable
from service.tasks import iso

JSON, NETCDF, PNG = "application/json", "application/x-netcdf", "image/png"
OFFERED = {
    JSON: (JSON,),
    NETCDF: (NETCDF, "application/netcdf"),
    # A browser's address bar wants text/html: what it can show of a forecast is its picture.
    PNG: (PNG, "text/html"),
}
"""Names by which a client may ask for what there is; of equals the first is sent."""
FORMATS = {"json": JSON, "netcdf": NETCDF, "png": PNG}
SKILL_DAYS = 7
IMMUTABLE = "public, max-age=31536000, immutable"
SHORT_LIVED = "public, max-age=30"


def chosen(request: Request) -> str:
    """The media type to answer in, by the parameter `f` or else by `Accept`.

    Raises:
        NotAcceptable: The client takes none that there is.
    """
    if named := request.query_params.get("f"):
        if named not in FORMATS:
            raise NotAcceptable(f"f is {named!r}, should be one of {', '.join(FORMATS)}")
        return FORMATS[named]
    wanted = ",".join(request.headers.getlist("accept")) or "*/*"
    qualities = {
        media: max(quality(name, wanted) for name in names) for media, names in OFFERED.items()
    }
    best = max(qualities, key=lambda media: qualities[media])
    if qualities[best] == 0:
        raise NotAcceptable(f"there is no {wanted}, only {JSON}, {NETCDF} and {PNG}")
    return best


def quality(media: str, accept: str) -> float:
    """How much a media type is wanted by an Accept header, 0 for not at all.

    The most specific range counts (RFC 9110, section 12.5.1).
    """
    weights: dict[str, float] = {}
    for part in accept.lower().split(","):
        pattern, *parameters = (piece.strip() for piece in part.split(";"))
        said = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            weights[pattern] = float(said)
        except ValueError:
            weights[pattern] = 0.0
    ranges = (media, f"{media.partition('/')[0]}/*", "*/*")
    weight = next((weights[pattern] for pattern in ranges if pattern in weights), 0.0)
    return weight if weight > 0 else 0.0  # nor is NaN wanted


def respond(request: Request, desk: Desk, key: Key, *, latest: bool = False) -> Response:
    """The forecast of a key in the form the client takes; 304 where it has it already.

    Raises:
        NoForecast: There is none.
        NotAcceptable: The client takes none of the forms there are.
    """
    media = chosen(request)
    headers = {
        "ETag": tag(key, media),
        "Cache-Control": SHORT_LIVED if latest else IMMUTABLE,
        "Vary": "Accept",
        "Content-Location": location(key),
        "Link": f'<{location(key)}>; rel="canonical"',
    }
    if desk.archive.has_forecast(key) and held(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    forecast = desk.archive.forecast(key)
    if media == NETCDF:
        content = desk.archive.forecast_path(key).read_bytes()
        headers["Content-Disposition"] = f'attachment; filename="{key.id}.nc"'
    elif media == PNG:
        content = picture.of_forecast(forecast, radar(desk, forecast))
    else:
        content = orjson.dumps(document(desk, forecast), option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(content, media_type=media, headers=headers)


def tag(key: Key, media: str) -> str:
    """The entity tag: each form has its own, lest a cache takes a picture for the numbers."""
    form = {JSON: "", NETCDF: "-netcdf", PNG: "-png"}[media]
    return f'"{key.id}{form}"'


def held(request: Request, tag: str) -> bool:
    """Whether the client says that it has this already (RFC 9110, section 13.1.2)."""
    if request.method not in ("GET", "HEAD"):
        return False
    said = ",".join(request.headers.getlist("if-none-match")).split(",")
    tags = [text.strip().removeprefix("W/") for text in said]
    return tag in tags or "*" in tags


def location(key: Key) -> str:
    return f"/nowcasts/{iso(to_datetime(key.issue))}?model={key.model.replace('+', '%2B')}"


def radar(desk: Desk, forecast: DataArray) -> DataArray | None:
    """The frame a forecast starts from, where the archive still has it."""
    issue = key_of(forecast).issue
    return desk.archive.frame(issue) if desk.archive.has_frame(issue) else None


def document(desk: Desk, forecast: DataArray) -> dict[str, Any]:
    """A forecast as the schema `Forecast` has it."""
    key = key_of(forecast)
    issue = to_datetime(key.issue)
    generated = datetime.fromisoformat(forecast.attrs["generated_at"])
    valid = forecast.notnull().mean(["y", "x"]).values
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
        "skill": known_skill(desk, key, issue),
        "grid": grid_of(forecast),
        "rainfall_rate": np.round(forecast.values, 2),
        "probability": [
            {"threshold": threshold, "values": np.round(chance.values, 2)}
            for threshold, chance in chances(forecast).items()
        ],
        "attribution": credit(forecast),
        "licence": ABOUT["licence"],
        "links": [
            {"rel": "self", "href": location(key)},
            {"rel": "alternate", "href": f"{location(key)}&f=netcdf"},
            {"rel": "alternate", "href": f"{location(key)}&f=png"},
        ],
    }


def lead_minutes(forecast: DataArray) -> list[int]:
    found: list[int] = (forecast["lead_time"].values / np.timedelta64(1, "m")).astype(int).tolist()
    return found


def coverage(ratio: float) -> dict[str, Any]:
    state = "none" if ratio == 0 else "partial" if ratio < 1 else "ok"
    return {"state": state, "valid_ratio": round(ratio, 4)}


def known_skill(desk: Desk, key: Key, issue: datetime) -> list[dict[str, Any]]:
    """Skill of a model over the days before an issue, as it could be known then.

    Without the leads valid at the issue itself, which are verified after the forecast is made: what
    is sent of a forecast shall not change.
    """
    rows = skill.recent(
        desk.ledger, key.model, issue - timedelta(days=SKILL_DAYS), issue - timedelta(minutes=5)
    )
    names = ("lead_minutes", "threshold", "n_valid", *skill.SCORES)
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
