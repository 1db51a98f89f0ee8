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
    "coords",
    ["POINT(13.41 52.52)", "point ( 13.41  52.52 )", " POINT(+13.41 52.52)\n",
     "POINT(1.341e1 5.252E+01)", "POINT Z (13.41 52.52 0)", "POINTZ(13.41 52.52 0)",
     "POINT(13.41 52.52 0)", "POINT(13.409999999999999999 52.5200000000000031)"],
)  # fmt: skip
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
     "POINT(nan nan)", "POINT EMPTY", "POINT(13.41 52.52 0 0 0)", "SRID=4326;POINT(13 52)",
     "POINT(\uff11\uff13 52)",
     "POLYGON((13 52, 14 52, 14 53, 13 52))", "POINT(13.41 52.52)x", "\0", "\ud800"],
    ids=ascii,
)  # fmt: skip
def test_words_that_are_no_place_are_400(reader: TestClient, coords: str) -> None:
    answer = reader.get(
        "/collections/nowcast/position", params={"coords": coords.encode("utf-8", "surrogatepass")}
    )
    problem(answer, 400)


def test_a_place_that_is_not_given_or_endless_is_400(reader: TestClient) -> None:
    assert "coords" in problem(reader.get("/collections/nowcast/position"), 400)["detail"]
    problem(place(reader, "POINT(" + "1" * 5000 + " 52)"), 400)
    problem(place(reader, "POINT(" + "1" * 30_000 + " 52)"), 400)


RAIN = 3.0


@pytest.fixture
def coverage_of(tmp_path: Path) -> Callable[..., Any]:
    """What a service tells of a place with these rates at +30 to +120 min, each held for half an
    hour, and this rate on the radar."""

    def tell(*rates: float, now: float = 0.0, leads: str | None = None) -> dict[str, Any]:
        folder = tmp_path / "_".join(map(str, (*rates, now, leads)))
        archive = Archive(folder / "archive")
        for number in range(2):
            archive.put_frame(frame(number).copy(data=np.full((1, 180, 180), now, np.float32)))
        forecast = Persistence()(frame(1), horizon=24, step_minutes=5).copy()
        forecast[:] = np.repeat(np.array(rates, np.float32), 6)[:, None, None]
        forecast.attrs |= {"generated_at": iso(1), "model": "advection"}
        archive.put_forecast(forecast, history="")
        query = {"coords": "POINT(10 51)", "model": "advection"}
        with TestClient(
            create_app(api_context(folder, now=moment(1) + timedelta(minutes=4)))
        ) as client:
            answer = client.get(
                "/collections/nowcast/position",
                params=query if leads is None else query | {"leads": leads},
            )
        body: dict[str, Any] = answer.json()
        return body

    return tell


def test_rain_is_said_to_start_and_to_end_with_windows(coverage_of: Callable[..., Any]) -> None:
    summary = coverage_of(0, 0.1, RAIN, 0.09)["nowcast:summary"]
    assert summary["state"] == "rain"
    assert summary["complete"] is True
    assert (summary["raining_now"], summary["rate_now"], summary["peak"]) == (False, 0, RAIN)
    assert (summary["starts"], summary["ends"]) == (iso(1 + 7), iso(1 + 19))
    first, last = summary["starts_between"]
    assert first < iso(1 + 7) < last
    first, last = summary["ends_between"]
    assert first < iso(1 + 19) < last
    assert summary["text"]["en"].startswith("Rain starts between ")
    assert "Bis zu 3,0 mm/h." in summary["text"]["de"]


def test_rain_that_falls_now_is_never_dry_and_may_end(coverage_of: Callable[..., Any]) -> None:
    summary = coverage_of(0, 0, 0, 0, now=RAIN)["nowcast:summary"]
    assert (summary["state"], summary["raining_now"]) == ("rain", True)
    assert (summary["starts"], summary["ends"]) == (iso(1), iso(2))
    assert summary["text"]["en"].startswith("It is raining. The rain ends between ")


def test_rain_that_goes_on_has_no_end(coverage_of: Callable[..., Any]) -> None:
    summary = coverage_of(1, 1, 1, 1, now=1)["nowcast:summary"]
    assert (summary["state"], summary["ends"], summary["complete"]) == ("rain", None, True)
    assert "The rain continues beyond" in summary["text"]["en"]


def test_dry_is_dry(coverage_of: Callable[..., Any]) -> None:
    summary = coverage_of(0, 0, 0.05, 0)["nowcast:summary"]
    assert (summary["state"], summary["complete"]) == ("dry", True)
    assert summary["starts"] is summary["ends"] is summary["starts_between"] is None
    assert summary["text"]["de"].startswith("Es bleibt mindestens bis ")


@pytest.mark.parametrize("half_hour", range(4))
def test_a_lead_time_without_data_makes_unknown_what_would_be_dry(
    coverage_of: Callable[..., Any], half_hour: int
) -> None:
    rates = [0.0] * 4
    rates[half_hour] = np.nan
    body = coverage_of(*rates)
    summary = body["nowcast:summary"]
    assert (summary["state"], summary["complete"]) == ("unknown", False)
    assert summary["unknown_after"] == iso(1 + 6 * half_hour)
    assert body["ranges"]["rainfall_rate"]["values"][half_hour] is None


def test_rain_before_no_data_is_rain_whose_end_is_unknown(coverage_of: Callable[..., Any]) -> None:
    summary = coverage_of(2, 0, np.nan, np.nan)["nowcast:summary"]
    assert (summary["state"], summary["complete"]) == ("rain", False)
    assert summary["ends"] is None
    assert "When the rain ends is unknown" in summary["text"]["en"]


def test_a_place_without_radar_is_unknown(coverage_of: Callable[..., Any]) -> None:
    summary = coverage_of(*[np.nan] * 4, now=np.nan)["nowcast:summary"]
    assert (summary["state"], summary["raining_now"], summary["peak"]) == ("unknown", None, None)
    assert "That does not mean it is dry" in summary["text"]["en"]


def test_lead_times_can_be_chosen_and_are_half_hours_by_default(
    coverage_of: Callable[..., Any],
) -> None:
    assert coverage_of(0, 0, 0, 0)["nowcast:lead_minutes"] == [30, 60, 90, 120]
    assert coverage_of(0, 0, 0, 0, leads="all")["nowcast:lead_minutes"] == list(range(5, 121, 5))
    some = coverage_of(0, RAIN, 0, 0, leads="35,5")
    assert some["nowcast:lead_minutes"] == [5, 35]
    assert some["ranges"]["rainfall_rate"]["values"] == [0, RAIN]
    assert some["nowcast:summary"]["ends"] == iso(1 + 13)


def test_a_lead_time_that_is_not_stored_is_refused(coverage_of: Callable[..., Any]) -> None:
    body = coverage_of(0, 0, 0, 0, leads="5,7")
    assert body["status"] == 422
    assert "leads has 7, should be all or some of 5,10,15" in body["detail"]
