"""Rain at a place, over HTTP: unknown is not dry."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx import Response

from model_zoo.forecasters.baselines import Persistence
from service.api.app import create_app
from service.archive.archive import Archive
from service.archive.key import Key
from tests.served import LATEST, api_context, iso, problem
from tests.showers import frame, moment, time


def place(client: TestClient, coords: str, **query: str) -> Response:
    query = {"coords": coords, **query}
    answer: Response = client.get("/collections/nowcast/position", params=query)
    return answer


@pytest.mark.parametrize(("row", "column"), [(0, 0), (90, 90), (40, 77), (179, 179), (0, 179)])
@pytest.mark.parametrize("model", ["advection", "persistence"])
def test_rain_at_a_place_is_that_of_its_cell(
    reader: TestClient, filled: Path, row: int, column: int, model: str
) -> None:
    kept = Archive(filled / "archive").forecast(Key(time(LATEST), model, "none"))
    centre = kept.isel(y=row, x=column)
    lon, lat = float(centre.lon), float(centre.lat)
    answer = place(reader, f"POINT({lon:.6f} {lat:.6f})", model=model)
    assert answer.status_code == 200
    coverage = answer.json()
    rates = np.array(coverage["ranges"]["rainfall_rate"]["values"], dtype=float)
    np.testing.assert_allclose(rates, centre, atol=0.01)
    axes = coverage["domain"]["axes"]
    assert axes["t"]["values"] == [iso(LATEST + 6 * k) for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(
        [axes["x"]["values"][0], axes["y"]["values"][0]], [lon, lat], atol=1e-3
    )
    assert coverage["nowcast:model"] == model


def test_a_place_is_coverage_json_and_nothing_else(reader: TestClient) -> None:
    answer = place(reader, "POINT(13.41 52.52)")
    assert answer.headers.get_list("content-type") == ["application/prs.coverage+json"]
    coverage = answer.json()
    assert (coverage["type"], coverage["domain"]["domainType"]) == ("Coverage", "PointSeries")
    values = coverage["ranges"]["rainfall_rate"]
    assert values["shape"] == [len(values["values"])] == [4]
    assert set(coverage["ranges"]) == set(coverage["parameters"])
    assert "max-age=30" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "coords", ["POINT(13.41 52.52)", "point ( 13.41  52.52 )", " POINT(+13.41 52.52)\n"]
)
def test_a_point_may_be_written_in_any_way_that_wkt_allows(reader: TestClient, coords: str) -> None:
    assert place(reader, coords).json() == place(reader, "POINT(13.41 52.52)").json()


@pytest.mark.parametrize(
    "coords", ["POINT(2.35 48.86)", "POINT(52.52 13.41)", "POINT(0 0)", "POINT(10 -90)",
               "POINT(190 52)", "POINT(999999999 999999999)"],
)  # fmt: skip
def test_a_place_outside_the_grid_is_400(reader: TestClient, coords: str) -> None:
    assert "outside the grid" in problem(place(reader, coords), 400)["detail"]


@pytest.mark.parametrize(
    "coords",
    ["", "Berlin", "POINT", "POINT()", "POINT(13.41)", "POINT(13.41,52.52)", "POINT(13.41 52.52",
     "POINT(13.41 52.52 0)", "POINT(nan nan)", "POINT(inf 52)", "POINT(1e1 52)",
     "POINT(\uff11\uff13 52)",
     "POLYGON((13 52, 14 52, 14 53, 13 52))", "POINT(13.41 52.52)x", "\0", "\ud800"],
    ids=ascii,
)  # fmt: skip
def test_words_that_are_no_place_are_400(reader: TestClient, coords: str) -> None:
    answer = reader.get(
        "/collections/nowcast/position", params={"coords": coords.encode("utf-8", "surrogatepass")}
    )
    problem(answer, 400)


def test_a_place_that_is_not_given_or_endless_is_422(reader: TestClient) -> None:
    problem(reader.get("/collections/nowcast/position"), 422)
    problem(place(reader, "POINT(" + "1" * 5000 + " 52)"), 422)


@pytest.fixture
def coverage_of(tmp_path: Path) -> Callable[..., Any]:
    """What a service tells about a place whose rates are these, lead by lead."""

    def tell(*rates: float) -> dict[str, Any]:
        folder = tmp_path / "_".join(map(str, rates))
        archive = Archive(folder / "archive")
        archive.put_frame(frame(0))
        forecast = Persistence()(frame(0)).copy()
        forecast[:] = np.array(rates, np.float32)[:, None, None]
        forecast.attrs |= {"generated_at": iso(0), "model": "advection"}
        archive.put_forecast(forecast, history="")
        now = moment(0) + timedelta(minutes=4)
        with TestClient(create_app(api_context(folder, now=now))) as client:
            coverage: dict[str, Any] = place(client, "POINT(10 51)").json()
            return coverage

    return tell


def test_rain_is_said_to_start_and_to_end(coverage_of: Callable[..., Any]) -> None:
    coverage = coverage_of(0, 0.1, 3, 0.09)
    assert coverage["nowcast:summary"] == {
        "state": "rain", "complete": True, "starts": iso(12), "ends": iso(24)
    }  # fmt: skip


def test_rain_that_goes_on_has_no_end(coverage_of: Callable[..., Any]) -> None:
    assert coverage_of(1, 1, 1, 1)["nowcast:summary"] == {
        "state": "rain", "complete": True, "starts": iso(6), "ends": None
    }  # fmt: skip


def test_dry_is_dry(coverage_of: Callable[..., Any]) -> None:
    assert coverage_of(0, 0, 0.05, 0)["nowcast:summary"] == {
        "state": "dry", "complete": True, "starts": None, "ends": None
    }  # fmt: skip


@pytest.mark.parametrize("lead", range(4))
def test_a_single_lead_without_data_makes_unknown_what_would_be_dry(
    coverage_of: Callable[..., Any], lead: int
) -> None:
    rates = [0.0] * 4
    rates[lead] = np.nan
    coverage = coverage_of(*rates)
    assert coverage["nowcast:summary"]["state"] == "unknown"
    assert coverage["nowcast:summary"]["complete"] is False
    assert coverage["ranges"]["rainfall_rate"]["values"][lead] is None


def test_rain_before_no_data_is_rain_whose_end_is_unknown(coverage_of: Callable[..., Any]) -> None:
    summary = coverage_of(2, 0, np.nan, np.nan)["nowcast:summary"]
    assert (summary["state"], summary["complete"]) == ("rain", False)
    assert summary["ends"] is None
