"""What one connection can send and hold, over real sockets, and which one ends for a new one."""

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from service.api.connections.connection_table import Connection, ConnectionTable
from service.runtime.deployment import Deployment
from service.runtime.server import running
from service.settings import Settings
from tests.served import MODELS, connected, received

LIMIT = 4096
"""Bytes of headers in these tests."""
URL_LIMIT = 1024
GUARD = 100.0
"""Seconds after which a test has failed."""


def served(folder: Path, seconds: float) -> AbstractContextManager[str]:
    """The service as it runs, with room for eight connections, each of which may stall so long."""
    settings = Settings(
        data=folder,
        models=MODELS,
        port=0,
        header_bytes=LIMIT,
        url_bytes=URL_LIMIT,
        connections=8,
        header_seconds=seconds,
        stall_seconds=seconds,
        request_seconds=GUARD,
    )
    return running(Deployment(settings))


@pytest.fixture(scope="module")
def url(filled: Path) -> Iterator[str]:
    """A service that waits for those who are kept waiting by a busy machine."""
    with served(filled, GUARD) as address:
        yield address


@pytest.fixture(scope="module")
def impatient(filled: Path) -> Iterator[str]:
    """A service that hangs up after a second."""
    with served(filled, 1) as address:
        yield address


def exchange(url: str, *pieces: bytes) -> bytes:
    """Send some bytes, as many as are taken. Returns the whole response."""
    with connected(url, GUARD) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except ConnectionError:
            pass
        return received(connection)


def status_of(response: bytes) -> int:
    return int(response.split()[1]) if response else 0


START = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ((START, b"x: " + b"a" * (LIMIT - 200) + b"\r\n\r\n"), 200),
        ((START, b"x: " + b"a" * LIMIT), 431),
        ((START, *([b"x: " + b"a" * 100 + b"\r\n"] * 50)), 431),
        ((START + b"x: y\r\n" * 201 + b"\r\n",), 431),
        # long enough for a problem of the route: there is no such parameter
        ((b"GET /healthz?" + b"a" * (URL_LIMIT - 20), START[12:] + b"\r\n"), 400),
        ((b"GET /" + b"a" * 2 * URL_LIMIT,), 414),
        ((b"GET /", b"a" * 600, b"a" * 600), 414),
        ((b"\x00\x01\x02 nonsense\r\n\r\n",), 400),
        ((START + b"Host: example.org\r\n\r\n",), 400),
        ((START.replace(b"Host: localhost\r\n", b"") + b"\r\n",), 400),
        ((START.replace(b"Host: localhost\r\n", b"").replace(b"1.1", b"1.0") + b"\r\n",), 200),
        ((START + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",), 400),
        ((START + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",), 501),
        ((START + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",), 501),
    ],
)  # fmt: skip
def test_headers_and_urls_beyond_their_limits_are_refused_with_the_reason(
    url: str, pieces: tuple[bytes, ...], status: int
) -> None:
    response = exchange(url, *pieces)
    assert status_of(response) == status
    head, _, body = response.partition(b"\r\n\r\n")
    if status != 200:
        assert json.loads(body)["status"] == status
        assert b"application/problem+json" in head
        assert b"connection: close" in head


CHUNKED = (
    b"POST /nope HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@pytest.mark.parametrize(
    "surplus",
    [
        b"0\r\n" + b"x: " + b"a" * 20 * LIMIT,
        b"0\r\n" + b"x: y\r\n" * 4 * LIMIT,
        b"1;" + b"a" * 20 * LIMIT,
    ],
    ids=["one trailer", "many trailers", "chunk extension"],
)
def test_trailers_and_chunk_extensions_have_an_end(url: str, surplus: bytes) -> None:
    with connected(url, GUARD) as connection:
        try:
            for start in range(50):
                connection.sendall(CHUNKED + surplus if not start else surplus[3:])
                time.sleep(0.001)
        except ConnectionError:
            pass
        response = received(connection)
    assert status_of(response) in {0, 400, 404}


def test_a_body_in_chunks_of_one_byte_is_received(url: str) -> None:
    request = CHUNKED.replace(b"/nope", b"/nowcast").replace(
        b"Host", b"Content-Type: application/json\r\nHost"
    )
    chunks = [
        b"1\r\n" + bytes([byte]) + b"\r\n" for byte in b'{"model":"no-such-model"}' + b" " * 999
    ]
    response = exchange(url, request, *chunks, b"0\r\n\r\n")
    assert status_of(response) == 422, response[:300]
    assert b"no-such-model" in response


def test_responses_to_pipelined_requests_come_in_order_up_to_a_limit(url: str) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert exchange(url, request * 20 + last).count(b'{"status":"ok"}') == 21
    assert exchange(url, request * 5000 + last).count(b'{"status":"ok"}') < 5000


ANSWERED_EARLY = b"POST /nope HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nab"


@pytest.mark.parametrize("sent", [b"", b"GET", START, CHUNKED + b"5\r\nab", ANSWERED_EARLY])
def test_a_client_that_stops_in_the_middle_is_hung_up_on(impatient: str, sent: bytes) -> None:
    with connected(impatient, GUARD) as connection:
        connection.sendall(sent)
        received(connection)  # ends


def test_a_new_connection_replaces_the_one_that_has_been_idle_longest(url: str) -> None:
    idle = [connected(url, GUARD) for _ in range(30)]
    try:
        for _ in range(3):
            assert httpx.get(f"{url}/healthz", timeout=GUARD).status_code == 200
        ended = 0
        for connection in idle[:20]:
            ended += received(connection) == b""
        assert ended == 20, "the first ones are closed"
    finally:
        for connection in idle:
            connection.close()


class Counted(Connection):
    """A connection that knows whether it is open."""

    def __init__(self, *, stalls: bool = False) -> None:
        self.stalls, self.is_open = stalls, True

    @property
    def has_stalled(self) -> bool:
        return self.stalls

    def drop(self) -> None:
        self.is_open = False


def test_connections_that_were_never_served_end_first_then_the_longest_idle() -> None:
    table = ConnectionTable(4, 4)
    served, fresh, busy, silent = (Counted() for _ in range(4))
    for connection in (served, fresh, busy, silent):
        assert table.admit(connection, "a")
    table.set_idle(served, "a")
    table.set_busy(busy, "a")
    for expected in (fresh, silent):
        new = Counted()
        assert table.admit(new, "a")
        table.set_busy(new, "a")
        assert not expected.is_open
    assert table.admit(Counted(), "a")
    assert not served.is_open
    assert busy.is_open


def test_where_all_are_served_a_new_connection_is_refused_unless_one_has_stalled() -> None:
    table = ConnectionTable(2, 2)
    connections = [Counted(), Counted()]
    for connection in connections:
        assert table.admit(connection, "a")
        table.set_busy(connection, "a")
    assert not table.admit(Counted(), "a")
    connections[1].stalls = True
    assert table.admit(Counted(), "a")
    assert [connection.is_open for connection in connections] == [True, False]
    assert len(table) == 2


def test_an_address_with_many_connections_loses_its_own_first() -> None:
    table = ConnectionTable(10, 6)
    crowd, other = [Counted() for _ in range(9)], [Counted() for _ in range(4)]
    for connection in crowd:
        assert table.admit(connection, "crowd")
    assert sum(connection.is_open for connection in crowd) == 6
    for connection in other:
        assert table.admit(connection, "other")
    assert all(connection.is_open for connection in other)
    assert table.admit(Counted(), "third")
    assert all(connection.is_open for connection in other)
    assert sum(connection.is_open for connection in crowd) == 5
    assert len(table) == 10


def test_a_trusted_proxy_has_as_many_connections_as_all() -> None:
    table = ConnectionTable(10, 2)
    proxied = [Counted() for _ in range(10)]
    for connection in proxied:
        assert table.admit(connection, "proxy", is_proxy=True)
        table.set_busy(connection, "proxy")
    assert all(connection.is_open for connection in proxied)
    assert not table.admit(Counted(), "proxy", is_proxy=True)


def test_a_table_forgets_closed_connections() -> None:
    table = ConnectionTable(100, 100)
    connections = [Counted() for _ in range(20)]
    for number, connection in enumerate(connections):
        table.admit(connection, str(number % 3))
    for number, connection in enumerate(connections):
        table.remove(connection, str(number % 3))
        table.remove(connection, str(number % 3))
        table.set_idle(connection, str(number % 3))
    assert len(table) == 0
    assert list(table) == []
