"""Whether the service says that it is well only when it is."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.api.app import create_app
from service.api.dependencies import ApiContext
from service.archive.key import Key
from service.jobs.job import Job
from service.jobs.queue import Jobs
from service.jobs.transport import ThreadTransport
from tests.served import NEWEST, NOW, Gate, api_context, ask, iso, problem
from tests.showers import moment, time


def test_the_process_lives(reader: TestClient) -> None:
    assert reader.get("/healthz").json() == {"status": "ok"}


def test_a_service_with_fresh_radar_is_ready(reader: TestClient) -> None:
    health = reader.get("/readyz").json()
    assert health["status"] == "ready"
    assert health["radar_time"] == iso(NEWEST)
    assert health["radar_age_s"] == 240


@pytest.mark.parametrize(("minutes", "status"), [(20, 200), (21, 503)])
def test_a_service_with_old_radar_is_not_ready(filled: Path, minutes: int, status: int) -> None:
    now = moment(NEWEST) + timedelta(minutes=minutes)
    with TestClient(create_app(api_context(filled, now))) as client:
        answer = client.get("/readyz")
        assert answer.status_code == status
        if status == 503:
            assert "21 minutes" in problem(answer, 503)["detail"]
            assert int(answer.headers["retry-after"]) > 0
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(("minutes", "status"), [(9, 200), (11, 503)])
def test_a_service_whose_clock_is_slow_is_not_ready(
    filled: Path, minutes: int, status: int
) -> None:
    now = moment(NEWEST) - timedelta(minutes=minutes)
    with TestClient(create_app(api_context(filled, now))) as client:
        answer = client.get("/readyz")
        assert answer.status_code == status
        if status == 503:
            assert "11 minutes in the future" in problem(answer, 503)["detail"]


def test_the_queue_is_told(data: Path, gate: Gate) -> None:
    with TestClient(create_app(api_context(data, before=gate))) as client:
        health = client.get("/readyz").json()
        assert health["queue"] == {"waiting": 0, "oldest_seconds": 0}
        assert (health["workers"], health["jobs"]) == (1, "embedded")
        for number in (1, 2, 3):
            ask(client, number)
        assert gate.reached.acquire(timeout=100)
        assert client.get("/readyz").json()["queue"]["waiting"] == 2
        gate.open.set()


class Elsewhere(ThreadTransport):
    """Jobs that workers do, of which there are none; it may be out of reach."""

    embedded = False

    def __init__(self, problem: str | None) -> None:
        self._problem = problem

    def send(self, job: Job) -> None:
        """Drop the message: no worker takes the job."""

    def problem(self) -> str | None:
        return self._problem

    def close(self) -> None:
        pass


def without_thread(folder: Path, now: datetime, problem: str | None = None) -> ApiContext:
    """The API context of a service whose jobs are for workers."""
    there = api_context(folder, now)
    job_table = there.jobs.job_table
    there.jobs.close()
    return replace(there, jobs=Jobs(job_table, Elsewhere(problem), lambda: now, 4, 120, 30))


@pytest.mark.parametrize(("silent_seconds", "status"), [(30, 200), (31, 503)])
def test_without_a_worker_that_is_heard_of_it_is_not_ready(
    data: Path, silent_seconds: int, status: int
) -> None:
    there = without_thread(data, NOW)
    seen = NOW - timedelta(seconds=silent_seconds)
    there.jobs.job_table.beat("w1", ["interactive", "scheduled"], "cpu", seen)
    there.jobs.job_table.beat("w2", ["verify"], "cpu", NOW)
    with TestClient(create_app(there)) as client:
        answer = client.get("/readyz")
    assert answer.status_code == status
    assert answer.json()["workers"] == (1 if status == 200 else 0)
    if status == 503:
        assert "no worker" in problem(answer, 503)["detail"]


def test_without_the_broker_it_is_not_ready(data: Path) -> None:
    there = without_thread(data, NOW, "the broker cannot be reached: refused")
    there.jobs.job_table.beat("w1", ["interactive"], "cpu", NOW)
    with TestClient(create_app(there)) as client:
        assert "refused" in problem(client.get("/readyz"), 503)["detail"]


def test_with_a_job_that_waits_too_long_it_is_not_ready(data: Path) -> None:
    there = without_thread(data, NOW)
    there.jobs.job_table.beat("w1", ["interactive"], "cpu", NOW)
    there.jobs.job_table.ask(
        Key(time(1), "advection", "none"), "interactive", NOW - timedelta(minutes=3)
    )
    with TestClient(create_app(there)) as client:
        body = problem(client.get("/readyz"), 503)
        assert body["queue"] == {"waiting": 1, "oldest_seconds": 180}
        assert body["reasons"] == [body["detail"]]
        assert "180 s, should be under 120" in body["detail"]
        refused = ask(client, 2)
        problem(refused, 503)
        assert int(refused.headers["retry-after"]) > 0


def test_every_reason_is_told_at_once(data: Path) -> None:
    now = moment(NEWEST) + timedelta(hours=1)
    there = without_thread(data, now, "the broker cannot be reached: refused")
    there.jobs.job_table.ask(Key(time(1), "advection", "none"), "interactive", NOW)
    with TestClient(create_app(there)) as client:
        body = problem(client.get("/readyz"), 503)
    assert len(body["reasons"]) == 3
    for part in ("60 minutes ago", "refused", "has been waiting"):
        assert part in body["detail"]
    assert body["radar_time"] == iso(NEWEST)


def test_without_its_database_it_is_not_ready_and_says_so(data: Path) -> None:
    there = api_context(data)
    with TestClient(create_app(there), raise_server_exceptions=False) as client:
        assert client.get("/readyz").status_code == 200
        there.ledger.engine.dispose()
        (data / "ledger.sqlite").unlink()
        (data / "ledger.sqlite").mkdir()
        body = problem(client.get("/readyz"), 503)
        assert "ledger" in body["detail"]
        assert body["radar_time"] == iso(NEWEST)
        problem(ask(client, NEWEST), 503)
        assert client.get("/healthz").status_code == 200


def test_a_service_without_radar_is_not_ready(tmp_path: Path) -> None:
    with TestClient(create_app(api_context(tmp_path))) as client:
        assert int(client.get("/readyz").headers["retry-after"]) > 0
        problem(client.get("/readyz"), 503)
        problem(client.post("/nowcast", json={}), 503)
        problem(client.get("/nowcasts/latest"), 404)
        problem(client.get("/collections/nowcast/position?coords=POINT(10 51)"), 404)
        assert client.get("/healthz").status_code == 200
        assert client.get("/verification").json()["rows"] == []
