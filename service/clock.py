"""What time it is: real, or another one at another speed for drills that play a day of the past."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from service.errors import BadSetting

DRILL = re.compile(r"(?P<begin>[^@*\s]+)@(?P<since>\d+(?:\.\d+)?)\*(?P<speed>\d+(?:\.\d+)?)")


class Drill(NamedTuple):
    """A time, the Unix time at which it was that time, and how fast it goes on."""

    begin: datetime
    since: float
    speed: float


class Clock:
    """Called, it says what time it is, UTC.

    Args:
        drill: Empty for real time. BEGIN@SINCE*SPEED for what began as BEGIN (RFC 3339) at the Unix
            time SINCE and goes on SPEED times as fast; all processes that are told the same agree.

    Raises:
        BadSetting: The words mean no such time.
    """

    def __init__(self, drill: str = "") -> None:
        self._drill = parse(drill) if drill else None
        self.speed = 1.0 if self._drill is None else self._drill.speed

    def __call__(self) -> datetime:
        if self._drill is None:
            return utc_now()
        begin, since, speed = self._drill
        return begin + timedelta(seconds=(time.time() - since) * speed)


def utc_now() -> datetime:
    """The real time: of processes and how long they take, also in drills."""
    return datetime.now(UTC)


def parse(drill: str) -> Drill:
    found = DRILL.fullmatch(drill)
    try:
        begin = datetime.fromisoformat(found["begin"]) if found else None
    except ValueError:
        begin = None
    if found is None or begin is None or begin.tzinfo is None or not float(found["speed"]):
        raise BadSetting(
            f"NOWCAST_DRILL is {drill!r}, should be BEGIN@SINCE*SPEED with the time zone of BEGIN, "
            f"SINCE in seconds since 1970 and SPEED above 0, as in "
            f"2020-09-07T07:20:00Z@1790000000*200; leave it out for real time"
        )
    return Drill(begin.astimezone(UTC), float(found["since"]), float(found["speed"]))
