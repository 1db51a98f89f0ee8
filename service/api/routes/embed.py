"""A place card for other pages: `/embed` for a frame, and a web component of one file."""

import hashlib
from importlib.resources import files
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.exceptions import HTTPException

from service.api.dependencies import Context
from service.api.page.site import page_headers
from service.api.page.static_files import conditional_response

router = APIRouter(include_in_schema=False)

MEDIA = {"nowcast-place.js": "text/javascript", "embed.js": "text/javascript"}
HOUR = "public, max-age=3600"


@router.get("/embed")
def embed(
    request: Request,
    context: Context,
    lat: Annotated[float, Query(ge=-90, le=90)] = 52.52,
    lon: Annotated[float, Query(ge=-180, le=180)] = 13.41,
    name: Annotated[str, Query(max_length=60)] = "",
    lang: Literal["de", "en"] | None = None,
    theme: Literal["dark", "light"] | None = None,
) -> Response:
    """A small page with the forecast at a place, without cookies; its script reads the URL."""
    del lat, lon, name, lang, theme
    return file_response(request, context, "embed.html", "text/html")


@router.get("/embed/{name}")
def embed_file(request: Request, context: Context, name: str) -> Response:
    """A script of the place card."""
    if name not in MEDIA:
        raise HTTPException(404, f"there is no file {name[:60]!r}, only {', '.join(MEDIA)}")
    return file_response(request, context, name, MEDIA[name])


def file_response(request: Request, context: Context, name: str, media: str) -> Response:
    """The response with a file of the place card."""
    content = files("service.api.page").joinpath("embed", name).read_bytes()
    headers = page_headers(context.settings) | {"Cache-Control": HOUR}
    tag = hashlib.sha256(content).hexdigest()[:16]
    return conditional_response(request, tag, lambda: content, headers, media)
