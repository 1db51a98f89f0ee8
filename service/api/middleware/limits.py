"""Limits on the size and duration of a request.

Plain ASGI: a middleware of the framework's own base class doubles the cost of each request.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.connections.http_protocol import DRAINED_BYTES
from service.api.problems import problem

DRAINED_AT_ONCE = 2
PAUSE_SECONDS = 2.0
"""Time in s without a byte of a refused body after which its sender waits for the response."""
EVENT_STREAM = "text/event-stream"
LARGE_BYTES = 2**20
LARGE_AT_ONCE = 8
"""Bodies above `LARGE_BYTES` received at the same time; they are held in memory."""


class BodyLimit:
    """Refuses a body above a size with 413, and too many bodies at once with 503.

    Args:
        app: The application behind this middleware.
        largest_bytes: The largest body of a request, by its ASGI scope.
        most_bytes: Limit of all bodies that are in memory at the same time.
    """

    def __init__(
        self, app: ASGIApp, largest_bytes: Callable[[Scope], int], most_bytes: int = 256_000_000
    ) -> None:
        self.app, self.largest_bytes, self.most_bytes = app, largest_bytes, most_bytes
        self.large = self.in_memory = 0
        self._draining = asyncio.Semaphore(DRAINED_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream.

        Raises:
            HTTPException: The body is too large (413), or too many large ones are being received
                (503).
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        largest, declared, size, counted = self.largest_bytes(scope), declared_bytes(scope), 0, 0
        awaits_permission = any(name == b"expect" for name, _ in scope["headers"])

        async def receive_limited() -> Message:
            nonlocal size, counted
            if declared > largest:
                if not awaits_permission:
                    await self._drain({"more_body": True}, receive, 0)
                raise HTTPException(413, f"the body exceeds {largest} bytes")
            message = await receive()
            size_before, size = size, size + len(message.get("body", b""))
            if size > largest:
                await self._drain(message, receive, size)
                raise HTTPException(413, f"the body exceeds {largest} bytes")
            self.in_memory, counted = self.in_memory + size - counted, size
            if self.in_memory > self.most_bytes:
                raise HTTPException(503, "too many bodies are being received; try again later")
            if size_before <= LARGE_BYTES < size:
                self.large += 1
                if self.large > LARGE_AT_ONCE:
                    await self._drain(message, receive, size)
                    raise HTTPException(
                        503, "too many large bodies are being received; try again later"
                    )
            return message

        try:
            await self.app(scope, receive_limited, send)
        finally:
            self.large -= size > LARGE_BYTES
            self.in_memory -= counted

    async def _drain(self, message: Message, receive: Receive, size: int) -> None:
        """Read the rest of a refused body, a few bodies at a time: the others wait unread."""
        async with self._draining:
            await drain(message, receive, size)


def declared_bytes(scope: Scope) -> int:
    """The size of a body by its header Content-Length, which the server checks; 0 without one."""
    value: bytes = dict(scope["headers"]).get(b"content-length", b"0")
    return int(value) if value.isdigit() else 0


async def drain(message: Message, receive: Receive, size: int) -> None:
    """Read the rest of a body and discard it, unless the client stops sending.

    Args:
        message: The last ASGI message received.
        receive: Receives the next message.
        size: Bytes received so far.
    """
    while message.get("more_body") and size < DRAINED_BYTES:
        try:
            message = await asyncio.wait_for(receive(), PAUSE_SECONDS)
        except TimeoutError:  # it waits for the response
            return
        size += len(message.get("body", b""))


class TimeLimit:
    """Ends requests whose body arrives too slowly (408) or whose response takes too long (503).

    A stream of events has no end; the connection itself limits how slowly a client reads it.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app, self.seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body_complete, response_started, is_stream = not has_body(scope), False, False
        is_late = False

        async def receive_watched() -> Message:
            nonlocal body_complete
            message = await receive()
            body_complete = body_complete or not message.get("more_body")
            return message

        async def send_watched(message: Message) -> None:
            nonlocal response_started, is_stream
            if is_late:  # it was about to respond when it was ended
                return
            response_started = True
            if message["type"] == "http.response.start":
                kind = Headers(raw=list(message.get("headers", []))).get("content-type", "")
                is_stream = kind.startswith(EVENT_STREAM)
            await send(message)

        task = asyncio.ensure_future(self.app(scope, receive_watched, send_watched))
        try:
            done, _ = await asyncio.wait({task}, timeout=self.seconds)
            if is_stream:
                done, _ = await asyncio.wait({task})
        finally:
            task.cancel()  # a thread runs on to its end, and its result is not sent
        if done:
            task.result()
        elif not response_started:
            is_late = True
            response = timed_out(scope, self.seconds, body_complete=body_complete)
            await response(scope, receive, send)


def has_body(scope: Scope) -> bool:
    """Whether the headers of a request announce a body."""
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


def timed_out(scope: Scope, seconds: float, *, body_complete: bool) -> Response:
    """The response to a request above its time limit.

    Args:
        scope: The ASGI scope of the request.
        seconds: The limit.
        body_complete: The whole body has arrived, so the service is slow (503); else the client
            is (408).
    """
    if body_complete:
        detail = f"the request was not answered within {seconds:g} seconds; try again later"
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return problem(Request(scope), status, "TooSlow", status.phrase, detail)
    detail = f"the body did not arrive within {seconds:g} seconds; send it faster"
    status, headers = HTTPStatus.REQUEST_TIMEOUT, {"Connection": "close"}
    return problem(Request(scope), status, "BodyTooSlow", status.phrase, detail, headers=headers)
