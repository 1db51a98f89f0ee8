"""Forecasts as JSON, the newest and those of an issue."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import xarray as xr
from fastapi.testclient import TestClient

from service.api.app import create_app
from service.api.routes.nowcasts import seconds_to_wait
from service.archive.archive import Archive
from service.archive.key import Key
from tests.served import ISSUES, LATEST, NEWEST, api_context, iso, problem
from tests.showers import frame, moment, time


def test_the_latest_forecast_tells_all_about_itself(reader: TestClient) -> None:
    answer = reader.get("/nowcasts/latest")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    forecast = answer.json()
    assert forecast["issue_time"] == forecast["radar_time"] == iso(LATEST)
    assert forecast["generated_at"] == f"{moment(LATEST) + timedelta(minutes=4):%Y-%m-%dT%H:%M:%SZ}"
    assert forecast["radar_age_s"] == 240
    assert forecast["lead_minutes"] == [30, 60, 90, 120]
    assert forecast["valid_times"] == [iso(LATEST + 6 * k) for k in (1, 2, 3, 4)]
    assert forecast["units"] == "mm h-1"
    assert forecast["model"] == {"name": "advection", "version": "none", "weights_sha256": None}
    assert "Deutscher Wetterdienst" in forecast["attribution"]
    assert "CC BY 4.0" in forecast["licence"]


def test_no_data_is_null_and_dry_is_zero(reader: TestClient, filled: Path) -> None:
    answer = reader.get("/nowcasts/latest")
    assert "NaN" not in answer.text
    assert "Infinity" not in answer.text
    rates = np.array(answer.json()["rainfall_rate"], dtype=float)  # None becomes NaN
    kept = Archive(filled / "archive").forecast(Key(time(LATEST), "advection", "none")).values
    assert rates.shape == kept.shape == (4, 180, 180)
    assert np.isnan(kept).any()
    assert (kept == 0).any()
    np.testing.assert_array_equal(np.isnan(rates), np.isnan(kept))
    np.testing.assert_allclose(rates, kept, atol=0.01)
    assert (rates[kept == 0] == 0).all()


def test_the_first_row_is_the_north_and_the_first_column_the_west(reader: TestClient) -> None:
    grid = reader.get("/nowcasts/latest").json()["grid"]
    assert grid["shape"] == [180, 180]
    assert grid["y"][0] > grid["y"][-1]
    assert grid["x"][0] < grid["x"][-1]
    assert "+proj=stere" in grid["projection"]


def test_coverage_is_told_for_every_lead(reader: TestClient, filled: Path) -> None:
    kept = Archive(filled / "archive").forecast(Key(time(LATEST), "advection", "none"))
    ratios = kept.notnull().mean(["y", "x"])
    coverage = reader.get("/nowcasts/latest").json()["coverage"]
    assert [lead["state"] for lead in coverage] == ["partial"] * 4
    np.testing.assert_allclose([lead["valid_ratio"] for lead in coverage], ratios, atol=1e-4)


def test_a_lead_that_is_all_there_or_not_at_all_is_said_to_be(data: Path) -> None:
    whole = frame(NEWEST + 1).fillna(0.0)
    blind = xr.full_like(frame(NEWEST + 2), np.nan)
    archive = Archive(data / "archive")
    archive.put_frame(whole)
    archive.put_frame(blind)
    now = moment(NEWEST + 2)
    for number, state in ((NEWEST + 1, "ok"), (NEWEST + 2, "none")):
        with TestClient(create_app(api_context(data, now))) as client:
            wanted = {"issue": iso(number), "model": "persistence"}
            answer = client.post("/nowcast", json=wanted, headers={"Prefer": "wait=30"})
        assert {lead["state"] for lead in answer.json()["coverage"]} == {state}


def test_a_forecast_tells_the_recent_skill_of_its_model(reader: TestClient, filled: Path) -> None:
    skill = reader.get("/nowcasts/latest?model=persistence").json()["skill"]
    rows = reader.get(f"/verification?model=persistence&to={iso(LATEST)}").json()["rows"]
    assert [row["lead_minutes"] for row in rows] == [30] * 6, "what was known when it was issued"
    assert [row["csi"] for row in skill] == [row["csi"] for row in rows]


def test_every_issue_can_be_read(reader: TestClient) -> None:
    for number in ISSUES[1:]:
        forecast = reader.get(f"/nowcasts/{iso(number)}").json()
        assert forecast["issue_time"] == iso(number)
    forecast = reader.get(f"/nowcasts/{iso(ISSUES[0])}?model=persistence").json()
    assert forecast["model"]["name"] == "persistence"


def test_an_issue_may_be_told_in_any_zone(reader: TestClient) -> None:
    there = moment(LATEST).astimezone(ZoneInfo("Europe/Berlin"))
    answer = reader.get(f"/nowcasts/{there.isoformat()}", params={"model": "persistence"})
    assert answer.json()["issue_time"] == iso(LATEST)


def test_the_forecast_of_the_default_model_is_that_of_the_named_one(reader: TestClient) -> None:
    path, query = f"/nowcasts/{iso(LATEST)}", "leads=30,60&f=json"
    answer = reader.get(f"{path}?{query}", follow_redirects=False)
    assert answer.status_code == 307
    assert "immutable" not in answer.headers["cache-control"]
    assert answer.headers["location"] == (
        f"{path}?model=advection&version=none&leads=30%2C60&f=json"
    )
    named = reader.get(f"{path}?{query}")
    assert "immutable" in named.headers["cache-control"]
    assert named.json()["lead_minutes"] == [30, 60]
    assert answer.json() == named.json(), "for clients that follow no redirects"
    assert reader.get(f"{path}?model=advection", follow_redirects=False).status_code == 200
    assert reader.get(f"/nowcasts/{iso(1)}", follow_redirects=False).status_code == 404


def test_a_forecast_leads_to_itself(reader: TestClient) -> None:
    answer = reader.get("/nowcasts/latest")
    for address in (
        answer.headers["content-location"],
        *(link["href"] for link in answer.json()["links"]),
    ):
        assert (
            reader.head(address).headers["content-location"] == answer.headers["content-location"]
        )


@pytest.mark.parametrize(
    "address",
    [
        f"/nowcasts/{iso(1)}",
        f"/nowcasts/{iso(0)}?model=advection",
        "/nowcasts/2100-01-01T00:00:00Z",
        "/nowcasts/latest?model=dwd-rv",
    ],
)
def test_a_forecast_that_there_is_not_is_404(reader: TestClient, address: str) -> None:
    problem(reader.get(address), 404)


@pytest.mark.parametrize("issue", [iso(LATEST)[:-3] + "30Z", iso(LATEST)[:-1] + ".5Z"])
def test_a_time_between_two_frames_is_no_issue(reader: TestClient, issue: str) -> None:
    body = problem(reader.get(f"/nowcasts/{issue}"), 422)
    assert "multiple of 5 minutes" in body["detail"]


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [("", 0), ("wait=10", 10), ("wait=1000", 30), ("respond-async, wait=10", 0), ("wait=x", 0)],
)
def test_the_wait_is_that_of_the_preference_up_to_30_seconds(prefer: str, seconds: float) -> None:
    assert seconds_to_wait(prefer, request_seconds=100) == seconds


def test_the_wait_is_at_most_half_of_the_time_limit_of_a_request() -> None:
    assert seconds_to_wait("wait=10", request_seconds=3) == 1.5
