"""Headers that keep browsers from taking an answer for what it is not. Plain ASGI."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
"""For what is no page: should a browser take it for one, it may run and load nothing. Pages say
their own."""


class SecurityHeaders:
    """Adds the headers to every answer that does not say them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def shielded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                said = {name.lower(): value for name, value in headers}
                headers.extend(one for one in HEADERS if one[0] not in said)
                is_page = said.get(b"content-type", b"").startswith(b"text/html")
                if not is_page and POLICY[0] not in said:
                    headers.append(POLICY)
            await send(message)

        await self.app(scope, receive, shielded)
