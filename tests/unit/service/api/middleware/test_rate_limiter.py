"""Token buckets: a minute's requests at once, then one at a time, and never more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.middleware import rate_limiter
from service.api.middleware.rate_limiter import MINUTE, ROUNDING, Rates


def test_the_requests_of_a_minute_may_come_at_once_and_not_one_more() -> None:
    buckets = Rates()
    verdicts = [buckets.take("anna", 3, 100.0) for _ in range(4)]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]
    assert [verdict.wait_seconds for verdict in verdicts[:3]] == [0, 0, 0]
    assert abs(verdicts[3].wait_seconds - 20) < ROUNDING


def test_who_waits_as_long_as_told_may_ask_once_more() -> None:
    buckets = Rates()
    for _ in range(3):
        buckets.take("anna", 3, 100.0)
    wait = buckets.take("anna", 3, 100.0).wait_seconds
    assert buckets.take("anna", 3, 100.0 + wait - 0.01).wait_seconds > 0
    assert buckets.take("anna", 3, 100.0 + wait).wait_seconds == 0
    assert buckets.take("anna", 3, 100.0 + wait).wait_seconds > 0


def test_clients_do_not_get_in_the_way_of_each_other() -> None:
    buckets = Rates()
    assert buckets.take("anna", 1, 0.0).wait_seconds == 0
    assert buckets.take("ben", 1, 0.0).wait_seconds == 0
    assert buckets.take("anna", 1, 0.0).wait_seconds > 0


@given(
    per_minute=st.integers(1, 2000),
    pauses=st.lists(st.floats(0, 30) | st.just(0.0), min_size=1, max_size=200),
)
def test_in_no_stretch_of_time_do_more_pass_than_a_bucket_and_its_flow(
    per_minute: int, pauses: list[float]
) -> None:
    buckets, now, passed = Rates(), 1e6, []
    for pause in pauses:
        now += pause
        if not buckets.take("anna", per_minute, now).wait_seconds:
            passed.append(now)
    for first, begin in enumerate(passed):
        for last, end in enumerate(passed[first:], start=first):
            flow = (end - begin + 1e-3) * per_minute / MINUTE
            assert last - first + 1 <= per_minute + flow


@given(st.lists(st.floats(0, 90), min_size=1, max_size=60))
def test_who_keeps_to_the_rate_is_never_refused(more: list[float]) -> None:
    buckets, now = Rates(), 0.0
    for pause in more:
        now += 6.0 + pause
        assert buckets.take("anna", 10, now).wait_seconds == 0


def test_clients_that_are_long_gone_are_forgotten() -> None:
    buckets = Rates()
    for number in range(1000):
        buckets.take(f"client {number}", 60, now=0.1 * number)
    assert len(buckets._full) < 20, "a bucket of one a second is full again after a second"


def test_no_more_clients_are_remembered_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rate_limiter, "MOST_CLIENTS", 50)
    buckets = Rates()
    for number in range(1000):
        buckets.take(f"client {number}", 1, now=0.0)
    assert len(buckets._full) == 50
    assert buckets.take("client 999", 1, 0.0).wait_seconds > 0
