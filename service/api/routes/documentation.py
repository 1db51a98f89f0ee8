"""The OpenAPI document, and Swagger UI and ReDoc of it, with files of the service only."""

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from service.api.dependencies import Context
from service.api.edr.metadata import OPENAPI
from service.api.encoded_cache import json_bytes
from service.api.negotiation import accept_of, quality
from service.api.page.static_files import conditional_response
from service.api.representations import IMMUTABLE
from service.pipeline.upload import JSON

router = APIRouter(include_in_schema=False)

PACKAGE = "fastapi_offline"
"""Python package with the files of Swagger UI and ReDoc."""
MEDIA = {".js": "text/javascript", ".css": "text/css", ".png": "image/png"}
SCRIPTS = {
    "swagger.js": b"""SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#documentation",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
});
""",
    "redoc.js": b"""Redoc.init(
  "openapi.json", { disableSearch: true }, document.getElementById("documentation")
);
""",
}
"""Scripts that start them: inline ones would need a weaker policy."""
HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",  # ReDoc adds style elements
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
}
"""Headers of the pages and their files: nothing from other origins, no inline scripts."""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Nowcast - {name}</title>
<link rel="icon" href="docs/{digest}/favicon.png">
{styles}</head>
<body>
<div id="documentation"></div>
<script src="docs/{digest}/{library}"></script>
<script src="docs/{digest}/{script}"></script>
</body>
</html>
"""


@cache
def static_content() -> dict[str, bytes]:
    """The files of both pages by name."""
    folder = files(PACKAGE).joinpath("static")
    return {file.name: file.read_bytes() for file in folder.iterdir()} | SCRIPTS


@cache
def digest() -> str:
    """Digest of all files, part of their URLs, so that a browser may cache them for ever."""
    content = static_content()
    return hashlib.sha256(b"".join(content[name] for name in sorted(content))).hexdigest()[:16]


@router.get("/openapi.json")
def openapi_document(request: Request, context: Context) -> Response:
    """The OpenAPI document, under its own media type where a client prefers that."""

    def encode() -> bytes:
        return json_bytes(request.app.openapi())

    content = context.encoded_cache.get("openapi", encode)
    accept = accept_of(request)
    prefers_own = quality(OPENAPI.partition(";")[0], accept) > quality(JSON, accept)
    tag = hashlib.sha256(content).hexdigest()[:16]
    headers = {"Cache-Control": "no-cache", "Vary": "Accept"}
    media = OPENAPI if prefers_own else JSON
    return conditional_response(
        request, f"{tag}-openapi" if prefers_own else tag, lambda: content, headers, media
    )


@router.get("/docs")
def swagger_ui(request: Request) -> Response:
    """The documentation by Swagger UI, which can send requests."""
    styles = f'<link rel="stylesheet" href="docs/{digest()}/swagger-ui.css">\n'
    names = {"library": "swagger-ui-bundle.js", "script": "swagger.js", "styles": styles}
    return page_response(request, "Swagger UI", names)


@router.get("/redoc")
def redoc(request: Request) -> Response:
    """The documentation by ReDoc."""
    names = {"library": "redoc.standalone.js", "script": "redoc.js", "styles": ""}
    return page_response(request, "ReDoc", names)


@router.get("/docs/{version}/{name}")
def static_file(request: Request, version: str, name: str) -> Response:
    """A file of the documentation."""
    content = static_content().get(name) if version == digest() else None
    if content is None:
        raise HTTPException(404, f"the documentation has no file {name!r}; reload the page")
    headers = {**HEADERS, "Cache-Control": IMMUTABLE}
    media = MEDIA[Path(name).suffix]
    return conditional_response(request, f"{version}-{name}", lambda: content, headers, media)


def page_response(request: Request, name: str, names: dict[str, str]) -> Response:
    """The response with a page of the documentation."""
    page = PAGE.format(name=name, digest=digest(), **names).encode()
    headers = {**HEADERS, "Cache-Control": "no-cache"}
    tag = f"{digest()}-{names['script']}-page"
    return conditional_response(request, tag, lambda: page, headers, "text/html")
