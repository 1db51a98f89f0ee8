"""Routes of the map page and its static files."""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from starlette.exceptions import HTTPException

from service.api.dependencies import ApiContext, Context
from service.api.edr.documents import base_url, document_response
from service.api.edr.metadata import OPENAPI, landing_page
from service.api.negotiation import quality
from service.api.page.static_files import conditional_response
from service.api.representations import IMMUTABLE
from service.errors import BadQuery
from service.pipeline.upload import JSON
from service.settings import Settings

router = APIRouter(include_in_schema=False)

INDEX, ENTRY_POINT = "index.html", "app.js"
IMPORTS = re.compile(r'^(?:import|\}) .*from "\./([^"]+)";$', re.MULTILINE)
"""Imports of modules at their top."""
MEDIA = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    ),
    "Permissions-Policy": "geolocation=(self)",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Headers of every file of the page: nothing from other origins, nothing inline."""


def page_headers(settings: Settings) -> dict[str, str]:
    """Headers of a file of the page, with the origins that may show it in a frame."""
    policy = "Content-Security-Policy"
    ancestors = " ".join(("frame-ancestors 'self'", *settings.frame_ancestors))
    return {**HEADERS, policy: f"{HEADERS[policy]}; {ancestors}"}


LANDING_FORMATS = ("json", "html")
SERVICE_LINKS = (
    f'</openapi.json>; rel="service-desc"; type="{OPENAPI}"',
    '</docs>; rel="service-doc"; type="text/html"',
    '</conformance>; rel="conformance"; type="application/json"',
    '</collections>; rel="data"; type="application/json"',
)
"""The header `Link` of the landing page (RFC 8631)."""


class Site(NamedTuple):
    """The map page.

    Attributes:
        digest: Digest of all files, part of their URLs, so that a browser may cache them for ever
            and never mixes two versions.
        html: The HTML page.
        files: The other files by name.
    """

    digest: str
    html: bytes
    files: dict[str, bytes]


@cache
def site() -> Site:
    """The map page, read once."""
    contents = {
        file.name: file.read_bytes()
        for file in sorted(files("service.api.page").joinpath("static").iterdir(), key=str)
    }
    digest = hashlib.sha256(b"".join(contents.values())).hexdigest()[:16]
    folder = f"page/{digest}"
    modules = "\n".join(
        f'<link rel="modulepreload" href="{folder}/{name}">' for name in first_modules(contents)
    )
    index = contents.pop(INDEX).decode().format(files=folder, modules=modules)
    return Site(digest, index.encode(), contents)


def first_modules(contents: Mapping[str, bytes]) -> list[str]:
    """Names of the modules that the entry point needs at once, not those it loads later."""
    found: dict[str, None] = {}
    pending = [ENTRY_POINT]
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = None
            pending += IMPORTS.findall(contents[name].decode())
    return sorted(found)


@router.get("/")
def index(
    request: Request,
    context: Context,
    f: Annotated[
        str | None,
        Query(description="`html` for the map, `json` for the landing page of the API."),
    ] = None,
) -> Response:
    """The map page for browsers, the landing page of the API for other clients."""
    if f not in (None, *LANDING_FORMATS):
        raise BadQuery(f"f is {f[:60]!r}, should be one of {', '.join(LANDING_FORMATS)}")
    accept = ",".join(request.headers.getlist("accept")) or "*/*"
    wants_page = quality("text/html", accept) > quality(JSON, accept)
    if f == "html" or (f is None and wants_page):
        response = static_response(request, context, INDEX, site().html, "no-cache")
    else:
        document = landing_page(base_url(request))
        response = document_response(request, document, JSON)
    response.headers["Link"] = ", ".join(SERVICE_LINKS)
    response.headers["Vary"] = "Accept"
    return response


@router.get("/page/{digest}/{name}")
def file(request: Request, context: Context, digest: str, name: str) -> Response:
    """A static file of the page."""
    content = site().files.get(name) if digest == site().digest else None
    if content is None:
        raise HTTPException(404, f"the page has no file {name!r}; reload the page")
    return static_response(request, context, name, content, IMMUTABLE)


def static_response(
    request: Request, context: ApiContext, name: str, content: bytes, cache_control: str
) -> Response:
    """The response with a static file, with the headers of the page."""
    headers = {**page_headers(context.settings), "Cache-Control": cache_control}
    return conditional_response(
        request, f"{site().digest}-{name}", lambda: content, headers, MEDIA[Path(name).suffix]
    )
