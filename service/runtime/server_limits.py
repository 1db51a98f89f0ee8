"""Limits of the HTTP server that depend on its machine."""

import logging
import resource
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path

log = logging.getLogger(__name__)

RESERVED_FILES = 256
"""File descriptors for anything but connections: archive, ledger, ingest, uploads, new
connections."""
RESERVED_SHARE = 2 / 3
"""Share of the free file descriptors that is in reserve, where these are fewer."""
BACKLOG = 128
"""Connections that are accepted at a time; all can be open before the first is refused."""


def is_in(host: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is in one of some networks."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in networks)


def most_connections(wanted: int) -> int:
    """Return how many connections the limit of open files allows.

    The soft limit is raised to the hard limit, as far as it helps. Ingest, ledger and archive keep
    file descriptors in reserve, so that no client can stop them.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_open = sum(1 for _ in Path("/proc/self/fd").iterdir())
    needed = is_open + RESERVED_FILES + wanted
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    free = soft - is_open
    most = max(min(wanted, free - min(RESERVED_FILES, int(RESERVED_SHARE * free))), 1)
    if most < wanted:
        log.warning(
            "%d connections at the same time, %d are set: %d files can be open (ulimit -n)",
            most,
            wanted,
            soft,
        )
    return most


def backlog_of(most: int) -> int:
    """Return how many connections are accepted at a time, where so many can be open."""
    return max(min(BACKLOG, most // 2), 1)
