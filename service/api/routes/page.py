"""Routes of the map page and its static files."""

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from service.api.page.static_files import conditional_response
from service.api.representations import IMMUTABLE

router = APIRouter(include_in_schema=False)

INDEX = "index.html"
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
            "frame-ancestors 'self'",
        )
    ),
    "Permissions-Policy": "geolocation=(self)",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Headers of every file of the page: nothing from other origins, nothing inline."""


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
        f'<link rel="modulepreload" href="{folder}/{name}">'
        for name in contents
        if name.endswith(".js")
    )
    index = contents.pop(INDEX).decode().format(files=folder, modules=modules)
    return Site(digest, index.encode(), contents)


@router.get("/")
def index(request: Request) -> Response:
    """The map page."""
    return static_response(request, INDEX, site().html, "no-cache")


@router.get("/page/{digest}/{name}")
def file(request: Request, digest: str, name: str) -> Response:
    """A static file of the page."""
    content = site().files.get(name) if digest == site().digest else None
    if content is None:
        raise HTTPException(404, f"the page has no file {name!r}; reload the page")
    return static_response(request, name, content, IMMUTABLE)


def static_response(request: Request, name: str, content: bytes, cache_control: str) -> Response:
    """The response with a static file, with the headers of the page."""
    headers = {**HEADERS, "Cache-Control": cache_control}
    return conditional_response(
        request, f"{site().digest}-{name}", lambda: content, headers, MEDIA[Path(name).suffix]
    )
