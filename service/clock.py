"""Current time: the real one, or a simulated time that replays a past day at another speed."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from service.errors import BadSetting

SIMULATED_TIME = re.compile(
    r"(?P<begin>[^@*\s]+)@(?P<since>\d+(?:\.\d+)?)\*(?P<speed>\d+(?:\.\d+)?)"
)


class SimulatedTime(NamedTuple):
    """Simulated time: it is `begin` at the Unix time `since` and passes `speed` times as fast."""

    begin: datetime
    since: float
    speed: float


class Clock:
    """Returns the current time in UTC when called.

    Args:
        simulated_time: Empty for real time, or BEGIN@SINCE*SPEED: it is BEGIN (RFC 3339) at the
            Unix time SINCE, and time passes SPEED times as fast. All processes with the same value
            agree on the time.

    Raises:
        BadSetting: The text is not of this form.
    """

    def __init__(self, simulated_time: str = "") -> None:
        self._simulated = parse(simulated_time) if simulated_time else None
        self.speed = 1.0 if self._simulated is None else self._simulated.speed

    def __call__(self) -> datetime:
        """Return the current time in UTC."""
        if self._simulated is None:
            return utc_now()
        begin, since, speed = self._simulated
        return begin + timedelta(seconds=(time.time() - since) * speed)


def utc_now() -> datetime:
    """Real time in UTC, for heartbeats and durations of processes; also in simulated time."""
    return datetime.now(UTC)


def parse(simulated_time: str) -> SimulatedTime:
    """Parse BEGIN@SINCE*SPEED.

    Raises:
        BadSetting: The text is not of this form.
    """
    match = SIMULATED_TIME.fullmatch(simulated_time)
    try:
        begin = datetime.fromisoformat(match["begin"]) if match else None
    except ValueError:
        begin = None
    if match is None or begin is None or begin.tzinfo is None or not float(match["speed"]):
        raise BadSetting(
            f"NOWCAST_SIMULATED_TIME is {simulated_time!r}, should be BEGIN@SINCE*SPEED with the "
            f"time zone of BEGIN, SINCE in seconds since 1970 and SPEED above 0, as in "
            f"2020-09-07T07:20:00Z@1790000000*200; leave it out for real time"
        )
    return SimulatedTime(begin.astimezone(UTC), float(match["since"]), float(match["speed"]))
