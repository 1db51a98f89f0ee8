"""The parameter `datetime` is an instant, a date or an interval, and nothing else."""

import pytest

from service.api.edr.times import ALWAYS, parse_interval
from service.errors import BadQuery


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("2020-09-07T14:00:00Z", "2020-09-07T14:00:00Z"),
        ("2020-09-07T16:00:00+02:00", "2020-09-07T14:00:00Z"),
        ("2020-09-07T16:00:00 02:00", "2020-09-07T14:00:00Z"),
        ("2020-09-07T14:00Z/2020-09-07T16:00Z", "2020-09-07T14:00:00Z/2020-09-07T16:00:00Z"),
        ("2020-09-07T14:00:00Z/..", "2020-09-07T14:00:00Z/2200-01-01T00:00:00Z"),
        ("2020-09-07T14:00:00Z/", "2020-09-07T14:00:00Z/2200-01-01T00:00:00Z"),
        ("../2020-09-07T14:00:00Z", "1990-01-01T00:00:00Z/2020-09-07T14:00:00Z"),
        ("2020-09-07", "2020-09-07T00:00:00Z/2020-09-07T23:59:59Z"),
    ],
)
def test_an_instant_a_date_and_an_interval_are_understood(text: str, interval: str) -> None:
    assert str(parse_interval(text)) == interval


def test_without_it_all_times_are_meant() -> None:
    assert parse_interval(None) == ALWAYS


@pytest.mark.parametrize(
    "text",
    ["garbage", "", "..", "../..", "/", "2020-09-07T14:00:00", "2020-13-07", "2020-09-07T25:00:00Z",
     "a/b/c", "2020-09-07T14:00:00Z/2020-09-07T13:00:00Z", "1600000000", "1950-01-01T00:00:00Z",
     "2020-09-07T14:00:00Z/P1D", "\x00"],
)  # fmt: skip
def test_another_text_is_refused_with_what_it_should_be(text: str) -> None:
    with pytest.raises(BadQuery, match="datetime"):
        parse_interval(text)
