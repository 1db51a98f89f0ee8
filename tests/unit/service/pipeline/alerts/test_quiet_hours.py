"""Quiet hours are those of a time zone, over midnight and when clocks change."""

from datetime import datetime

import pytest

from service.pipeline.alerts.quiet_hours import quiet_until
from tests.alerts.rain_band import subscription


def until(begin: str, end: str, now: str, zone: str = "Europe/Berlin") -> str | None:
    subscribed = subscription(quiet_hours={"begin": begin, "end": end}, time_zone=zone)
    found = quiet_until(subscribed, datetime.fromisoformat(now))
    return None if found is None else f"{found:%d %H:%M}"


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-06-21T19:59Z", None),
        ("2026-06-21T20:00Z", "22 04:00"),
        ("2026-06-21T23:30Z", "22 04:00"),
        ("2026-06-22T03:59Z", "22 04:00"),
        ("2026-06-22T04:00Z", None),
        ("2026-12-21T20:30Z", None),
        ("2026-12-21T21:00Z", "22 05:00"),
        ("2026-10-24T22:00Z", "25 05:00"),
        ("2026-03-28T22:00Z", "29 04:00"),
    ],
)
def test_a_night_ends_in_the_morning_of_the_time_zone(now: str, expected: str | None) -> None:
    assert until("22:00", "06:00", now) == expected


def test_hours_of_a_day_and_none() -> None:
    assert until("08:00", "17:00", "2026-06-21T12:00Z", "UTC") == "21 17:00"
    assert until("08:00", "17:00", "2026-06-21T17:00Z", "UTC") is None
    assert until("08:00", "08:00", "2026-06-21T12:00Z", "UTC") is None
    assert quiet_until(subscription(), datetime.fromisoformat("2026-06-21T12:00Z")) is None


@pytest.mark.parametrize("zone", ["Berlin", "", "../etc/passwd", "Europe/Nowhere"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="time zone of IANA"):
        subscription(time_zone=zone)
