"""How much of the radar came in a period."""

from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

from service.ledger.ledger import KEPT, Ledger
from service.skill.period_summary import Period

FRAME = timedelta(minutes=5)
DUE_AFTER = timedelta(minutes=10)
"""A frame that is not there by then is missing; it is published within five."""
HOURLY = timedelta(days=2)
"""A period up to which it is told by the hour, else by the day."""


class Span(NamedTuple):
    """An hour or a day of it: how many frames were due, and how many are there."""

    begin: datetime
    due: int
    there: int


class Radar(NamedTuple):
    """What came of the frames of a period.

    Attributes:
        due: Marks of five minutes in it, but for those that may still come.
        there: How many of them have an accepted frame, of which `late` came out of order.
        duplicates: Files of frames that were there already.
        quarantined: Files that could not be used.
        reasons: Why not, with how often, the most frequent first.
        spans: The same by the hour, or by the day.
    """

    due: int
    there: int
    late: int
    duplicates: int
    quarantined: int
    reasons: list[tuple[str, int]]
    spans: list[Span]

    @property
    def missing(self) -> int:
        return self.due - self.there

    @property
    def share(self) -> float | None:
        """Of the frames that were due; None where none was."""
        return self.there / self.due if self.due else None


def radar_of(ledger: Ledger, period: Period, now: datetime) -> Radar:
    """What came of the frames of a period, as it is known now."""
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
    there = [mark for mark in marks if mark in frames]
    return Radar(
        len(marks),
        len(there),
        sum(frames[mark] == "late" for mark in there),
        outcomes["duplicate"],
        outcomes["quarantined"],
        reasons.most_common(5),
        spans_of(marks, set(there), period),
    )


def marks_in(begin: datetime, end: datetime) -> list[datetime]:
    """Times of frames after `begin`, up to `end`."""
    past = timedelta(minutes=begin.minute % 5, seconds=begin.second, microseconds=begin.microsecond)
    first = begin - past + FRAME
    number = max((end - first) // FRAME + 1, 0)
    return [first + k * FRAME for k in range(number)]


def spans_of(marks: list[datetime], there: set[datetime], period: Period) -> list[Span]:
    hourly = period.end - period.begin <= HOURLY

    def begin_of(mark: datetime) -> datetime:
        inside = mark - timedelta(microseconds=1)  # a frame ends its interval
        hour = inside.replace(minute=0, second=0, microsecond=0)
        return hour if hourly else hour.replace(hour=0)

    due = Counter(map(begin_of, marks))
    existing = Counter(begin_of(mark) for mark in marks if mark in there)
    return [Span(begin, due[begin], existing[begin]) for begin in sorted(due)]
