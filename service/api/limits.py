"""What a request may cost. Plain ASGI: a middleware of the framework doubles the cost of each."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DRAINED_BYTES = 128 * 2**20
"""A refused body is still read this far, lest its sender see a broken pipe for an answer."""


class BodyLimit:
    """Refuses requests with a body above a size, with 413."""

    def __init__(self, app: ASGIApp, largest_bytes: int) -> None:
        self.app, self.largest_bytes = app, largest_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.largest_bytes:
                while message.get("more_body") and seen < DRAINED_BYTES:
                    message = await receive()
                    seen += len(message.get("body", b""))
                raise HTTPException(413, f"the body has over {self.largest_bytes} bytes")
            return message

        await self.app(scope, counted, send)
