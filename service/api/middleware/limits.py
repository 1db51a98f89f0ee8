"""What a request may cost. Plain ASGI: a middleware of the framework doubles the cost of each."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem

DRAINED_BYTES = 128 * 2**20
"""A refused body is still read this far, lest its sender see a broken pipe for an answer."""
LARGE_BYTES = 2**20
LARGE_AT_ONCE = 8
"""Bodies above `LARGE_BYTES` that may come in at the same time: they are held in memory."""


class BodyLimit:
    """Refuses requests with a body above a size with 413, and too many large ones at once with 503.

    Args:
        largest_bytes: The size, by what is asked.
    """

    def __init__(self, app: ASGIApp, largest_bytes: Callable[[Scope], int]) -> None:
        self.app, self.largest_bytes = app, largest_bytes
        self.large = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        largest, seen = self.largest_bytes(scope), 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            before, seen = seen, seen + len(message.get("body", b""))
            if seen > largest:
                await drain(message, receive, seen)
                raise HTTPException(413, f"the body has over {largest} bytes")
            if before <= LARGE_BYTES < seen:
                self.large += 1
                if self.large > LARGE_AT_ONCE:
                    await drain(message, receive, seen)
                    raise HTTPException(503, "too many large bodies come in; send it again later")
            return message

        try:
            await self.app(scope, counted, send)
        finally:
            self.large -= seen > LARGE_BYTES


async def drain(message: Message, receive: Receive, seen: int) -> None:
    """Read the rest of a body and forget it."""
    while message.get("more_body") and seen < DRAINED_BYTES:
        message = await receive()
        seen += len(message.get("body", b""))


class TimeLimit:
    """Ends requests that take too long to come in, with 408, or to be answered, with 503."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app, self.seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        whole, begun = not has_body(scope), False

        async def heard() -> Message:
            nonlocal whole
            message = await receive()
            whole = whole or not message.get("more_body")
            return message

        async def said(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        task = asyncio.ensure_future(self.app(scope, heard, said))
        try:
            done, _ = await asyncio.wait({task}, timeout=self.seconds)
        finally:
            task.cancel()  # what a thread is at goes on; when it ends, nothing more is sent
        if done:
            task.result()
        elif not begun:
            answer = too_late(scope, self.seconds, whole=whole)
            await answer(scope, receive, send)


def has_body(scope: Scope) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


def too_late(scope: Scope, seconds: float, *, whole: bool) -> Response:
    """The answer to a request that is not through in time, whether or not all of it has come."""
    if whole:
        detail = f"it could not be answered within {seconds:g} seconds; ask again later"
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return problem(Request(scope), status, "TooSlow", status.phrase, detail)
    detail = f"the body did not come in within {seconds:g} seconds; send it faster"
    status, headers = HTTPStatus.REQUEST_TIMEOUT, {"Connection": "close"}
    return problem(Request(scope), status, "BodyTooSlow", status.phrase, detail, headers=headers)
