"""Routes of the map page and its static files."""

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.exceptions import HTTPException

from service.api.dependencies import ApiContext, Context
from service.api.edr.documents import base_url, document_response
from service.api.edr.metadata import OPENAPI, landing_page
from service.api.edr.options import check_format
from service.api.negotiation import accept_of, quality
from service.api.page.site import INDEX, MEDIA, page_headers, site
from service.api.page.static_files import conditional_response
from service.api.representations import IMMUTABLE
from service.pipeline.upload import JSON

router = APIRouter(include_in_schema=False)

WORKER = "push-worker.js"
LANDING_FORMATS = ("json", "html")
SERVICE_LINKS = (
    f'</openapi.json>; rel="service-desc"; type="{OPENAPI}"',
    '</docs>; rel="service-doc"; type="text/html"',
    '</conformance>; rel="conformance"; type="application/json"',
    '</collections>; rel="data"; type="application/json"',
)
"""The header `Link` of the landing page (RFC 8631)."""


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
    check_format(f, *LANDING_FORMATS)
    accept = accept_of(request)
    wants_page = quality("text/html", accept) > quality(JSON, accept)
    if wants_page if f is None else f.lower() == "html":
        response = static_response(request, context, INDEX, site().html, "no-cache")
    else:
        document = landing_page(context.area, base_url(request))
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


@router.get("/push-worker.js")
def push_worker(request: Request, context: Context) -> Response:
    """The service worker that shows messages of Web Push, in the scope of the whole page."""
    content = files("service.api.page").joinpath("worker", WORKER).read_bytes()
    headers = {**page_headers(context.settings), "Cache-Control": "no-cache"}
    tag = hashlib.sha256(content).hexdigest()[:16]
    return conditional_response(request, tag, lambda: content, headers, MEDIA[".js"])


def static_response(
    request: Request, context: ApiContext, name: str, content: bytes, cache_control: str
) -> Response:
    """The response with a static file, with the headers of the page."""
    headers = {**page_headers(context.settings), "Cache-Control": cache_control}
    return conditional_response(
        request, f"{site().digest}-{name}", lambda: content, headers, MEDIA[Path(name).suffix]
    )
