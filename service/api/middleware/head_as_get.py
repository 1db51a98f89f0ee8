"""HEAD for every route with GET, as plain ASGI middleware."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

IS_HEAD = "is_head"
"""Member of the state of a request that came as HEAD: its response must have an end."""


class HeadAsGet:
    """Answers HEAD as GET without the content (RFC 9110, section 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_without_content(message: Message) -> None:
            await send({**message, "body": b""} if "body" in message else message)

        state = {**scope.get("state", {}), IS_HEAD: True}
        await self.app({**scope, "method": "GET", "state": state}, receive, send_without_content)
