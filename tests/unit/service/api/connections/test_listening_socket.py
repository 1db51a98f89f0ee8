"""New connections: those of clients that waste them are reset before anything is made for them."""

import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest

from service.api.connections.listening_socket import (
    MOST_REFUSED,
    REPORT_SECONDS,
    ListeningSocket,
    NewConnections,
    listening_sockets,
)
from service.runtime.deployment import Deployment
from service.runtime.server import running
from service.settings import Settings
from tests.served import MODELS, connected, received

LIMIT = 8
"""Connections per minute that are not served, in these tests."""
GUARD = 100.0
"""Seconds after which a test has failed."""


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def new_connections(
    clock: Clock, *, per_minute: int = LIMIT, proxies: tuple[str, ...] = ()
) -> NewConnections:
    """What admits connections, each host counted by its first part."""
    return NewConnections(
        per_minute, lambda host: host in proxies, lambda host: host.partition(".")[0], clock
    )


def test_an_address_opens_so_many_connections_that_are_not_served_and_no_more() -> None:
    clock = Clock()
    new = new_connections(clock)
    assert [new.admit(f"1.{n}") for n in range(LIMIT + 2)] == [True] * LIMIT + [False] * 2
    assert new.admit("2.0"), "another address is another client"
    clock.now += 60 / LIMIT
    assert [new.admit("1.0"), new.admit("1.0")] == [True, False]


def test_connections_that_are_served_do_not_count() -> None:
    new = new_connections(Clock())
    for _ in range(100):
        assert new.admit("1.0")
        new.note_served("1.0")
    assert [new.admit("1.0") for _ in range(LIMIT + 1)] == [True] * LIMIT + [False]
    for _ in range(LIMIT):
        new.note_served("1.0")
    assert [new.admit("1.0") for _ in range(LIMIT + 1)] == [True] * LIMIT + [False]


@pytest.mark.parametrize(("per_minute", "proxies"), [(0, ()), (LIMIT, ("1.0",))])
def test_trusted_proxies_are_exempt_and_zero_is_no_limit(
    per_minute: int, proxies: tuple[str, ...]
) -> None:
    new = new_connections(Clock(), per_minute=per_minute, proxies=proxies)
    assert all(new.admit("1.0") for _ in range(10 * LIMIT))
    new.note_served("1.0")


def test_refusals_are_logged_once_a_minute_with_the_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    new = new_connections(clock)
    for _ in range(100):
        new.admit("1.0")
    assert len(caplog.records) == 1
    clock.now += REPORT_SECONDS
    for _ in range(LIMIT + 1):
        new.admit("1.0")
    assert len(caplog.records) == 2
    assert f"refused {100 - LIMIT} new connections, most of them from 1" in caplog.text


def test_a_listening_socket_lets_others_have_a_turn_after_some_refusals() -> None:
    plain = socket.create_server(("127.0.0.1", 0), backlog=2 * MOST_REFUSED)
    with ListeningSocket(plain, new_connections(Clock())) as listener:
        clients = [
            socket.create_connection(listener.getsockname(), GUARD)
            for _ in range(LIMIT + MOST_REFUSED + 1)
        ]
        for _ in range(LIMIT):
            connection, _ = listener.accept()
            connection.close()
        with pytest.raises(BlockingIOError):
            listener.accept()
    for client in clients:
        client.close()


def test_a_server_listens_on_all_addresses_of_its_host_or_on_none() -> None:
    new = new_connections(Clock())
    listeners = listening_sockets("localhost", 0, new)
    try:
        ports = [listener.getsockname()[1] for listener in listeners]
        assert all(ports)
        with pytest.raises(OSError, match="in use"):
            listening_sockets("127.0.0.1", ports[0], new)
    finally:
        for listener in listeners:
            listener.close()


@pytest.fixture
def url(filled: Path) -> Iterator[str]:
    settings = Settings(data=filled, models=MODELS, port=0, unserved_connections_per_minute=LIMIT)
    with running(Deployment(settings)) as address:
        yield address


def status_over_new_connection(url: str, request: bytes) -> int:
    """Status of a response; 0 where the connection is reset."""
    try:
        with connected(url, GUARD) as connection:
            connection.sendall(request)
            response = received(connection)
    except ConnectionError:
        return 0
    return int(response.split()[1]) if response else 0


def test_who_is_served_opens_connections_freely_while_waste_is_reset(url: str) -> None:
    good = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with httpx.Client(base_url=url, timeout=GUARD, trust_env=False) as kept:
        assert kept.get("/healthz").status_code == 200
        assert {status_over_new_connection(url, good) for _ in range(5 * LIMIT)} == {200}
        statuses = (status_over_new_connection(url, b"\x00\r\n\r\n") for _ in count())
        wasted = next(n for n, status in enumerate(statuses) if status == 0)
        assert wasted >= LIMIT - 1
        assert kept.get("/healthz").status_code == 200, "open connections stay"
