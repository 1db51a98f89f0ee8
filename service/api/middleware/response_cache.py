"""Cache of complete responses for 0.25 s, as plain ASGI middleware.

Most readers ask for the newest forecast and receive the same bytes. Finding out that it is still
the newest takes a thread, the archive and the ledger for each of them; with this cache one request
does so a few times a second. The added delay lies within the freshness that responses state in
`Cache-Control`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from cachetools import LRUCache
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.encoded_cache import EncodedCache
from service.api.middleware.codings import Coding, preferred_coding
from service.api.middleware.compression import plain_tag
from service.api.middleware.entity_tags import CONTENT_HEADERS

FRESH_SECONDS = 0.25
"""Age up to which a response is served without revalidation."""
LONGEST_SECONDS = 2.0
"""Age up to which a response is served while another request revalidates it."""
MOST_BYTES = 64 * 2**20
"""Bytes of all cached bodies: the newest forecasts of all models in some encodings. Most bodies are
shared with the `EncodedCache` and take no further memory."""
LONGEST_KEY = 500
"""Longest URL plus Accept header that is cached, in characters."""

CacheKey = tuple[str, bytes, bytes, Coding | None]
"""Path, query, Accept header and content coding: what a response depends on."""
VARY = {"accept", "accept-encoding"}
"""Headers that a cached response may vary by."""
Headers = list[tuple[bytes, bytes]]
OnResponse = Callable[[str, str, int, float], object]
"""Called for each response from the cache: method, path template, status, seconds."""


@dataclass
class CachedResponse:
    """A response and when it was made.

    Attributes:
        headers: Response headers.
        body: Response body.
        etag: Entity tag of the response.
        route: The route that made the response.
        created: Time of the response by the clock of the cache, in seconds.
        revalidating: A request is finding out whether the response is still current.
    """

    headers: Headers
    body: bytes
    etag: bytes
    route: Any
    created: float
    revalidating: bool = False


def body_bytes(response: CachedResponse) -> int:
    """Bytes that a response takes in the cache."""
    return len(response.body)


class ResponseCache:
    """Serves public responses with an entity tag again, within a fraction of a second.

    Args:
        app: The application behind this middleware.
        encoded_cache: Counts each hit as a hit of its own.
        clock: Monotonic time in seconds.
        on_response: Called for each response from the cache, where no other middleware counts it.
    """

    def __init__(
        self,
        app: ASGIApp,
        encoded_cache: EncodedCache,
        clock: Callable[[], float] = time.monotonic,
        on_response: OnResponse | None = None,
    ) -> None:
        self.app, self.encoded_cache, self.clock = app, encoded_cache, clock
        self.on_response = on_response
        self._responses: LRUCache[CacheKey, CachedResponse] = LRUCache(MOST_BYTES, body_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        begin = perf_counter()
        key, known_tags = cache_key(scope)
        if key is None:
            await self.app(scope, receive, send)
        elif (response := self._lookup(key)) is not None:
            self.encoded_cache.on_request(True)  # noqa: FBT003  a hit
            scope["route"] = response.route
            status = await send_cached(response, known_tags, send)
            if self.on_response is not None:
                self.on_response("GET", response.route.path, status, perf_counter() - begin)
        else:
            await self._forward(key, scope, receive, send)

    def _lookup(self, key: CacheKey) -> CachedResponse | None:
        """The response of a key, or None where this request has to make or revalidate it."""
        response = self._responses.get(key)
        if response is None:
            return None
        age = self.clock() - response.created
        if age > LONGEST_SECONDS or (age > FRESH_SECONDS and not response.revalidating):
            response.revalidating = True
            return None
        return response

    async def _forward(self, key: CacheKey, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application and store its response."""
        headers: Headers = []
        stored = False

        async def send_and_store(message: Message) -> None:
            nonlocal stored
            if message["type"] == "http.response.start":
                headers[:] = message["headers"] if message["status"] == 200 else []
                stored = message["status"] == 304 and self._renew(key, message["headers"])
            elif headers and not message.get("more_body"):
                stored = self._store(key, headers, message["body"], scope.get("route"))
            await send(message)

        try:
            await self.app(scope, receive, send_and_store)
        finally:
            if not stored:
                self._responses.pop(key, None)

    def _renew(self, key: CacheKey, headers: Headers) -> bool:
        """Mark a response as current after a 304; False where its entity tag is another."""
        response = self._responses.get(key)
        tag = dict(headers).get(b"etag", b"")
        if response is None or not matches_any(response.etag, tag):
            return False
        response.created, response.revalidating = self.clock(), False
        return True

    def _store(self, key: CacheKey, headers: Headers, body: bytes, route: Any) -> bool:  # noqa: ANN401
        """Store a response where it may be served to any client. Returns whether it was stored."""
        values = dict(headers)
        etag = values.get(b"etag")
        if etag is None or not values.get(b"cache-control", b"").startswith(b"public"):
            return False
        vary = {name.strip().lower() for name in values.get(b"vary", b"*").decode().split(",")}
        if not vary <= VARY or values.get(b"content-length") != b"%d" % len(body):
            return False  # it depends on further headers, or was streamed in parts
        if self.on_response is not None and route is None:
            return False  # metrics need the path template
        if len(body) > MOST_BYTES:
            return False
        self._responses[key] = CachedResponse(list(headers), body, etag, route, self.clock())
        return True


def cache_key(scope: Scope) -> tuple[CacheKey | None, bytes]:
    """The cache key of a request and the entity tags of its If-None-Match header.

    The key is None where the response may depend on more, or the request is too long to cache.
    """
    accept, tags, codings = b"", b"", b""
    for name, value in scope["headers"]:
        if name == b"accept":
            accept += value + b","
        elif name == b"if-none-match":
            tags += value + b","
        elif name == b"accept-encoding":
            codings += value + b","
        elif name in (b"content-length", b"transfer-encoding"):
            return None, tags
    if len(scope["path"]) + len(scope["query_string"]) + len(accept) > LONGEST_KEY:
        return None, tags
    coding = preferred_coding(codings.decode("latin-1")) if codings else None
    return (scope["path"], scope["query_string"], accept, coding), tags


async def send_cached(response: CachedResponse, known_tags: bytes, send: Send) -> int:
    """Send a cached response, or 304 where the client has it. Returns the status."""
    if known_tags and matches_any(response.etag, known_tags):
        headers = [header for header in response.headers if header[0] not in CONTENT_HEADERS]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return 304
    headers = list(response.headers)
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
    return 200


MOST_TAGS = 100
"""Entity tags of a request that are compared."""


def matches_any(etag: bytes, known_tags: bytes) -> bool:
    """Whether an entity tag, in any coding, is in an If-None-Match header (weak comparison)."""
    listed = known_tags.decode("latin-1").split(",", MOST_TAGS)
    tags = [text.strip().removeprefix("W/") for text in listed]
    return "*" in tags or plain_tag(etag.decode("latin-1")) in map(plain_tag, tags)
