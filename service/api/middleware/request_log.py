"""Request ids and the access log, as plain ASGI middleware."""

import logging
import re
import uuid
from http import HTTPStatus
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from service.api.middleware.access import client_address
from service.jobs.transport import REQUEST_ID
from service.monitoring.logs import ACCESS

log = logging.getLogger(ACCESS)

HEADER = "X-Request-ID"
RAW_HEADER = HEADER.lower().encode()
VALID_ID = re.compile(rb"[A-Za-z0-9._:+/=@-]{1,128}")
"""Ids that are taken from clients; any other is replaced."""
MONITORING_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths requested every few seconds, which are logged at level debug."""
LONGEST_PATH = 500
"""Characters of a path and query that are logged."""
NO_RESPONSE = 0
"""Status in the log where the client hung up before there was a response."""


class RequestLog:
    """Gives every request an id, sends it back and logs the request when its response is sent.

    The id is that of the header `X-Request-ID` where it is valid, as a proxy sets it. It is in all
    that is logged while the request is answered, and in the messages of its job to workers.

    Args:
        app: The application behind this middleware.
        logs_requests: Whether to log requests.
    """

    def __init__(self, app: ASGIApp, *, logs_requests: bool) -> None:
        self.app, self.logs_requests = app, logs_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, status, size = perf_counter(), NO_RESPONSE, 0
        request_id = given_id(scope) or uuid.uuid4().hex.encode()

        async def send_with_id(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (RAW_HEADER, request_id)]
                message = {**message, "headers": headers}
            else:
                size += len(message.get("body", b""))
            await send(message)

        with bound_contextvars(**{REQUEST_ID: request_id.decode()}):
            try:
                await self.app(scope, receive, send_with_id)
            finally:
                if self.logs_requests:
                    log_request(scope, status, size, perf_counter() - begin)


def given_id(scope: Scope) -> bytes | None:
    """The id that a request has in its header; None where it has none or an invalid one."""
    for name, value in scope["headers"]:
        if name == RAW_HEADER:
            return value if VALID_ID.fullmatch(value) else None
    return None


def log_request(scope: Scope, status: int, size: int, seconds: float) -> None:
    """Log a request.

    Args:
        scope: Its ASGI scope.
        status: HTTP status of the response.
        size: Bytes of the response.
        seconds: Time until the response was sent, in s.
    """
    level = logging.WARNING if status >= 500 else logging.INFO
    if scope["path"] in MONITORING_PATHS and status != HTTPStatus.INTERNAL_SERVER_ERROR:
        level = logging.DEBUG  # they say themselves what is wrong, and alerts follow
    if not log.isEnabledFor(level):
        return
    query = scope["query_string"].decode("latin-1")
    path = f"{scope['path']}?{query}" if query else scope["path"]
    values: dict[str, object] = {
        "method": scope["method"],
        "path": path[:LONGEST_PATH],
        "status": status,
        "bytes": size,
        "seconds": seconds,
        "client": scope.get("state", {}).get("client") or client_address(scope),
    }
    log.log(level, "%s %s: %d", values["method"], values["path"], status, extra=values)
