"""Authentication by API key and the rate limit, as plain ASGI middleware."""

import time
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.connections.connection_table import client_network
from service.api.connections.rate_limiter import RateLimiter
from service.api.middleware.api_keys import KeyFile
from service.api.problems import problem

PUBLIC_PATHS = frozenset({"/healthz", "/readyz", "/metrics", "/", "/embed", "/push-worker.js"})
"""Paths without key and rate limit: monitoring, and the map page, which sends its key itself."""
PUBLIC_PREFIXES = ("/page/", "/embed/")
"""Paths of the static files of the page and the place card, also without key and rate limit."""
KEY_HEADER = "X-API-Key"


class AccessControl:
    """Refuses requests without a valid API key (401) or above the rate limit (429).

    Args:
        app: The application behind this middleware.
        keys: The valid API keys; None disables authentication.
        per_minute: Requests per minute of a client whose key sets no limit of its own; 0 for no
            limit.
    """

    def __init__(self, app: ASGIApp, keys: KeyFile | None, per_minute: int) -> None:
        self.app, self.keys, self.per_minute = app, keys, per_minute
        self.rate_limiter = RateLimiter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] != "http" or is_public(scope["path"]):
            await self.app(scope, receive, send)
            return
        key = self.keys.find(request_key(scope)) if self.keys else None
        client = f"key {key.name}" if key else client_address(scope)
        scope.setdefault("state", {})["client"] = client
        per_minute = self.per_minute if key is None or key.per_minute is None else key.per_minute
        limit_headers: dict[str, str] = {}
        app: ASGIApp = self.app if key or self.keys is None else unauthorized
        if per_minute:
            state = self.rate_limiter.acquire(client, per_minute, time.monotonic())
            limit_headers = state.headers(per_minute)
            app = too_many_requests if state.wait_seconds else app

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers.update(limit_headers)
                cache_control = headers.get("Cache-Control", "")
                if self.keys is not None and cache_control.startswith("public"):
                    # A shared cache would serve a public response to clients without a key.
                    headers["Cache-Control"] = cache_control.replace("public", "private", 1)
            await send(message)

        await app(scope, receive, send_with_headers if limit_headers or self.keys else send)


def is_public(path: str) -> bool:
    """Whether a path needs no API key and has no rate limit."""
    return path in PUBLIC_PATHS or path.startswith(PUBLIC_PREFIXES)


async def unauthorized(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond 401: the API key is missing or unknown."""
    has_key = bool(request_key(scope))
    response = problem(
        Request(scope),
        HTTPStatus.UNAUTHORIZED,
        "NoKey",
        "API key required",
        "the API key is unknown or has been revoked; ask the operator for a new one"
        if has_key
        else f"send an API key as `Authorization: Bearer KEY` or `{KEY_HEADER}: KEY`",
        headers={
            "WWW-Authenticate": 'Bearer realm="nowcast"'
            + (', error="invalid_token"' if has_key else "")
        },
    )
    await response(scope, receive, send)


async def too_many_requests(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond 429: the client is above its rate limit."""
    response = problem(
        Request(scope),
        HTTPStatus.TOO_MANY_REQUESTS,
        "TooManyRequests",
        "Rate limit exceeded",
        "this client is above its rate limit; wait as many seconds as Retry-After says",
    )
    await response(scope, receive, send)


def request_key(scope: Scope) -> str:
    """The API key sent with a request, or an empty string."""
    headers = Headers(scope=scope)
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get(KEY_HEADER, "")


def client_address(scope: Scope) -> str:
    """The IPv4 address of a client, or its IPv6 network (/64, that of one customer)."""
    return client_network(scope["client"][0] if scope.get("client") else "")
