"""Rate limit per client: a token bucket.

The generic cell rate algorithm (ITU-T I.371, annex A) keeps the bucket as one number.
"""

from collections import OrderedDict
from math import ceil
from typing import NamedTuple

MINUTE = 60.0
"""Seconds. A full bucket holds the requests of one minute."""
MOST_CLIENTS = 100_000
"""Clients remembered at once; the least recently seen are forgotten first."""
ROUNDING = 1e-6
"""Seconds by which sums of times may be off."""


class RateLimitState(NamedTuple):
    """State of a client's token bucket after a request.

    Attributes:
        remaining: Requests the client may still send at once.
        full_seconds: Seconds until the bucket is full again.
        wait_seconds: Seconds until a refused request would be allowed; 0 for an allowed request.
    """

    remaining: int
    full_seconds: float
    wait_seconds: float

    def headers(self, per_minute: int) -> dict[str, str]:
        """Response headers by draft-ietf-httpapi-ratelimit-headers-10, and Retry-After."""
        headers = {
            "RateLimit-Policy": f'"requests";q={per_minute};w={MINUTE:.0f}',
            "RateLimit": f'"requests";r={self.remaining};t={ceil(self.full_seconds)}',
        }
        if self.wait_seconds:
            headers["Retry-After"] = str(ceil(self.wait_seconds))
        return headers


class RateLimiter:
    """Token buckets of all clients. Not thread-safe: it belongs to the event loop.

    A plain ordered dictionary: a bucket expires at a time that changes with every request, and
    the time is an argument, neither of which `cachetools.TTLCache` has.
    """

    def __init__(self) -> None:
        self._full: OrderedDict[str, float] = OrderedDict()
        """Time at which each client's bucket is full, least recently seen clients first."""

    def acquire(self, client: str, per_minute: int, now: float) -> RateLimitState:
        """Take one token from a client's bucket.

        Args:
            client: Name of the client.
            per_minute: Requests per minute, above 0.
            now: Monotonic time in seconds.

        Returns:
            The state of the bucket; the request is refused where `wait_seconds` is above 0.
        """
        interval = MINUTE / per_minute
        full = max(self._full.get(client, now), now)
        wait = full + interval - MINUTE - now
        if wait > ROUNDING:
            return RateLimitState(0, full - now, wait)
        full += interval
        self._full[client] = full
        self._full.move_to_end(client)
        self._forget(now)
        remaining = int((MINUTE - (full - now) + ROUNDING) / interval)
        return RateLimitState(remaining, full - now, 0)

    def give_back(self, client: str, per_minute: int) -> None:
        """Put a token that was taken back into a client's bucket."""
        if client in self._full:
            self._full[client] -= MINUTE / per_minute

    def _forget(self, now: float) -> None:
        """Remove full buckets: an unknown client has a full one."""
        while len(self._full) > MOST_CLIENTS or next(iter(self._full.values())) <= now:
            self._full.popitem(last=False)
