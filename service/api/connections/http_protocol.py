"""Connections of the HTTP server with limits on what a client can send and hold.

Uvicorn's protocol collects headers without limit and keeps a connection open until its first
request arrives.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.api.connections.connection_table import ConnectionTable
from service.api.connections.problem_document import MEDIA, problem_document

MOST_HEADERS = 200
"""Header fields of a request."""
MOST_PIPELINED = 64
"""Requests that a client sends before it has the response to the first."""
OVERHEAD = 16
"""Bytes of chunk sizes, chunk extensions and trailers allowed for each byte of a body, beside
twice the limit of headers."""
DRAINED_BYTES = 128 * 2**20
"""Bytes of a refused body that are still read, so that its sender receives the response instead of
a broken pipe."""
LINGER_SECONDS = 2.0
"""Time in s that a refused client has to read the reason."""
STALL_SECONDS = 1.0
"""Time in s from which a connection that waits for its client is closed before others."""
CHECK_SECONDS = 0.5
"""Interval between two checks of all connections, in s."""


@dataclass(frozen=True)
class ConnectionLimits:
    """Limits of one connection.

    Attributes:
        header_bytes: Largest request line with headers.
        url_bytes: Longest URL.
        header_seconds: Time for the headers of a request to arrive, in s.
        stall_seconds: Time between two parts of a body or a response, in s.
        is_proxy: Whether the client of an address is a trusted proxy.
        address_of: The address under which the connections of a host are counted.
        note_served: Notes that a host was served over a new connection.
    """

    header_bytes: int
    url_bytes: int
    header_seconds: float
    stall_seconds: float
    is_proxy: Callable[[str], bool]
    address_of: Callable[[str], str]
    note_served: Callable[[str], None]


class Refusal(Exception):
    """The client exceeded a limit; it gets this status and is hung up on."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class ConnectionFactory:
    """Makes the protocol of each new connection, which uvicorn takes for a class.

    Args:
        table: Table of all connections.
        limits: Limits of each.
    """

    def __init__(self, table: ConnectionTable, limits: ConnectionLimits) -> None:
        self.table, self.limits = table, limits
        self._checking = False

    def __call__(self, **arguments: Any) -> asyncio.Protocol:  # noqa: ANN401  as uvicorn passes them
        """Make the protocol of a new connection; the first call starts the periodic check."""
        if not self._checking:
            self._checking = True
            self._check()
        return BoundedProtocol(self.table, self.limits, **arguments)

    def _check(self) -> None:
        loop = asyncio.get_running_loop()
        for connection in self.table:
            if isinstance(connection, BoundedProtocol) and connection.is_overdue(loop.time()):
                connection.drop()
        loop.call_later(CHECK_SECONDS, self._check)


