"""Entity tags of reads that have none of their own, as plain ASGI middleware.

Every read can be asked for again with If-None-Match. The tag is the hash of the content.
"""

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DIGITS = 20
"""Hexadecimal digits of the hash in a tag."""
CONTENT_HEADERS = (
    b"content-length",
    b"content-type",
    b"content-disposition",
    b"content-encoding",
)
"""Headers left out of a 304."""


class EntityTags:
    """Adds ETag and Cache-Control to reads without them, and answers 304 where the client has it.

    Streams have none: their content has no end that could be hashed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        start: Message | None = None

        async def send_tagged(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] == 200:
                start = message
                return
            if start is not None:
                begin, start = start, None
                message = tagged(scope, begin, message)
                await send(begin)
            await send(message)

        await self.app(scope, receive, send_tagged)


def tagged(scope: Scope, begin: Message, message: Message) -> Message:
    """The body of a response whose beginning gets a tag; empty where the client has it."""
    headers = MutableHeaders(raw=begin.setdefault("headers", []))
    headers.setdefault("Cache-Control", "no-cache")
    if "etag" in headers or message.get("more_body"):
        return message
    tag = f'"{hashlib.sha256(message["body"]).hexdigest()[:DIGITS]}"'
    headers["ETag"] = tag
    listed = ",".join(Headers(scope=scope).getlist("if-none-match")).split(",")
    known = [text.strip().removeprefix("W/") for text in listed]
    if tag not in known and "*" not in known:
        return message
    return not_modified(begin, message)


def not_modified(begin: Message, message: Message) -> Message:
    """Turn the beginning of a response into a 304. Returns its empty body."""
    begin["status"] = 304
    begin["headers"] = [
        header for header in begin["headers"] if header[0].lower() not in CONTENT_HEADERS
    ]
    return {**message, "body": b""}
