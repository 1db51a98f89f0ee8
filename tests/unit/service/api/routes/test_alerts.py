"""Subscriptions to alerts belong to the API key that made them."""

import shutil
from copy import copy
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from ingest.domain import GERMANY
from service.api.app import Api, create_app
from service.api.dependencies import ApiContext
from service.api.middleware import api_keys
from service.cli import app as commands
from tests.alerts.rain_band import longitude_latitude
from tests.served import api_context, problem

LON, LAT = longitude_latitude()
WANTED: dict[str, Any] = {
    "name": "Garden",
    "point": {"lat": LAT, "lon": LON},
    "channel": {"kind": "webhook", "url": "https://example.org/rain"},
}


NUMBERS = count()


class Opened(NamedTuple):
    """A service with API keys, shared by all tests: each has holders of its own."""

    app: Api
    data: Path
    file: Path

    def holder(self) -> tuple[str, dict[str, str]]:
        """A new holder of a key, and the header with the key."""
        name = f"holder{next(NUMBERS)}"
        return name, {"X-API-Key": api_keys.add(self.file, name)}


@pytest.fixture(scope="module")
def opened(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    folder: Path = tmp_path_factory.mktemp("alerts")
    data, file = folder / "data", folder / "keys.jsonl"
    shutil.copytree(filled, data)
    api_keys.add(file, "operator")
    context = api_context(data, api_keys=file, alerts_per_key=2)
    return Opened(create_app(context), data, file)


@pytest.fixture
def client(opened: Opened) -> TestClient:
    """A client of a new holder of a key."""
    return TestClient(opened.app, headers=opened.holder()[1], raise_server_exceptions=False)


def test_an_alert_is_made_read_listed_and_deleted(client: TestClient) -> None:
    created = client.post("/alerts", json=WANTED)
    assert created.status_code == 201
    assert created.headers["cache-control"] == "private, no-store"
    alert = created.json()
    assert alert["secret"].startswith("whsec_")
    location = created.headers["location"]
    assert location == f"/alerts/{alert['id']}"
    found = client.get(location).json()
    assert "secret" not in found
    assert found["subscription"]["condition"] == {
        "rate_mm_h": 0.5, "probability": None, "sum_mm": None, "sum_minutes": 60,
        "sum_statistic": "maximum", "lead_minutes": 60,
    }  # fmt: skip
    assert (found["active"], found["evaluated_issue"], found["messages"]) == (False, None, [])
    assert client.get("/alerts").json() == {"alerts": [found]}
    assert client.delete(location).status_code == 204
    problem(client.get(location), 404)
    problem(client.delete(location), 404)


def test_an_alert_has_the_time_zone_of_the_area_unless_it_names_one(opened: Opened) -> None:
    context: ApiContext = opened.app.state.context
    elsewhere = replace(context, archive=copy(context.archive))
    elsewhere.archive.domain = GERMANY._replace(time_zone="Europe/Lisbon")
    client = TestClient(create_app(elsewhere), headers=opened.holder()[1])
    for given, zone in (({}, "Europe/Lisbon"), ({"time_zone": "Asia/Tokyo"}, "Asia/Tokyo")):
        created = client.post("/alerts", json=WANTED | given).json()
        assert created["subscription"]["time_zone"] == zone
    client = TestClient(opened.app, headers=opened.holder()[1])
    created = client.post("/alerts", json=WANTED).json()
    assert created["subscription"]["time_zone"] == "Europe/Berlin"


def test_an_alert_of_another_key_is_not_there(client: TestClient, opened: Opened) -> None:
    location = client.post("/alerts", json=WANTED).headers["location"]
    _, other = opened.holder()
    assert client.get("/alerts", headers=other).json() == {"alerts": []}
    for method, address in (("GET", location), ("DELETE", location), ("POST", f"{location}/test")):
        problem(client.request(method, address, headers=other), 404)
    assert client.get(location).status_code == 200


def test_a_key_has_so_many_alerts(client: TestClient, opened: Opened) -> None:
    assert [client.post("/alerts", json=WANTED).status_code for _ in range(3)] == [201, 201, 429]
    assert client.post("/alerts", json=WANTED, headers=opened.holder()[1]).status_code == 201


def test_without_a_key_there_are_no_alerts(client: TestClient, reader: TestClient) -> None:
    for name in ("", "nowcast_wrong"):
        problem(client.post("/alerts", json=WANTED, headers={"X-API-Key": name}), 401)
    assert "nowcast key" in problem(reader.post("/alerts", json=WANTED), 403)["detail"]
    problem(reader.get("/alerts"), 403)


def test_a_test_message_is_queued_once_a_minute(client: TestClient) -> None:
    location = client.post("/alerts", json=WANTED).headers["location"]
    first, second = (client.post(f"{location}/test") for _ in range(2))
    assert first.status_code == second.status_code == 202
    assert (first.json()["kind"], first.json()["status"]) == ("test", "waiting")
    listed = client.get(location).json()["messages"]
    assert listed[-1] == first.json()
    assert len(listed) in (1, 2), "two where a minute has just ended"


@pytest.mark.parametrize(
    ("change", "status", "named"),
    [
        ({"name": ""}, 422, "name"),
        ({"name": "a\nb"}, 422, "printable"),
        ({"point": None}, 422, "point"),
        ({"area": {"type": "Polygon", "coordinates": [[[9, 50], [9.1, 50], [9, 51], [9, 50]]]}},
         422, "either"),
        ({"point": {"lat": 52}}, 422, "lon"),
        ({"point": {"lat": 30, "lon": 10}}, 400, "outside the grid"),
        ({"point": {"lat": 46.96, "lon": 3.6}}, 422, "no data"),
        ({"condition": {"rate_mm_h": 0}}, 422, "rate_mm_h"),
        ({"condition": {"lead_minutes": 7}}, 422, "lead_minutes"),
        ({"condition": {"probability": 0.5}}, 422, "probability of 0.5 mm/h, only of none"),
        ({"model": "unknown"}, 422, "unknown"),
        ({"channel": {"kind": "pigeon"}}, 422, "kind"),
        ({"channel": {"kind": "webhook", "url": "file:///etc/passwd"}}, 422, "https://"),
        ({"channel": {"kind": "apprise", "url": "ntfys://a/b"}}, 422, "NOWCAST_ALERT_CHANNELS"),
        ({"quiet_hours": {"begin": "25:00", "end": "06:00"}}, 422, "begin"),
        ({"quiet_hours": {"begin": "22:00Z", "end": "06:00"}}, 422, "time zone"),
        ({"time_zone": "Berlin"}, 422, "Europe/Berlin"),
        ({"unknown": 1}, 422, "unknown"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_watched_or_sent_is_refused_by_name(
    client: TestClient, change: dict[str, Any], status: int, named: str
) -> None:
    detail = problem(client.post("/alerts", json=WANTED | change), status)["detail"]
    assert named in detail


@pytest.mark.parametrize(
    "body",
    [b"[" * 5000, b"{" * 50, b'{"area":' * 500 + b"1" + b"}" * 500, b"\xff", b"", b"1" * 5000,
     b'{"name":"a","area":{"type":"Polygon","coordinates":[[[1e999,1],[NaN,2]]]}}'],
    ids=lambda body: ascii(body[:12]),
)  # fmt: skip
def test_an_odd_body_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post("/alerts", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_web_push_that_is_not_set_up_is_404(client: TestClient) -> None:
    assert "NOWCAST_WEB_PUSH_KEY" in problem(client.get("/alerts/web-push-key"), 404)["detail"]


def test_the_operator_lists_and_removes_alerts(opened: Opened) -> None:
    run = CliRunner().invoke
    place = ["--data", str(opened.data)]
    name, headers = opened.holder()
    client = TestClient(opened.app, headers=headers)
    alert = client.post("/alerts", json=WANTED).json()["id"]
    listed = run(commands, ["alerts", "list", *place]).output
    for word in (alert, name, "Garden", "webhook", "waiting"):
        assert word in listed
    assert "example.org" not in listed
    assert run(commands, ["alerts", "remove", "unknown", *place]).exit_code == 1
    assert "removed 1" in run(commands, ["alerts", "remove", name, *place]).output
    assert client.get("/alerts").json() == {"alerts": []}
