"""How often a client may ask: a token bucket each, as the generic cell rate algorithm
(ITU-T I.371, annex A) keeps it, in one number."""

from collections import OrderedDict
from math import ceil
from typing import NamedTuple

MINUTE = 60.0
"""Seconds. A bucket that is full has the requests of a minute."""
MOST_CLIENTS = 100_000
"""Remembered at once; those not heard of for longest go first."""
ROUNDING = 1e-6
"""Seconds by which sums of times may be off."""


class RateLimitState(NamedTuple):
    """Whether a request may pass.

    Attributes:
        remaining: How many more may come at once.
        full_seconds: Until the bucket is full again.
        wait_seconds: Until there is room for one more; 0 where it has passed.
    """

    remaining: int
    full_seconds: float
    wait_seconds: float

    def headers(self, per_minute: int) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers-10 has them."""
        said = {
            "RateLimit-Policy": f'"requests";q={per_minute};w={MINUTE:.0f}',
            "RateLimit": f'"requests";r={self.remaining};t={ceil(self.full_seconds)}',
        }
        if self.wait_seconds:
            said["Retry-After"] = str(ceil(self.wait_seconds))
        return said


class RateLimiter:
    """The buckets of all clients. For one thread."""

    def __init__(self) -> None:
        self._full: OrderedDict[str, float] = OrderedDict()
        """When the bucket of a client will be full, in the order they were last heard of."""

    def acquire(self, client: str, per_minute: int, now: float) -> RateLimitState:
        """One request of a client, at a time in seconds."""
        gap = MINUTE / per_minute
        full = max(self._full.get(client, now), now)
        wait = full + gap - MINUTE - now
        if wait > ROUNDING:
            return RateLimitState(0, full - now, wait)
        full += gap
        self._full[client] = full
        self._full.move_to_end(client)
        self._forget(now)
        remaining = int((MINUTE - (full - now) + ROUNDING) / gap)
        return RateLimitState(remaining, full - now, 0)

    def _forget(self, now: float) -> None:
        """A full bucket is like none."""
        while len(self._full) > MOST_CLIENTS or next(iter(self._full.values())) <= now:
            self._full.popitem(last=False)
