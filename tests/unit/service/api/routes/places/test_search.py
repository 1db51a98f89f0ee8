"""Places are searched over HTTP by a text or a position."""

import pytest
from fastapi.testclient import TestClient

from tests.served import problem


def test_places_are_found_by_the_start_of_a_name(reader: TestClient) -> None:
    found = reader.get("/places", params={"q": "muench", "limit": 3}).json()["places"]
    assert (found[0]["name"], found[0]["name_en"], found[0]["state"]) == (
        "München",
        "Munich",
        "Bayern",
    )
    assert len(found) == 3


def test_a_position_has_the_place_that_is_there(reader: TestClient) -> None:
    (found,) = reader.get("/places?lat=52.52&lon=13.41").json()["places"]
    assert found["name"] == "Berlin"
    assert reader.get("/places?lat=56.5&lon=3").json()["places"] == []


def test_a_text_that_names_no_place_finds_none(reader: TestClient) -> None:
    assert reader.get("/places?q=qqqq").json()["places"] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 400), ("q=a&lat=50&lon=10", 400), ("lat=50", 400), ("q=", 400), ("q=b&limit=21", 422),
     ("q=b&limit=0", 422), (f"q={'a' * 61}", 422), ("lat=nan&lon=10", 422)],
)  # fmt: skip
def test_what_is_neither_text_nor_position_is_refused(
    reader: TestClient, query: str, status: int
) -> None:
    problem(reader.get(f"/places?{query}"), status)
