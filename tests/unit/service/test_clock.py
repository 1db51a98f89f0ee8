"""What time it is: real time, or that of a drill, on which all processes agree."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from service.clock import Clock, utc_now
from service.errors import BadSetting
from service.runtime.deployment import Deployment
from service.settings import Settings

BEGIN = datetime(2020, 9, 7, 7, 20, tzinfo=UTC)


def test_without_a_drill_it_is_what_it_is() -> None:
    clock = Clock()
    before, found, after = utc_now(), clock(), utc_now()
    assert before <= found <= after
    assert (found.tzinfo, clock.speed) == (UTC, 1)


def test_a_drill_begins_at_its_time_and_goes_on_at_its_speed() -> None:
    clock = Clock(f"2020-09-07T07:20:00Z@{time.time() - 6}*200")
    passed = clock() - BEGIN
    assert timedelta(minutes=20) <= passed < timedelta(minutes=21)
    assert clock.speed == 200
    time.sleep(0.1)
    assert timedelta(seconds=20) <= clock() - BEGIN - passed < timedelta(seconds=60)


def test_all_that_are_told_the_same_drill_agree() -> None:
    drill = f"2020-09-07T09:20:00+02:00@{int(time.time()) - 100}*1.5"
    one, other = Clock(drill), Deployment(Settings(drill=drill)).clock
    assert abs(one() - other()) < timedelta(seconds=1)
    assert BEGIN + timedelta(seconds=150) <= one() < BEGIN + timedelta(seconds=160)
    assert one().tzinfo == UTC


def test_a_drill_may_begin_later() -> None:
    assert Clock(f"2020-09-07T07:20:00Z@{time.time() + 60}*10")() < BEGIN


@pytest.mark.parametrize(
    "drill",
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
def test_a_drill_that_means_nothing_is_refused(drill: str) -> None:
    with pytest.raises(BadSetting, match=r"should be BEGIN@SINCE\*SPEED"):
        Clock(drill)
