"""Sockets that the server listens on, which refuse new connections that an address wastes.

Making the connection of a hostile client takes a hundred times as long as refusing it here.
"""

import logging
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable

from service.api.connections.rate_limiter import RateLimiter

log = logging.getLogger(__name__)

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: reset the connection when it is closed, so that it leaves no state in the kernel."""
MOST_REFUSED = 64
"""Connections refused in one turn of the event loop."""
REPORT_SECONDS = 60.0
"""Time between two warnings of refused connections, in s."""


class NewConnections:
    """How many connections each address may open without being served over them.

    A connection takes a token of its address and gives it back with its first successful response,
    so clients that are served may open as many as they like. Belongs to the event loop.

    Args:
        per_minute: Connections of an address per minute that are not served; 0 for no limit.
        is_exempt: Whether the client of an address is a trusted proxy.
        address_of: The address under which the connections of a host are counted.
        clock: Monotonic time in s.
    """

    def __init__(
        self,
        per_minute: int,
        is_exempt: Callable[[str], bool],
        address_of: Callable[[str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.per_minute, self._is_exempt, self._address_of = per_minute, is_exempt, address_of
        self._limiter, self._clock = RateLimiter(), clock
        self._refused: Counter[str] = Counter()
        self._reported = -REPORT_SECONDS

    def admit(self, host: str) -> bool:
        """Whether a new connection of a host is accepted, which takes a token."""
        if not self.per_minute or self._is_exempt(host):
            return True
        address, now = self._address_of(host), self._clock()
        if not self._limiter.acquire(address, self.per_minute, now).wait_seconds:
            return True
        self._refused[address] += 1
        if now - self._reported >= REPORT_SECONDS:
            self._report(now)
        return False

    def note_served(self, host: str) -> None:
        """Give the token of a connection back: it was served."""
        if self.per_minute:
            self._limiter.give_back(self._address_of(host), self.per_minute)

    def _report(self, now: float) -> None:
        log.warning(
            "refused %d new connections, most of them from %s: an address may open %d a minute "
            "that are not served (NOWCAST_UNSERVED_CONNECTIONS_PER_MINUTE)",
            self._refused.total(),
            self._refused.most_common(1)[0][0],
            self.per_minute,
        )
        self._reported = now
        self._refused.clear()


class ListeningSocket(socket.socket):
    """A listening socket that resets connections that are not admitted.

    Args:
        listener: The socket, which this one takes over.
        new_connections: Admits or refuses each connection.
    """

    def __init__(self, listener: socket.socket, new_connections: NewConnections) -> None:
        super().__init__(fileno=listener.detach())
        self._new_connections = new_connections

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept the next connection that is admitted.

        Raises:
            BlockingIOError: None is waiting, or `MOST_REFUSED` were refused.
        """
        for _ in range(MOST_REFUSED):
            connection, address = super().accept()
            if self._new_connections.admit(address[0]):
                return connection, address
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            connection.close()
        raise BlockingIOError


def listening_sockets(host: str, port: int, new_connections: NewConnections) -> list[socket.socket]:
    """Listen on all addresses of a host.

    Args:
        host: Name or address.
        port: Port; 0 for a free one.
        new_connections: Admits or refuses each connection.

    Raises:
        OSError: The host has no address, or the port is in use.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses = dict.fromkeys((family, address[:2]) for family, _, _, _, address in found)
    listeners: list[socket.socket] = []
    try:
        for family, address in addresses:
            listener = socket.create_server(address, family=family)
            listeners.append(ListeningSocket(listener, new_connections))
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    return listeners