class BoundedProtocol(HttpToolsProtocol):
    """A connection that refuses what exceeds its limits: 414, 431, or it is closed."""

    def __init__(self, table: ConnectionTable, limits: ConnectionLimits, **arguments: Any) -> None:  # noqa: ANN401
        super().__init__(**arguments)
        self._table, self._limits = table, limits
        self._host = self._address = ""
        self._was_served = False
        """Whether a successful response was sent."""
        self._served_app = self.app
        self.app = self._run_until_served
        self._in_head = True
        """Whether the next bytes belong to the head of a request."""
        self._head_since: float | None = None
        """When the head that is arriving began; None where none is."""
        self._received = 0.0
        """When bytes arrived last."""
        self._blocked_since: float | None = None
        """Since when the client does not read; None while it does."""
        self._closing_since: float | None = None
        self._head_bytes = self._overhead = self._surplus = 0
        self._refused = False
        self._unanswered = 0
        """Requests whose response is not complete."""

    # the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Enter the connection in the table, or refuse it."""
        super().connection_made(transport)
        host = self._host = self.client[0] if self.client else ""
        self._address = self._limits.address_of(host)
        self._head_since = self._received = self.loop.time()
        if not self._table.admit(self, self._address, is_proxy=self._limits.is_proxy(host)):
            status = HTTPStatus.SERVICE_UNAVAILABLE
            self._refuse(status, "too many connections are open; close some, or try again later")
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection from the table."""
        self._table.remove(self, self._address)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def drop(self) -> None:
        """Close the connection at once, without a response."""
        self.transport.abort()

    @property
    def has_stalled(self) -> bool:
        """Whether it waits for its client in the middle of a request or response."""
        return self._waits(self.loop.time(), STALL_SECONDS)

    def is_overdue(self, now: float) -> bool:
        """Whether the client takes longer than allowed, at a time of the event loop in s."""
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now
            return now - self._closing_since > self._limits.stall_seconds
        if self._head_since is not None and not self._is_answering:
            return now - self._head_since > self._limits.header_seconds
        return self._waits(now, self._limits.stall_seconds)

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _waits(self, now: float, seconds: float) -> bool:
        """Whether the client has neither read nor sent what it should for some seconds."""
        if self._blocked_since is not None:
            return now - self._blocked_since > seconds
        awaits_body = not self._in_head and not self.flow.read_paused
        return awaits_body and now - self._received > seconds

    def pause_writing(self) -> None:
        """Note since when the client does not read."""
        self._blocked_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the client has read."""
        self._blocked_since = None
        super().resume_writing()

    # what arrives

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived, in pieces of at most the limit of headers."""
        self._unset_keepalive_if_required()
        self._received = self.loop.time()
        largest = self._limits.header_bytes
        view = memoryview(data)
        while view and not self._refused and not self.transport.is_closing():
            if self._in_head and self._head_since is None:
                self._head_since, self._head_bytes = self._received, 0
            size = largest - self._head_bytes if self._in_head else largest
            if size <= 0:
                detail = f"the headers exceed {largest} bytes"
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
                break
            self._head_bytes += min(size, len(view))
            self._parse(view[:size])
            view = view[size:]

    def _parse(self, piece: memoryview) -> None:
        self._overhead += 0 if self._in_head else len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            return  # no other protocol is served; the request is answered as HTTP
        except httptools.HttpParserError as error:
            reason = error.__context__
            if isinstance(reason, Refusal):
                self._refuse(reason.status, str(reason))
            else:
                self._refuse(HTTPStatus.BAD_REQUEST, "this is no valid HTTP request")
            return
        if self._overhead > 2 * self._limits.header_bytes:
            self._refuse(HTTPStatus.BAD_REQUEST, "the chunks of the body are too small")

    def _discard(self, size: int) -> None:
        """Count bytes of a body that was answered; close the connection where they do not end."""
        self._surplus += size
        if self._surplus > DRAINED_BYTES:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head = True
        if self._head_since is None:
            self._head_since, self._head_bytes = self._received, 0

    def on_url(self, url: bytes) -> None:
        """Collect the URL.

        Raises:
            Refusal: It is too long.
        """
        if len(self.url) + len(url) > self._limits.url_bytes:
            detail = f"the URL exceeds {self._limits.url_bytes} bytes"
            raise Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, detail)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header field; trailers are ignored.

        Raises:
            Refusal: There are too many.
        """
        if not self._in_head:
            return
        if len(self.headers) >= MOST_HEADERS:
            detail = f"there are more than {MOST_HEADERS} headers"
            raise Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start to answer the request.

        Raises:
            Refusal: Too many requests wait for their response, or the headers contradict.
        """
        check_framing(self.headers, self.parser.get_http_version())
        if len(self.pipeline) >= MOST_PIPELINED:
            raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, "wait for responses before sending more")
        self._in_head, self._head_since = False, None
        self._overhead = self._surplus = 0
        self._table.set_busy(self, self._address)
        super().on_headers_complete()
        self._unanswered += 1

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on."""
        self._overhead = max(self._overhead - (1 + OVERHEAD) * len(body), 0)
        if self.cycle.response_complete:
            self._discard(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._in_head = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._unanswered -= 1
        self._table.set_idle(self, self._address, was_served=self._was_served)
        if self.pipeline:
            self._table.set_busy(self, self._address)
        super().on_response_complete()

    async def _run_until_served(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """The application, of which the first successful response is noted."""
        is_successful = False

        async def send_and_note(message: ASGISendEvent) -> None:
            nonlocal is_successful
            if message["type"] == "http.response.start":
                is_successful = message["status"] < HTTPStatus.BAD_REQUEST
            elif is_successful and not message.get("more_body"):
                self._note_served()
            await send(message)

        await self._served_app(scope, receive, send_and_note)

    def _note_served(self) -> None:
        """Note that the last part of a successful response is being sent."""
        if not self._was_served:
            self._was_served, self.app = True, self._served_app
            self._limits.note_served(self._host)

    # refusals

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Send a problem and no more; what else arrives is not read.

        Where a request is being answered, the connection is closed instead.
        """
        self._refused = True
        if self._unanswered:  # their responses would come after this one
            self.pipeline.clear()
            self.transport.abort()
            return
        self.transport.write(refusal(status, detail))
        self.flow.pause_reading()  # what else arrives costs nothing
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)


def check_framing(headers: Iterable[tuple[bytes, bytes]], version: str) -> None:
    """Check the headers that servers before and behind could understand differently.

    Args:
        headers: Names in lower case, and values.
        version: Of HTTP, such as "1.1".

    Raises:
        Refusal: There is not one Host (RFC 9112, 3.2), or a transfer coding that is not read.
    """
    hosts = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            detail = (
                "the Transfer-Encoding should be chunked; send other codings as Content-Encoding"
            )
            raise Refusal(HTTPStatus.NOT_IMPLEMENTED, detail)
    if hosts > 1 or (not hosts and version == "1.1"):
        raise Refusal(HTTPStatus.BAD_REQUEST, f"there are {hosts} headers Host, should be one")


def refusal(status: HTTPStatus, detail: str) -> bytes:
    """A complete response with problem details, after which the connection is closed."""
    kind = status.phrase.title().replace(" ", "").replace("-", "")
    body = problem_document("", status, kind, status.phrase, detail)
    headers = f"content-type: {MEDIA}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers += "retry-after: 30\r\n"
    return STATUS_LINE[status] + headers.encode() + b"\r\n" + body
