"""When an event starts and ends: two issues in a row must say so."""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from service.ledger.alert_table import AlertState

CYCLES = 2
"""Issues in a row that start or end an event."""
IN_A_ROW = timedelta(minutes=15)
"""Longest time between two issues in a row."""
LOST = timedelta(hours=6)
"""Time after which an event of which nothing is known any more is dropped, without an all-clear, so
that the next one is announced."""

Change = Literal["start", "clear"]


class Step(NamedTuple):
    """The state of an alert after an issue, and what is to be announced."""

    state: AlertState
    change: Change | None = None


def step(
    state: AlertState, issue: datetime, *, fulfilled: bool | None, is_quiet: bool = False
) -> Step:
    """Compare the state of an alert with a newer issue.

    An event that starts in quiet hours is announced after them, if it still lasts. The end of an
    event that has not been announced is not announced either.

    Args:
        state: State of the alert.
        issue: Issue time of the forecast.
        fulfilled: Whether the condition is fulfilled; None if that is unknown. What is unknown ends
            no event, and interrupts the issues in a row that would end it.
        is_quiet: Whether the issue lies in quiet hours.
    """
    is_broken = state.issue is None or issue - state.issue > IN_A_ROW
    seen = state._replace(issue=issue, streak=0 if is_broken else state.streak)
    if fulfilled is None:
        return Step(unknown(seen, issue))
    if state.event is None:
        return start(seen, issue, fulfilled=fulfilled, is_quiet=is_quiet)
    return go_on(seen, issue, fulfilled=fulfilled, is_quiet=is_quiet)


def unknown(state: AlertState, issue: datetime) -> AlertState:
    """Return the state after an issue that says nothing."""
    if state.event is None:
        return state
    is_lost = state.confirmed is not None and issue - state.confirmed > LOST
    return AlertState(issue) if is_lost else state._replace(streak=0)


def start(state: AlertState, issue: datetime, *, fulfilled: bool, is_quiet: bool) -> Step:
    """Return the step without an event: it starts one with the last of the issues in a row."""
    streak = state.streak + 1 if fulfilled else 0
    if streak < CYCLES:
        return Step(state._replace(streak=streak))
    event = AlertState(issue, issue, announced=not is_quiet, confirmed=issue)
    return Step(event, None if is_quiet else "start")


def go_on(state: AlertState, issue: datetime, *, fulfilled: bool, is_quiet: bool) -> Step:
    """Return the step of an event: it lasts, or ends with the last of the issues in a row."""
    if fulfilled:
        is_due = not state.announced and not is_quiet
        announced = state.announced or is_due
        lasting = state._replace(streak=0, announced=announced, confirmed=issue)
        return Step(lasting, "start" if is_due else None)
    if state.streak + 1 < CYCLES:
        return Step(state._replace(streak=state.streak + 1))
    return Step(AlertState(issue), "clear" if state.announced else None)
