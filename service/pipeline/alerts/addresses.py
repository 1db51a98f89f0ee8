"""Addresses that messages may be sent to: those of the internet, and inner ones by permission."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from threading import local
from typing import Any
from urllib.parse import urlsplit

from pydantic import IPvAnyNetwork

from service.errors import BadRequest

NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
"""IPv6 networks that hold IPv4 addresses in their last 32 bits (RFC 6052, RFC 8215)."""
COMPATIBLE = ip_network("::/96")
WEB_PORTS = (80, 443)
LOWEST_FREE_PORT = 1024
"""Ports below it are of other services than the web."""
CONNECTING = ("socket.connect", "socket.sendto", "socket.sendmsg")
"""Audit events of Python whose arguments are a socket and an address."""


class ForbiddenAddress(OSError):
    """The address is of an inner network, and the operator has not allowed it."""


class AllowedAddresses:
    """Decides which addresses messages may be sent to.

    Args:
        inner: Inner networks that the operator allows.
    """

    def __init__(self, inner: Sequence[IPvAnyNetwork] = ()) -> None:
        self._inner = tuple(inner)

    def check(self, host: str) -> None:
        """Check an IP address.

        Raises:
            ForbiddenAddress: It is of an inner network, or no address.
        """
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            raise ForbiddenAddress(f"{host[:60]!r} is no IP address") from None
        every = [address, *embedded(address)]
        if not all(self._is_allowed(inside) for inside in every):
            # Without the address, which the owner of a subscription has no right to know.
            raise ForbiddenAddress(
                "the host has an address of an inner network; only the operator can allow it, by "
                "NOWCAST_ALERT_NETWORKS"
            )

    def _is_allowed(self, address: IPv4Address | IPv6Address) -> bool:
        if isinstance(address, IPv6Address) and any(embedded(address)):
            return True  # what it holds is checked
        if any(address.version == known.version and address in known for known in self._inner):
            return True
        return address.is_global and not address.is_multicast and not address.is_reserved


def embedded(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address stands for or leads to."""
    if isinstance(address, IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if in_any(address, (*NAT64, COMPATIBLE)) and int(address) > 1:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [inside for inside in found if inside is not None]


def in_any(address: IPv6Address, networks: Sequence[Any]) -> bool:
    """Whether an address lies in one of some networks."""
    return any(isinstance(net, IPv6Network) and address in net for net in networks)


def check_url(url: str) -> None:
    """Check the address of a webhook, as far as that can be done without resolving its host.

    Raises:
        BadRequest: It is no URL of HTTP, or has a user, a fragment or the port of another service.
    """
    should_be = "should be like https://example.org/rain"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadRequest(f"the URL of the channel cannot be read; it {should_be}") from None
    is_plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if not is_plain or parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadRequest(f"the URL of the channel is {url[:80]!r}, {should_be}")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise BadRequest(f"the URL of the channel has a user or a fragment, {should_be}")
    if port is not None and port not in WEB_PORTS and port < LOWEST_FREE_PORT:
        raise BadRequest(
            f"the URL of the channel has the port {port}, should have 80, 443 or one from "
            f"{LOWEST_FREE_PORT} on"
        )


# packages that connect by themselves

guarded_thread = local()
"""Has `allowed`, the addresses that this thread may connect to, while it is guarded."""


@contextmanager
def only_allowed(allowed: AllowedAddresses) -> Iterator[None]:
    """Refuse all connections of this thread to other addresses, whichever package makes them.

    What is checked is the address that is connected to, so that neither a redirect nor a name that
    resolves differently the second time leads elsewhere.
    """
    install_guard()
    guarded_thread.allowed = allowed
    try:
        yield
    finally:
        guarded_thread.allowed = None


def install_guard() -> None:
    """Install the audit hook, once in a process."""
    if not GUARD:
        GUARD.append(check_connection)
        sys.addaudithook(check_connection)


GUARD: list[Any] = []


def check_connection(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse a connection of a guarded thread to an address that is not allowed.

    Raises:
        ForbiddenAddress: It is not allowed, or no address of the internet protocol.
    """
    if event not in CONNECTING:
        return
    allowed: AllowedAddresses | None = getattr(guarded_thread, "allowed", None)
    if allowed is None:
        return
    address = arguments[1]
    if not isinstance(address, tuple) or not isinstance(address[0], str):
        raise ForbiddenAddress("only addresses of the internet protocol are connected to")
    allowed.check(address[0])
