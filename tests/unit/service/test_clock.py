"""What time it is: real time, or simulated time, on which all processes agree."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from service.clock import Clock, utc_now
from service.errors import BadSetting
from service.runtime.deployment import Deployment
from service.settings import Settings

BEGIN = datetime(2020, 9, 7, 7, 20, tzinfo=UTC)


def test_without_simulated_time_it_is_what_it_is() -> None:
    clock = Clock()
    before, found, after = utc_now(), clock(), utc_now()
    assert before <= found <= after
    assert (found.tzinfo, clock.speed) == (UTC, 1)


def test_a_drill_begins_at_its_time_and_goes_on_at_its_speed() -> None:
    since = round(time.time(), 3) - 6
    clock = Clock(f"2020-09-07T07:20:00Z@{since}*200")
    assert clock.speed == 200
    for _ in range(2):
        before, found, after = time.time(), clock() - BEGIN, time.time()
        assert 200 * (before - since) - 0.1 <= found.total_seconds() <= 200 * (after - since) + 0.1
        time.sleep(0.1)


def test_clocks_with_the_same_simulated_time_agree() -> None:
    simulated_time = f"2020-09-07T09:20:00+02:00@{int(time.time()) - 100}*1.5"
    first, second = Clock(simulated_time), Deployment(Settings(simulated_time=simulated_time)).clock
    before, between, after = first(), second(), first()
    assert before <= between <= after
    assert BEGIN + timedelta(seconds=150) <= first() < BEGIN + timedelta(seconds=600)
    assert first().tzinfo == UTC


def test_a_drill_may_begin_later() -> None:
    assert Clock(f"2020-09-07T07:20:00Z@{time.time() + 60}*10")() < BEGIN


@pytest.mark.parametrize(
    "simulated_time",
    [
        "yesterday",
        "2020-09-07T07:20:00Z",
        "2020-09-07T07:20:00Z@now*2",
        "2020-09-07T07:20:00@1790000000*2",
        "2020-13-07T07:20:00Z@1790000000*2",
        "2020-09-07T07:20:00Z@1790000000*0",
        "2020-09-07T07:20:00Z@1790000000*-3",
        "2020-09-07T07:20:00Z@1790000000*200 ",
    ],
)
def test_a_simulated_time_of_another_form_is_refused(simulated_time: str) -> None:
    with pytest.raises(BadSetting, match=r"should be BEGIN@SINCE\*SPEED"):
        Clock(simulated_time)
