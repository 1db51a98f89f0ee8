"""Security headers of every response, as plain ASGI middleware."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
"""Policy of responses that are no HTML: a browser that renders one loads and runs nothing. HTML
pages set their own."""


class SecurityHeaders:
    """Adds the security headers to every response that does not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                values = {name.lower(): value for name, value in headers}
                headers.extend(header for header in HEADERS if header[0] not in values)
                is_page = values.get(b"content-type", b"").startswith(b"text/html")
                if not is_page and POLICY[0] not in values:
                    headers.append(POLICY)
            await send(message)

        await self.app(scope, receive, send_with_headers)
