"""The map page and the files it is made of."""

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from service.api.page.static_files import send
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
"""Of every file of the page: nothing from elsewhere, nothing inline."""


class Site(NamedTuple):
    """The page: its front, and its other files by name. All are served under the digest of all, so
    that a browser may keep them for ever and never mixes two versions."""

    digest: str
    front: bytes
    others: dict[str, bytes]


@cache
def site() -> Site:
    there = {
        file.name: file.read_bytes()
        for file in sorted(files("service.api.page").joinpath("static").iterdir(), key=str)
    }
    digest = hashlib.sha256(b"".join(there.values())).hexdigest()[:16]
    folder = f"page/{digest}"
    modules = "\n".join(
        f'<link rel="modulepreload" href="{folder}/{name}">'
        for name in there
        if name.endswith(".js")
    )
    front = there.pop(INDEX).decode().format(files=folder, modules=modules)
    return Site(digest, front.encode(), there)


@router.get("/")
def front(request: Request) -> Response:
    """The map."""
    return sent(request, INDEX, site().front, "no-cache")


@router.get("/page/{digest}/{name}")
def file(request: Request, digest: str, name: str) -> Response:
    """A file of the page."""
    content = site().others.get(name) if digest == site().digest else None
    if content is None:
        raise HTTPException(404, f"the page has no file {name!r} now; load it anew")
    return sent(request, name, content, IMMUTABLE)


def sent(request: Request, name: str, content: bytes, kept: str) -> Response:
    headers = {**HEADERS, "Cache-Control": kept}
    return send(
        request, f"{site().digest}-{name}", lambda: content, headers, MEDIA[Path(name).suffix]
    )
