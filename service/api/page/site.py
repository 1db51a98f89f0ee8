"""The files of the map page, read once. Imports nothing that is large: the page is served first."""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from service.settings import Settings

INDEX, ENTRY_POINT = "index.html", "app.js"
IMPORTS = re.compile(r'^(?:import|\}) .*from "\./([^"]+)";$', re.MULTILINE)
"""Imports of modules at their top."""
COMMENTS = re.compile(rb"^[ ]*(?://[^\n]*|/\*\*.*?\*/)\n", re.MULTILINE | re.DOTALL)
"""Comments of modules that have lines of their own."""
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


def page_headers(settings: "Settings") -> dict[str, str]:
    """Headers of a file of the page, with the origins that may show it in a frame."""
    policy = "Content-Security-Policy"
    ancestors = " ".join(("frame-ancestors 'self'", *settings.frame_ancestors))
    return {**HEADERS, policy: f"{HEADERS[policy]}; {ancestors}"}


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
        file.name: without_comments(file.name, file.read_bytes())
        for file in sorted(files("service.api.page").joinpath("static").iterdir(), key=str)
    }
    digest = hashlib.sha256(b"".join(contents.values())).hexdigest()[:16]
    folder = f"page/{digest}"
    modules = "\n".join(
        f'<link rel="modulepreload" href="{folder}/{name}">' for name in first_modules(contents)
    )
    index = contents.pop(INDEX).decode().format(files=folder, modules=modules)
    return Site(digest, index.encode(), contents)


def without_comments(name: str, content: bytes) -> bytes:
    """A file as it is sent: of a module without the comments, which are a fifth of it."""
    return COMMENTS.sub(b"", content) if name.endswith(".js") else content


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
