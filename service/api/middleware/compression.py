"""Content codings of responses, as plain ASGI middleware.

Compressed content is cached by its entity tag, so that a forecast is packed once for all clients.
Each coding has an entity tag of its own (RFC 9110, section 8.8.3.3), the coding after a hyphen.
"""

from collections.abc import Iterable
from functools import partial

from anyio import to_thread
from cachetools import LRUCache
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.middleware.codings import PREFERENCE, Coding, pack, preferred_coding
from service.api.middleware.entity_tags import not_modified

ANY = "*"
"""Matches every entity tag."""
SMALLEST_BYTES = 500
"""Content below this size is sent as it is: it fits one packet."""
LARGE_BYTES = 2**16
"""Content from this size on is packed in a thread."""
MOST_BYTES = 32 * 2**20
"""Bytes of all cached packed content."""
MEDIA = ("application/json", "application/javascript", "application/octet-stream",
         "application/openmetrics-text", "application/xml", "image/svg+xml")  # fmt: skip
"""Media types that pay packing, beside text and those that end in +json or +xml. Octet streams are
the fields of the map page."""

CacheKey = tuple[str, bytes, str, Coding]
"""Path, query, entity tag and coding."""


class Compression:
    """Packs responses in the content coding that the client prefers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._packed: LRUCache[CacheKey, bytes] = LRUCache(MOST_BYTES, len)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        coding = preferred_coding(",".join(headers.getlist("accept-encoding")))
        known = entity_tags(headers)
        if known:
            # What `*` matches is known when the content is: its tag depends on the coding.
            scope = with_tags(scope, () if ANY in known else with_plain(known))
        start: Message | None = None

        async def send_packed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start is None:
                await send(message)
                return
            begin, start = start, None
            response = MutableHeaders(raw=begin.setdefault("headers", []))
            if begin["status"] == 304:
                name_known_tag(response, known, coding)
            elif may_pack(response):
                response.add_vary_header("Accept-Encoding")
                content = message.get("body", b"")
                whole = not message.get("more_body") and len(content) >= SMALLEST_BYTES
                if coding is not None and whole:
                    packed = await self._pack(scope, response, content, coding)
                    message = {**message, "body": packed}
                    response["Content-Encoding"] = coding
                    response["Content-Length"] = str(len(packed))
            if ANY in known and begin["status"] == 200 and "etag" in response:
                message = not_modified(begin, message)
            await send(begin)
            await send(message)

        await self.app(scope, receive, send_packed)

    async def _pack(
        self, scope: Scope, response: MutableHeaders, content: bytes, coding: Coding
    ) -> bytes:
        """Content in a coding, from the cache where it has an entity tag; renames the tag.

        What no cache may store, such as metrics, is packed each time, in the least time.
        """
        tag = response.get("etag")
        if tag is not None:
            response["ETag"] = coded_tag(tag, coding)
        if "no-store" in response.get("cache-control", ""):
            tag = None
        key = (scope["path"], scope["query_string"], tag or "", coding)
        packed = self._packed.get(key) if tag else None
        if packed is not None:
            return packed
        work = partial(pack, content, coding, cached=tag is not None)
        packed = work() if len(content) < LARGE_BYTES else await to_thread.run_sync(work)
        if tag and len(packed) <= MOST_BYTES:
            self._packed[key] = packed
        return packed


def may_pack(response: MutableHeaders) -> bool:
    """Whether the content of a response is worth packing and not packed yet."""
    media = response.get("content-type", "").partition(";")[0].strip().lower()
    packable = media in MEDIA or media.startswith("text/") or media.endswith(("+json", "+xml"))
    return packable and "content-encoding" not in response


def entity_tags(headers: Headers) -> list[str]:
    """Entity tags of If-None-Match."""
    listed = ",".join(headers.getlist("if-none-match")).split(",")
    return [tag for text in listed if (tag := text.strip())]


def coded_tag(tag: str, coding: Coding) -> str:
    """Entity tag of content in a coding."""
    return f'{tag[:-1]}-{coding}"'


def plain_tag(tag: str) -> str:
    """Entity tag of the content without a coding."""
    for coding in PREFERENCE:
        if tag.endswith(f'-{coding}"'):
            return f'{tag[: -len(coding) - 2]}"'
    return tag


def with_plain(known: Iterable[str]) -> Iterable[str]:
    """Entity tags together with those of the same content without a coding."""
    return dict.fromkeys(name for tag in known for name in (plain_tag(tag), tag))


def with_tags(scope: Scope, tags: Iterable[str]) -> Scope:
    """A request with other entity tags in If-None-Match."""
    headers = [header for header in scope["headers"] if header[0] != b"if-none-match"]
    if names := ", ".join(tags):
        headers.append((b"if-none-match", names.encode("latin-1")))
    return {**scope, "headers": headers}


def name_known_tag(response: MutableHeaders, known: Iterable[str], coding: Coding | None) -> None:
    """Name in a 304 the entity tag that the client has, that of its coding first."""
    tag = response.get("etag")
    if tag is None:
        return
    response.add_vary_header("Accept-Encoding")
    names = [name.removeprefix("W/") for name in known]
    same = [name for name in names if plain_tag(name) == tag]
    if same:
        preferred = coded_tag(tag, coding) if coding else tag
        response["ETag"] = preferred if preferred in same else same[0]
