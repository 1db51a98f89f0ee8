"""Content codings of request bodies, as plain ASGI middleware.

A body is unpacked piece by piece while it is received, so that the limit on its size behind this
middleware holds for what it unpacks to.
"""

from collections.abc import AsyncIterator
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.middleware.codings import UNPACKERS, BadCoding, Unpacker, unpack
from service.api.problems import problem

TAKEN = ", ".join(UNPACKERS)


class Unpacking:
    """Unpacks request bodies in gzip, br or zstd; refuses other codings with 415."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream.

        Raises:
            HTTPException: The body is not in its coding (400).
        """
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        coding = headers.get("content-encoding", "").strip().lower()
        if coding in ("", "identity"):
            await self.app(scope, receive, send)
            return
        if coding not in UNPACKERS:
            await unsupported(scope, coding)(scope, receive, send)
            return
        messages = unpacked_messages(receive, UNPACKERS[coding](), coding)

        async def receive_unpacked() -> Message:
            return await anext(messages)

        await self.app(without_coding(scope), receive_unpacked, send)


def unsupported(scope: Scope, coding: str) -> ASGIApp:
    """The response to a body in an unknown coding (RFC 9110, section 15.5.16)."""
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    detail = f"the content coding is {coding[:60]!r}, should be one of {TAKEN}, or none"
    return problem(
        Request(scope),
        status,
        "UnsupportedMediaType",
        status.phrase,
        detail,
        headers={"Accept-Encoding": TAKEN},
    )


def without_coding(scope: Scope) -> Scope:
    """A request whose headers are those of the unpacked body, of unknown length."""
    left_out = (b"content-encoding", b"content-length", b"transfer-encoding")
    kept = [header for header in scope["headers"] if header[0] not in left_out]
    return {**scope, "headers": [*kept, (b"transfer-encoding", b"chunked")]}


async def unpacked_messages(
    receive: Receive, unpacker: Unpacker, coding: str
) -> AsyncIterator[Message]:
    """The ASGI messages of the unpacked body, then those that follow.

    Raises:
        HTTPException: The body is not in its coding (400).
    """
    more, empty = True, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            yield message
            continue
        more = message.get("more_body", False)
        data = message.get("body", b"")
        empty = empty and not data
        try:
            for piece in unpack(unpacker, data) if data else ():
                yield {"type": "http.request", "body": piece, "more_body": True}
        except BadCoding as error:
            raise corrupt(coding, str(error)) from error
    if not (empty or unpacker.is_complete):
        raise corrupt(coding, "it ends too early")
    yield {"type": "http.request", "body": b"", "more_body": False}
    while True:
        yield await receive()


def corrupt(coding: str, reason: str) -> HTTPException:
    """The error of a body that is not in its coding."""
    return HTTPException(
        HTTPStatus.BAD_REQUEST,
        f"the body is not {coding} as its Content-Encoding says ({reason[:100]}); pack it again, "
        f"or send it without Content-Encoding",
    )
