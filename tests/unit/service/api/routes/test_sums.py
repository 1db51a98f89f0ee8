"""`/sums`: rain sums at a place and over an area, as JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from fastapi.testclient import TestClient
from xarray import DataArray

from service.api.app import create_app
from service.api.routes.sums.rain_sums import levels_of
from service.api.routes.sums.schemas import EXAMPLE, RainSums
from service.archive.archive import Archive
from service.archive.key import Key
from service.errors import BadQuery
from tests.served import LATEST, api_context, iso, problem
from tests.showers import time

FACTORS = (0.5, 1.0, 2.0, 4.0)


class Scaled:
    """Ensembles whose members are multiples of the forecast."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive

    def members(self, key: Key) -> DataArray:
        forecast = self.archive.full_forecast(key)
        names = [name for name in forecast.coords if forecast[name].ndim > 2]
        bare = forecast.drop_vars(names)
        return xr.concat([bare * factor for factor in FACTORS], "realization")


@pytest.fixture(scope="module")
def client(filled: Path) -> Iterator[TestClient]:
    context = api_context(filled)
    context.__dict__["ensembles"] = Scaled(context.archive)
    with TestClient(create_app(context), raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def forecast(filled: Path) -> DataArray:
    return Archive(filled / "archive").full_forecast(Key(time(LATEST), "advection", "none"))


@pytest.fixture(scope="module")
def wettest(forecast: DataArray) -> tuple[int, int]:
    """Row and column of the cell with the most rain in an hour."""
    hour = forecast.isel(lead_time=slice(12)).mean("lead_time", skipna=False).fillna(0)
    row, column = np.unravel_index(int(hour.values.argmax()), hour.shape)
    return int(row), int(column)


def ask(client: TestClient, **query: Any) -> dict[str, Any]:
    answer = client.get("/sums", params=query)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    RainSums.model_validate(document)
    return document


def polygon(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_a_place_has_the_sums_of_its_cell(
    client: TestClient, filled: Path, forecast: DataArray, wettest: tuple[int, int]
) -> None:
    row, column = wettest
    lat, lon = float(forecast.lat[row, column]), float(forecast.lon[row, column])
    document = ask(client, lat=lat, lon=lon, thresholds="1,2")
    hour = next(period for period in document["forecast"] if period["minutes"] == 60)
    expected = forecast.values[:12, row, column].astype(float).mean()
    assert expected > 1
    assert hour["mean"] == hour["maximum"]
    assert hour["mean"]["mm"] == round(expected, 2)
    assert hour["mean"]["median"] == pytest.approx(1.5 * expected, rel=0.01)
    shares = [np.mean([factor * expected >= level for factor in FACTORS]) for level in (1, 2)]
    assert [part["probability"] for part in hour["mean"]["probabilities"]] == shares
    assert (hour["start"], hour["end"]) == (iso(LATEST), iso(LATEST + 12))
    measured = {period["minutes"]: period for period in document["measured"]}
    archive = Archive(filled / "archive")
    frames = archive.frames(time(number) for number in range(LATEST + 1)).values[:, row, column]
    assert measured[60]["mean"]["mm"] == round(float(frames.astype(float).mean()), 2)
    assert (measured[60]["start"], measured[60]["end"]) == (iso(LATEST - 12), iso(LATEST))
    assert measured[360]["frames_missing"] == 60
    assert measured[360]["mean"]["mm"] is None


def test_an_area_is_the_same_as_geojson_and_as_wkt(client: TestClient) -> None:
    box = polygon(9.5, 50.6, 10.4, 51.3)
    wkt = "POLYGON((9.5 50.6,10.4 50.6,10.4 51.3,9.5 51.3,9.5 50.6))"
    expected = ask(client, coords=wkt)
    assert 150 < expected["covers"]["cells"] < 260
    assert expected["covers"]["inside"] == 1
    for period in expected["forecast"]:
        assert period["mean"]["mm"] <= period["maximum"]["mm"]
    feature = {"type": "Feature", "properties": {"name": "Fulda"}, "geometry": box}
    for area in (
        box,
        {"type": "MultiPolygon", "coordinates": [box["coordinates"]]},
        feature,
        {"type": "FeatureCollection", "features": [feature]},
    ):
        answer = client.post("/sums", json=area)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json() == expected


def test_thresholds_are_those_of_the_warnings_unless_others_are_chosen(client: TestClient) -> None:
    def levels(**query: Any) -> list[float]:
        found = ask(client, lat=51, lon=10, **query)["forecast"][0]["mean"]["probabilities"]
        return [part["threshold_mm"] for part in found]

    assert levels() == [15, 25, 40]
    assert levels(thresholds="20,5") == [5, 20]
    warnings = ask(client, lat=51, lon=10)["warnings"]
    assert [(warning["minutes"], warning["from_mm"]) for warning in warnings] == [
        (60, 15), (60, 25), (60, 40), (360, 20), (360, 35), (360, 60)
    ]  # fmt: skip
    # the radar of six hours is missing, so that nothing is known of them
    assert warnings[3]["mean"]["mm"] is None
    assert warnings[3]["mean"]["probabilities"] == [{"threshold_mm": 20, "probability": None}]


def test_the_same_sums_are_not_sent_twice(client: TestClient) -> None:
    first = client.get("/sums?lat=51&lon=10")
    again = client.get("/sums?lat=51&lon=10", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    other = client.get("/sums?lat=51&lon=10&thresholds=3")
    assert other.headers["etag"] != first.headers["etag"]


def test_a_model_without_probabilities_has_no_quantiles(reader: TestClient) -> None:
    document = ask(reader, lat=51, lon=10)
    assert document["members"] == 0
    assert document["forecast"][0]["mean"]["median"] is None
    assert document["forecast"][0]["mean"]["probabilities"] == []


@pytest.mark.parametrize(
    ("query", "status", "part"),
    [
        ("", 400, "lat and lon"),
        ("lat=51", 400, "lat and lon"),
        ("lat=51&coords=POLYGON((9 50,10 50,10 51,9 50))", 400, "lat and lon"),
        ("lat=51&lon=10&coords=POLYGON((9 50,10 50,10 51,9 50))", 400, "one of them"),
        ("lat=51&lon=10&hours=3", 400, "hours"),
        ("lat=51&lon=10&thresholds=0,5", 400, "above 0"),
        ("lat=51&lon=10&thresholds=x", 422, "thresholds"),
        ("lat=91&lon=10", 422, "lat"),
        ("lat=nan&lon=10", 422, "lat"),
        ("lat=0&lon=0", 400, "outside the grid"),
        ("coords=POINT(10 51)", 400, "POLYGON"),
        ("coords=POLYGON((9 50,10 51,10 50,9 51,9 50))", 400, "not valid"),
        ("lat=51&lon=10&model=nothing", 422, "nothing"),
        ("lat=51&lon=10&issue=2001-01-01T00:00:00Z", 404, "no forecast"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_with_the_reason(
    client: TestClient, query: str, status: int, part: str
) -> None:
    assert part in problem(client.get(f"/sums?{query}"), status)["detail"]


@pytest.mark.parametrize(
    ("area", "status"),
    [
        ({"type": "Point", "coordinates": [10, 51]}, 422),
        ({"type": "Polygon", "coordinates": []}, 422),
        ({"type": "Polygon", "coordinates": [[[9, 50], [10, 50], [10, 51]]]}, 422),
        ({"type": "Polygon", "coordinates": [[[9, 50], [10, 50], [10, 51], [9, 51]]]}, 400),
        ({"type": "Polygon", "coordinates": [[["a", 50]] * 4]}, 422),
        ({"type": "Polygon", "coordinates": [[[9, 50]] * 20_000]}, 422),
        ({"type": "Polygon", "coordinates": [[[9, 50]] * 4]}, 400),
        ({"type": "FeatureCollection", "features": []}, 422),
        (polygon(100, 10, 101, 11), 400),
        (polygon(4, 47, 15, 55), 400),
        (polygon(400_000, 5_000_000, 500_000, 6_000_000), 400),
        ([], 422),
        ("POLYGON", 422),
        (None, 422),
    ],
)
def test_an_area_that_is_none_is_refused_with_the_reason(
    client: TestClient, area: Any, status: int
) -> None:
    body = problem(client.post("/sums", json=area), status)
    assert len(body["detail"]) < 5000


def test_a_height_of_a_vertex_is_ignored(client: TestClient) -> None:
    box = polygon(9.5, 50.6, 10.4, 51.3)
    high = {
        "type": "Polygon",
        "coordinates": [[[*point, 250.0] for point in box["coordinates"][0]]],
    }
    assert client.post("/sums", json=high).json() == client.post("/sums", json=box).json()


def test_the_example_has_all_that_an_answer_has(client: TestClient) -> None:
    document = ask(client, lat=51, lon=10)
    assert set(document) == set(EXAMPLE) == set(RainSums.model_fields)
    for name in ("measured", "forecast", "warnings"):
        assert set(document[name][0]) == set(EXAMPLE[name][0])
        assert set(document[name][0]["mean"]) == set(EXAMPLE[name][0]["mean"])


def test_heights_of_an_area_are_ignored_also_where_some_positions_have_none(
    reader: TestClient,
) -> None:
    ring = [[9.0, 51.0], [9.5, 51.0], [9.5, 51.5], [9.0, 51.0]]
    flat = reader.post("/sums", json={"type": "Polygon", "coordinates": [ring]}).json()
    mixed = [position + [100.0] * (number % 2) for number, position in enumerate(ring)]
    with_heights = reader.post("/sums", json={"type": "Polygon", "coordinates": [mixed]})
    assert with_heights.json() == flat
    several = {"type": "MultiPolygon", "coordinates": [[mixed]]}
    assert reader.post("/sums", json=several).json()["forecast"] == flat["forecast"]


@pytest.mark.parametrize("text", ["abc", ",", "5,", "nan", "-5", "1e300", ""])
def test_thresholds_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(BadQuery, match="numbers above 0"):
        levels_of(text)
