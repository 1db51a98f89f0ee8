"""Who comes in, and how often. Plain ASGI, as the limits are."""

import time
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.middleware.api_keys import KeyFile
from service.api.middleware.rate_limiter import RateLimiter
from service.api.problems import problem

OPEN = frozenset({"/healthz", "/readyz", "/metrics", "/"})
"""For those who watch over the service, and the page, which asks for a key itself; without key and
limit."""
OPEN_BELOW = "/page/"
KEY_HEADER = "X-API-Key"


class AccessControl:
    """Lets in who has a key, where there are keys, and not too often.

    Args:
        keys: The keys; None lets everybody in.
        per_minute: Requests of one client whose key says no other; 0 for no limit.
    """

    def __init__(self, app: ASGIApp, keys: KeyFile | None, per_minute: int) -> None:
        self.app, self.keys, self.per_minute = app, keys, per_minute
        self.rate_limiter = RateLimiter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        key = self.keys.holder(secret(scope)) if self.keys else None
        client = f"key {key.name}" if key else address(scope)
        scope.setdefault("state", {})["client"] = client
        per_minute = self.per_minute if key is None or key.per_minute is None else key.per_minute
        said: dict[str, str] = {}
        app: ASGIApp = self.app if key or self.keys is None else no_key
        if per_minute:
            verdict = self.rate_limiter.acquire(client, per_minute, time.monotonic())
            said = verdict.headers(per_minute)
            app = too_many if verdict.wait_seconds else app

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers.update(said)
                kept = headers.get("Cache-Control", "")
                if self.keys is not None and kept.startswith("public"):
                    # Else a cache on the way would send it to those who have no key.
                    headers["Cache-Control"] = kept.replace("public", "private", 1)
            await send(message)

        await app(scope, receive, tell if said or self.keys else send)


def is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_BELOW)


async def no_key(scope: Scope, receive: Receive, send: Send) -> None:
    given = bool(secret(scope))
    answer = problem(
        Request(scope),
        HTTPStatus.UNAUTHORIZED,
        "NoKey",
        "It takes an API key.",
        "the API key is unknown or has been revoked; ask the operator for another"
        if given
        else f"send an API key as `Authorization: Bearer KEY` or `{KEY_HEADER}: KEY`",
        headers={
            "WWW-Authenticate": 'Bearer realm="nowcast"'
            + (', error="invalid_token"' if given else "")
        },
    )
    await answer(scope, receive, send)


async def too_many(scope: Scope, receive: Receive, send: Send) -> None:
    answer = problem(
        Request(scope),
        HTTPStatus.TOO_MANY_REQUESTS,
        "TooManyRequests",
        "One client asks too often.",
        "this client has used up its requests for now; wait as long as Retry-After says",
    )
    await answer(scope, receive, send)


def secret(scope: Scope) -> str:
    """The API key a request comes with, or nothing."""
    headers = Headers(scope=scope)
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get(KEY_HEADER, "")


def address(scope: Scope) -> str:
    """Where a request comes from: an address, of IPv6 the network of one customer (/64)."""
    return network(scope["client"][0] if scope.get("client") else "")


@lru_cache(1024)
def network(host: str) -> str:
    try:
        found = ip_address(host)
    except ValueError:
        return host
    if not isinstance(found, IPv6Address):
        return host
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
