"""Availability of radar frames in a period."""

from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

from service.ledger.ledger import KEPT, Ledger
from service.skill.period_summary import Period

FRAME = timedelta(minutes=5)
"""Interval of radar frames."""
DUE_AFTER = timedelta(minutes=10)
"""Age from which a frame counts as missing; it is published within five minutes."""
HOURLY = timedelta(days=2)
"""Longest period that is shown by the hour; longer ones are shown by the day."""


class Span(NamedTuple):
    """Numbers of expected and of received frames in an hour or a day."""

    begin: datetime
    expected: int
    received: int

    @property
    def share(self) -> float | None:
        """Received frames per expected frame; None if none is expected."""
        return self.received / self.expected if self.expected else None


class Radar(NamedTuple):
    """Availability of the frames of a period.

    Attributes:
        expected: Number of expected frames, one every five minutes, without very recent ones.
        received: Number of accepted frames.
        late: Number of these that came after a newer one.
        duplicates: Number of files of frames that existed.
        quarantined: Number of invalid files.
        reasons: Reasons of their quarantine with their number, the most frequent first.
        spans: Expected and received frames by the hour, or by the day.
    """

    expected: int
    received: int
    late: int
    duplicates: int
    quarantined: int
    reasons: list[tuple[str, int]]
    spans: list[Span]

    @property
    def missing(self) -> int:
        """Number of missing frames."""
        return self.expected - self.received

    @property
    def share(self) -> float | None:
        """Received frames per expected frame; None if none is expected."""
        return self.received / self.expected if self.expected else None


def radar_of(ledger: Ledger, period: Period, now: datetime) -> Radar:
    """Return the availability of the frames of a period as of now."""
    arrivals = ledger.arrivals_in(*period)
    outcomes = Counter(file.outcome for file in arrivals)
    frames = {
        file.frame_time: file.outcome
        for file in arrivals
        if file.valid_area is not None and file.outcome in KEPT
    }
    marks = marks_in(period.begin, min(period.end, now - DUE_AFTER))
    reasons = Counter(
        (file.reason or "no reason is noted").strip().splitlines()[0]
        for file in arrivals
        if file.outcome == "quarantined"
    )
    received = [mark for mark in marks if mark in frames]
    return Radar(
        len(marks),
        len(received),
        sum(frames[mark] == "late" for mark in received),
        outcomes["duplicate"],
        outcomes["quarantined"],
        reasons.most_common(5),
        spans_of(marks, set(received), period),
    )


def marks_in(begin: datetime, end: datetime) -> list[datetime]:
    """Return the times of frames after `begin`, up to `end`."""
    past = timedelta(minutes=begin.minute % 5, seconds=begin.second, microseconds=begin.microsecond)
    first = begin - past + FRAME
    number = max((end - first) // FRAME + 1, 0)
    return [first + k * FRAME for k in range(number)]


def spans_of(marks: list[datetime], received: set[datetime], period: Period) -> list[Span]:
    """Count expected and received frames by the hour, or by the day in long periods."""
    hourly = period.end - period.begin <= HOURLY

    def begin_of(mark: datetime) -> datetime:
        inside = mark - timedelta(microseconds=1)  # a frame ends its interval
        hour = inside.replace(minute=0, second=0, microsecond=0)
        return hour if hourly else hour.replace(hour=0)

    expected = Counter(map(begin_of, marks))
    by_span = Counter(begin_of(mark) for mark in marks if mark in received)
    return [Span(begin, expected[begin], by_span[begin]) for begin in sorted(expected)]
