"""A forecast at a place in a few flat members, for phones and small programs."""

import re

import pytest
from fastapi.testclient import TestClient

from tests.served import problem


def test_a_widget_has_what_a_position_query_says(reader: TestClient) -> None:
    widget = reader.get("/widget?lat=51.02&lon=10.03").json()
    series = reader.get("/collections/nowcast/position?coords=POINT(10.03 51.02)").json()
    summary = series["nowcast:summary"]
    assert {name: widget[name] for name in ("state", "starts", "ends")} == {
        name: summary[name] for name in ("state", "starts", "ends")
    }
    assert widget["now_mm_h"] == summary["rate_now"]
    assert widget["highest_mm_h"] == summary["peak"]
    assert (widget["text"], widget["text_de"]) == (summary["text"]["en"], summary["text"]["de"])
    assert all(not isinstance(value, dict | list) for value in widget.values())


def test_the_words_of_a_widget_have_times_of_germany_if_wanted(reader: TestClient) -> None:
    place = "/widget?lat=51.02&lon=10.03"
    there = reader.get(f"{place}&zone=Europe/Berlin").json()
    utc = reader.get(place).json()
    assert "UTC" in utc["text"]
    assert "UTC" not in there["text"] + there["text_de"]
    assert " Uhr" in there["text_de"]
    hour, minute = re.search(r"(\d\d):(\d\d) UTC", utc["text"]).groups()  # type: ignore[union-attr]
    assert f"{(int(hour) + 2) % 24:02d}:{minute}" in there["text"]
    problem(reader.get(f"{place}&zone=Europe/Atlantis"), 422)


@pytest.mark.parametrize(
    ("query", "status"),
    [("lat=0&lon=0", 400), ("lat=91&lon=10", 422), ("lat=nan&lon=10", 422), ("lat=51", 422),
     ("lat=51&lng=10", 400)],
)  # fmt: skip
def test_a_place_that_is_none_is_refused(reader: TestClient, query: str, status: int) -> None:
    problem(reader.get(f"/widget?{query}"), status)
