"""Every request has an id, which its response and all logs about it have, and one line in them."""

import logging
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from structlog.contextvars import get_contextvars

from service.api.app import create_app
from service.archive.key import Key
from tests.served import api_context, iso

LATEST = "/nowcasts/latest?model=persistence"


@pytest.fixture(scope="module")
def logged(filled: Path) -> TestClient:
    return TestClient(create_app(api_context(filled)), raise_server_exceptions=False)


def requests(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "nowcast.access"]


@pytest.mark.parametrize("path", [LATEST, "/healthz", "/nowhere", "/nowcasts/2020-09-07T08:00Z"])
def test_a_valid_id_comes_back_with_every_response(logged: TestClient, path: str) -> None:
    for given in ("7f3a-9.b_c:d/e+f=g@h", "x" * 128):  # the second time from a cache
        response = logged.get(path, headers={"X-Request-ID": given})
        assert response.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", [None, "", "x" * 129, "a b", 'a"b', "a;b", "ä", "<b>"])
def test_an_invalid_or_missing_id_is_replaced(logged: TestClient, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-ID": given.encode("latin-1")}
    first, second = (logged.get(LATEST, headers=headers).headers["X-Request-ID"] for _ in range(2))
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second


def test_each_request_is_one_line_with_its_status_and_duration(
    logged: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        size = len(logged.get(LATEST, headers={"Accept-Encoding": "identity"}).content)
        logged.get(LATEST, headers={"Accept-Encoding": "identity"})
        logged.get("/nowhere")
        logged.get("/healthz")
    records = [vars(record) for record in requests(caplog)]
    assert requests(caplog)[2].getMessage() == "GET /nowhere: 404"
    assert [(record["path"], record["status"]) for record in records] == [
        (LATEST, 200),
        (LATEST, 200),
        ("/nowhere", 404),
    ], "monitoring is at level debug"
    assert records[0]["bytes"] == records[1]["bytes"] == size
    assert all(record["seconds"] > 0 and record["client"] for record in records)


def test_the_access_log_can_be_switched_off(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    client = TestClient(create_app(api_context(data, access_log=False)))
    with caplog.at_level(logging.INFO):
        assert "X-Request-ID" in client.get(LATEST).headers
    assert not requests(caplog)


def test_a_job_in_a_thread_has_the_id_of_the_request_that_submitted_it(data: Path) -> None:
    seen: list[object] = []

    def before(key: Key) -> None:
        del key
        seen.append(get_contextvars())

    with TestClient(create_app(api_context(data, before=before))) as client:
        headers = {"X-Request-ID": "my-id", "Prefer": "wait=60"}
        issue = {"issue": iso(7), "model": "persistence"}
        response = client.post("/nowcast", json=issue, headers=headers)
    assert response.headers["X-Request-ID"] == "my-id"
    assert [dict(values)["request_id"] for values in seen] == ["my-id"]  # type: ignore[call-overload]
