"""Table of the open connections: limits in all and per address, and whom to close for a new one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Protocol


class Connection(Protocol):
    """An open connection of the HTTP server."""

    @property
    def has_stalled(self) -> bool:
        """Whether it waits for its client in the middle of a request or response."""

    def drop(self) -> None:
        """Close it at once, without a response."""


@dataclass
class Connections:
    """Connections of one address, each kind in the order of their last activity.

    Attributes:
        unserved: Those that have not received a successful response, between two requests.
        idle: Those that have, between two requests.
        busy: Those with a request in progress.
    """

    unserved: dict[Connection, None] = field(default_factory=dict)
    idle: dict[Connection, None] = field(default_factory=dict)
    busy: dict[Connection, None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.unserved) + len(self.idle) + len(self.busy)

    def __iter__(self) -> Iterator[Connection]:
        yield from (*self.unserved, *self.idle, *self.busy)

    def discard(self, connection: Connection) -> None:
        """Remove a connection of any kind."""
        for kind in (self.unserved, self.idle, self.busy):
            kind.pop(connection, None)

    def dispensable(self) -> Connection | None:
        """The connection to close for a new one, or None where all are being served.

        First those that have never been served, then those that have been idle longest, then those
        that wait for their client in the middle of a request.
        """
        for kind in (self.unserved, self.idle):
            if kind:
                return next(iter(kind))
        return next((connection for connection in self.busy if connection.has_stalled), None)


class ConnectionTable:
    """All open connections by the address of their client. Belongs to the event loop.

    Where the limit is reached, a new connection replaces one of the same address or, where the
    limit in all is reached, of the address with the most connections: who opens many connections
    loses them first.

    Args:
        most: Limit of all connections.
        most_per_address: Limit of the connections of one address.
    """

    def __init__(self, most: int, most_per_address: int) -> None:
        self.most, self.most_per_address = most, most_per_address
        self._by_address: dict[str, Connections] = {}
        self._number = 0

    def __len__(self) -> int:
        return self._number

    def __iter__(self) -> Iterator[Connection]:
        for connections in list(self._by_address.values()):
            yield from connections

    def admit(self, connection: Connection, address: str, *, is_proxy: bool = False) -> bool:
        """Enter a new connection, after closing another one where a limit is reached.

        Args:
            connection: The new connection.
            address: Address of its client.
            is_proxy: The client is a trusted proxy, which has as many connections as it needs.

        Returns:
            Whether it is entered; False where the limit is reached and all are being served.
        """
        there = self._by_address.get(address, Connections())
        if not is_proxy and len(there) >= self.most_per_address:
            if not self._make_room(there, address):
                return False
        elif self._number >= self.most:
            crowd = max(self._by_address, key=lambda name: len(self._by_address[name]))
            if not self._make_room(self._by_address[crowd], crowd):
                return False
        self._by_address.setdefault(address, there).unserved[connection] = None
        self._number += 1
        return True

    def _make_room(self, connections: Connections, address: str) -> bool:
        victim = connections.dispensable()
        if victim is None:
            return False
        self.remove(victim, address)
        victim.drop()
        return True

    def remove(self, connection: Connection, address: str) -> None:
        """Remove a closed connection; nothing happens where it is not entered."""
        connections = self._by_address.get(address)
        if connections is None:
            return
        before = len(connections)
        connections.discard(connection)
        self._number -= before - len(connections)
        if not connections:
            del self._by_address[address]

    def set_busy(self, connection: Connection, address: str) -> None:
        """Note that the headers of a request are complete."""
        self._move(connection, address, "busy")

    def set_idle(self, connection: Connection, address: str, *, was_served: bool = True) -> None:
        """Note that a response is complete.

        Args:
            connection: The connection.
            address: Address of its client.
            was_served: This response or an earlier one was a successful one.
        """
        self._move(connection, address, "idle" if was_served else "unserved")

    def _move(self, connection: Connection, address: str, kind: str) -> None:
        connections = self._by_address.get(address)
        if connections is not None:
            before = len(connections)
            connections.discard(connection)
            if len(connections) < before:  # not one that was dropped just now
                getattr(connections, kind)[connection] = None
            elif not connections:
                del self._by_address[address]


@lru_cache(1024)
def client_network(host: str) -> str:
    """The IPv4 address or IPv6 /64 network of a host; text that is no address stays as it is."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
