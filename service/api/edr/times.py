"""The parameter `datetime`: an instant, a date, or an interval that may be open."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from service.api.schemas import EARLIEST, LATEST, Moment
from service.archive.key import iso
from service.errors import BadQuery

DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt].*", re.ASCII)
TIMES: TypeAdapter[datetime] = TypeAdapter(Moment)
OPEN = ("..", "")


class Interval(NamedTuple):
    """Times from the first to the last, both included."""

    first: datetime
    last: datetime

    def includes(self, time: datetime) -> bool:
        """Whether a time lies in the interval."""
        return self.first <= time <= self.last

    def __str__(self) -> str:
        if self.first == self.last:
            return iso(self.first)
        return f"{iso(self.first)}/{iso(self.last)}"


ALWAYS = Interval(EARLIEST, LATEST)


def parse_interval(text: str | None) -> Interval:
    """The interval that `datetime` means; all times where it is not given.

    Raises:
        BadQuery: It is no instant and no interval, or ends before it begins.
    """
    if text is None:
        return ALWAYS
    parts = [part.strip() for part in text.split("/")]
    if len(parts) == 1:
        return period(parts[0])
    if len(parts) != 2 or all(part in OPEN for part in parts):
        raise not_a_time(text)
    first = EARLIEST if parts[0] in OPEN else period(parts[0]).first
    last = LATEST if parts[1] in OPEN else period(parts[1]).last
    if first > last:
        raise BadQuery(f"datetime is {text[:80]!r}, whose end is before its beginning")
    return Interval(first, last)


def period(text: str) -> Interval:
    """The instant that a text means, or the day in UTC.

    Raises:
        BadQuery: It is neither.
    """
    # a plus sign that is not escaped in a URL arrives as a space
    text = text.strip().replace(" ", "+")
    try:
        if not (DATE.fullmatch(text) or INSTANT.fullmatch(text)):
            raise not_a_time(text)
        if DATE.fullmatch(text):
            begin = datetime.fromisoformat(text).replace(tzinfo=UTC)
            return Interval(begin, begin + timedelta(days=1, microseconds=-1))
        time = TIMES.validate_strings(text, strict=False)
    except (ValidationError, ValueError):
        raise not_a_time(text) from None
    return Interval(time, time)


def not_a_time(text: str) -> BadQuery:
    """The error of a text that is no time."""
    return BadQuery(
        f"datetime is {text[:80]!r}, should be an instant such as 2020-09-07T14:00:00Z, or an "
        f"interval such as 2020-09-07T14:00:00Z/2020-09-07T16:00:00Z, ../2020-09-07T16:00:00Z or "
        f"2020-09-07T14:00:00Z/.."
    )
