"""Token limiter: a minute's requests at once, then one at a time, and never more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.connections import rate_limiter
from service.api.connections.rate_limiter import MINUTE, ROUNDING, RateLimiter


def test_the_requests_of_a_minute_may_come_at_once_and_not_one_more() -> None:
    limiter = RateLimiter()
    states = [limiter.acquire("anna", 3, 100.0) for _ in range(4)]
    assert [state.remaining for state in states] == [2, 1, 0, 0]
    assert [state.wait_seconds for state in states[:3]] == [0, 0, 0]
    assert abs(states[3].wait_seconds - 20) < ROUNDING


def test_who_waits_as_long_as_told_may_ask_once_more() -> None:
    limiter = RateLimiter()
    for _ in range(3):
        limiter.acquire("anna", 3, 100.0)
    wait = limiter.acquire("anna", 3, 100.0).wait_seconds
    assert limiter.acquire("anna", 3, 100.0 + wait - 0.01).wait_seconds > 0
    assert limiter.acquire("anna", 3, 100.0 + wait).wait_seconds == 0
    assert limiter.acquire("anna", 3, 100.0 + wait).wait_seconds > 0


def test_clients_do_not_get_in_the_way_of_each_other() -> None:
    limiter = RateLimiter()
    assert limiter.acquire("anna", 1, 0.0).wait_seconds == 0
    assert limiter.acquire("ben", 1, 0.0).wait_seconds == 0
    assert limiter.acquire("anna", 1, 0.0).wait_seconds > 0


@given(
    per_minute=st.integers(1, 2000),
    pauses=st.lists(st.floats(0, 30) | st.just(0.0), min_size=1, max_size=200),
)
def test_in_no_stretch_of_time_do_more_pass_than_a_bucket_and_its_flow(
    per_minute: int, pauses: list[float]
) -> None:
    limiter, now, passed = RateLimiter(), 1e6, []
    for pause in pauses:
        now += pause
        if not limiter.acquire("anna", per_minute, now).wait_seconds:
            passed.append(now)
    for first, begin in enumerate(passed):
        for last, end in enumerate(passed[first:], start=first):
            flow = (end - begin + 1e-3) * per_minute / MINUTE
            assert last - first + 1 <= per_minute + flow


@given(st.lists(st.floats(0, 90), min_size=1, max_size=60))
def test_who_keeps_to_the_rate_is_never_refused(more: list[float]) -> None:
    limiter, now = RateLimiter(), 0.0
    for pause in more:
        now += 6.0 + pause
        assert limiter.acquire("anna", 10, now).wait_seconds == 0


def test_clients_that_are_long_gone_are_forgotten() -> None:
    limiter = RateLimiter()
    for number in range(1000):
        limiter.acquire(f"client {number}", 60, now=0.1 * number)
    assert len(limiter._full) < 20, "a bucket of one a second is full again after a second"


def test_no_more_clients_are_remembered_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rate_limiter, "MOST_CLIENTS", 50)
    limiter = RateLimiter()
    for number in range(1000):
        limiter.acquire(f"client {number}", 1, now=0.0)
    assert len(limiter._full) == 50
    assert limiter.acquire("client 999", 1, 0.0).wait_seconds > 0
