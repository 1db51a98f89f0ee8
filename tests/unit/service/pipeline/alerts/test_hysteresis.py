"""An event starts and ends when two issues in a row say so; what is unknown ends none."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest

from service.ledger.alert_table import AlertState
from service.pipeline.alerts.hysteresis import Change, Step, step
from tests.alerts.rain_band import moment

MARKS = {"x": True, ".": False, "?": None}


def steps(marks: str, quiet: Iterable[int] = (), every: int = 1) -> Iterator[Step]:
    """Steps of issues: fulfilled (x), not fulfilled (.) or unknown (?)."""
    state = AlertState()
    for number, mark in enumerate(marks):
        found = step(state, moment(every * number), fulfilled=MARKS[mark], is_quiet=number in quiet)
        state = found.state
        yield found


def changes(marks: str, quiet: Iterable[int] = (), every: int = 1) -> dict[int, Change]:
    """What is announced, by the number of the issue."""
    found = enumerate(steps(marks, quiet, every))
    return {number: step.change for number, step in found if step.change}


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ("....", {}),
        (".x.x.x.", {}),
        (".xx..", {2: "start", 4: "clear"}),
        (".xxx.x.x..", {2: "start", 9: "clear"}),
        (".xx..xx..", {2: "start", 4: "clear", 6: "start", 8: "clear"}),
        ("xx", {1: "start"}),
        ("x?x", {2: "start"}),
        (".xx.?.?.?", {2: "start"}),
        (".xx??????", {2: "start"}),
        (".xx???..", {2: "start", 7: "clear"}),
        ("???", {}),
    ],
)
def test_two_issues_in_a_row_start_and_end_an_event(
    marks: str, expected: dict[int, Change]
) -> None:
    assert changes(marks) == expected


def test_issues_far_apart_are_not_in_a_row() -> None:
    assert changes("xxxx", every=4) == {}
    assert changes("xxxx", every=3) == {1: "start"}


def test_an_event_of_quiet_hours_is_announced_after_them_if_it_lasts() -> None:
    assert changes(".xxx..", quiet=range(10)) == {}
    assert changes(".xxxxx..", quiet=range(4)) == {4: "start", 7: "clear"}
    assert changes(".xxx..", quiet=range(2, 4)) == {}, "no all-clear of what was not announced"
    assert changes(".xx...", quiet=range(3, 9)) == {2: "start", 4: "clear"}


def test_an_event_of_which_nothing_is_known_for_hours_is_dropped_without_all_clear() -> None:
    found = list(steps("xx" + "?" * 80 + "xx"))
    assert found[70].state.event is not None
    assert found[80].state == AlertState(moment(80))
    assert [step.change for step in found if step.change] == ["start", "start"]


def test_an_event_is_named_by_the_issue_at_which_it_started() -> None:
    *_, last = steps(".xxxx")
    assert last.state.event == moment(2)
    assert last.state.confirmed == moment(2) + timedelta(minutes=10)
