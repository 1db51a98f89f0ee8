"""Refuses writes by web pages of other origins, as plain ASGI middleware.

An API without keys on this machine could otherwise be used by any page that a browser on this
machine shows.
"""

from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import QUOTED, problem

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OWN_SITES = ("same-origin", "none")
"""Values of Sec-Fetch-Site of requests by a page of the service, or by the user."""
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class SameOrigin:
    """Refuses writes to another host name (421) and by pages of other origins (403).

    Args:
        app: The application behind this middleware.
        hosts: Names of the service in the header Host; None for any name. A page can give any name
            of its own the address of this machine (DNS rebinding), and only Host shows it.
        origins: Origins whose pages can write; * for all.
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str] | None, origins: Collection[str]
    ) -> None:
        self.app, self.origins = app, origins
        self.hosts = None if hosts is None else {name.lower() for name in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self.hosts is not None and host_name(host) not in self.hosts:
            status, kind, title = HTTPStatus.MISDIRECTED_REQUEST, "OtherHost", "Unknown host name"
            detail = (
                f"Host is {host[:QUOTED]!r}, should be one of {', '.join(sorted(self.hosts))}; "
                f"NOWCAST_ALLOWED_HOSTS adds others"
            )
        elif not self._is_own(headers, host):
            status, kind, title = HTTPStatus.FORBIDDEN, "OtherOrigin", "Page of another origin"
            detail = (
                "the request is by a page of another origin; NOWCAST_CORS_ORIGINS names the "
                "origins whose pages can write"
            )
        else:
            await self.app(scope, receive, send)
            return
        await problem(Request(scope), status, kind, title, detail)(scope, receive, send)

    def _is_own(self, headers: Headers, host: str) -> bool:
        """Whether a request is by a page of the service, of an allowed origin, or by no page."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None and ("*" in self.origins or origin in self.origins):
            return True
        if site is not None:
            return site in OWN_SITES
        return origin is None or urlsplit(origin).netloc.lower() == host.lower()


def host_name(host: str) -> str:
    """The name or address in a header Host, without the port, in lower case."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
