"""Sends large responses in parts, so that a client that reads slowly takes little memory.

The transport of a connection copies what the client has not read yet. With parts, each connection
holds one; the response itself is shared by all clients that receive it.
"""

from http import HTTPStatus

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem

PART_BYTES = 2**16
MOST_BYTES = 256 * 2**20
"""Bytes of all different large responses that are being sent; further ones get 503."""


class ResponseParts:
    """Sends a large response in parts, as plain ASGI.

    Args:
        app: The application, with all its middleware.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._sending: dict[int, list[int]] = {}
        """Size and number of clients of each response that is being sent, by the identity of its
        bytes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        start: Message | None = None

        async def send_in_parts(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message  # sent with the body, which may be refused
                return
            begin, start = start, None
            body = message.get("body", b"")
            if len(body) > PART_BYTES and begin is not None and self._is_full(body):
                await too_many_responses(scope, receive, send)
                return
            if begin is not None:
                await send(begin)
            if len(body) <= PART_BYTES:
                await send(message)
            else:
                await self._send_parts(message, send)

        await self.app(scope, receive, send_in_parts)

    def _is_full(self, body: bytes) -> bool:
        if id(body) in self._sending:
            return False
        return sum(size for size, _ in self._sending.values()) + len(body) > MOST_BYTES

    async def _send_parts(self, message: Message, send: Send) -> None:
        body, more = message["body"], message.get("more_body", False)
        entry = self._sending.setdefault(id(body), [len(body), 0])
        entry[1] += 1
        try:
            view = memoryview(body)
            while view:
                part, view = view[:PART_BYTES], view[PART_BYTES:]
                await send({**message, "body": part, "more_body": more or bool(view)})
        finally:
            entry[1] -= 1
            if not entry[1]:
                del self._sending[id(body)]


async def too_many_responses(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond 503: too many large responses are being sent."""
    response = problem(
        Request(scope),
        HTTPStatus.SERVICE_UNAVAILABLE,
        "TooManyResponses",
        "Too many large responses are being sent",
        "clients are slow to read too many large responses; try again later",
    )
    await response(scope, receive, send)
