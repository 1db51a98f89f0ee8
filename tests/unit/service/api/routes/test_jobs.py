"""Jobs over HTTP, and requests that are sent twice."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx import Response

from service.api.app import create_app
from service.api.middleware.response_cache import FRESH_SECONDS
from service.archive.archive import Archive
from service.archive.key import Key, stamp
from tests.served import LATEST, NEWEST, NOW, Gate, api_context, ask, iso, problem
from tests.showers import frame, time

WAIT = {"Prefer": "wait=30"}
JOB = f"{stamp(time(NEWEST))}-advection-none"


def status(client: TestClient, job: str) -> str:
    found: str = client.get(f"/jobs/{job}").json()["status"]
    return found


def test_a_job_that_waits_can_be_dismissed(slow: TestClient, gate: Gate) -> None:
    ask(slow, 1)
    assert gate.reached.acquire(timeout=100)
    waiting = ask(slow, 2).json()["id"]
    assert slow.delete(f"/jobs/{waiting}").json()["status"] == "dismissed"
    assert status(slow, waiting) == "dismissed"
    problem(slow.get(f"/jobs/{waiting}/results"), 404)
    gate.open.set()
    assert ask(slow, 3, **WAIT).status_code == 200
    assert [key.issue for key in gate.asked] == [time(1), time(3)]


def test_a_job_that_failed_says_why(data: Path) -> None:
    def break_down(key: Key) -> None:
        raise ValueError("the soup is salty")

    app = create_app(api_context(data, before=break_down))
    with TestClient(app, raise_server_exceptions=False) as client:
        problem(ask(client, **WAIT), 500)
        job = client.get(f"/jobs/{JOB}").json()
        assert job["status"] == "failed"
        assert "the soup is salty" in job["message"]
        for _ in range(2):
            problem(client.get(f"/jobs/{JOB}/results"), 500)


def test_a_job_that_is_done_is_still_known_after_a_restart(data: Path) -> None:
    with TestClient(create_app(api_context(data))) as client:
        forecast = ask(client, **WAIT).content
        before = client.get(f"/jobs/{JOB}").json()
    with TestClient(create_app(api_context(data))) as client:
        after = client.get(f"/jobs/{JOB}").json()
        assert (after["id"], after["status"]) == (before["id"], "successful")
        assert after["links"] == before["links"]
        assert client.get(f"/jobs/{JOB}/results").content == forecast
        assert client.delete(f"/jobs/{JOB}").json()["status"] == "successful"


@pytest.mark.parametrize("job", ["x", f"{JOB}x", JOB, "20260621T2330Z-advection-deadbeef"])
def test_a_job_that_nobody_asked_for_is_404(client: TestClient, job: str) -> None:
    for answer in (
        client.get(f"/jobs/{job}"),
        client.get(f"/jobs/{job}/results"),
        client.delete(f"/jobs/{job}"),
    ):
        problem(answer, 404)


def test_a_forecast_past_its_keeping_time_is_410(data: Path) -> None:
    """The ledger knows of it, the job table has not the job."""
    archive, job = Archive(data / "archive"), f"{stamp(time(6))}-advection-none"
    with TestClient(create_app(api_context(data))) as client:
        assert client.get(f"/nowcasts/{iso(6)}").status_code == 200
        archive.remove_before("forecasts", time(LATEST))
        sleep(FRESH_SECONDS)
        for address in (f"/nowcasts/{iso(6)}", f"/jobs/{job}", f"/jobs/{job}/results"):
            assert "retention" in problem(client.get(address), 410)["detail"]
        problem(client.get(f"/nowcasts/{iso(5)}"), 404)
        assert client.get(f"/nowcasts/{iso(LATEST)}").status_code == 200


def test_the_results_of_a_job_past_their_keeping_time_are_410(data: Path) -> None:
    with TestClient(create_app(api_context(data))) as client:
        assert ask(client, 3, **WAIT).status_code == 200
        job = f"{stamp(time(3))}-advection-none"
        Archive(data / "archive").remove_before("forecasts", time(LATEST))
        assert status(client, job) == "successful"
        problem(client.get(f"/jobs/{job}/results"), 410)


def test_a_forecast_past_its_keeping_time_can_be_asked_for_anew(data: Path) -> None:
    with TestClient(create_app(api_context(data))) as client:
        for number in (3, 6):  # with and without a job in the job table
            assert ask(client, number, **WAIT).status_code == 200
        Archive(data / "archive").remove_before("forecasts", time(LATEST))
        for number in (3, 6):
            answer = ask(client, number, **WAIT)
            assert answer.status_code == 200
            assert answer.json()["issue_time"] == iso(number)


def test_a_job_that_its_workers_did_not_survive_says_so(data: Path) -> None:
    there = api_context(data)
    job_table, key = there.jobs.job_table, Key(time(NEWEST), "advection", "none")
    job_table.ask(key, "interactive", NOW)
    for worker in ("w1", "w2", "w3"):
        job_table.claim(key.id, worker, NOW, most_attempts=2, dead_since=NOW)
    with TestClient(create_app(there)) as client:
        assert status(client, JOB) == "failed"
        body = problem(client.get(f"/jobs/{JOB}/results"), 503)
        assert "2 workers" in body["detail"]
        assert body["type"] == "/problems/DeadLetter"
        problem(ask(client, **WAIT), 503)


def test_results_are_sent_in_the_form_the_client_takes(client: TestClient) -> None:
    job = f"{stamp(time(LATEST))}-advection-none"
    answer = client.get(f"/jobs/{job}/results", headers={"Accept": "application/x-netcdf"})
    assert answer.headers["content-type"] == "application/x-netcdf"
    assert "immutable" in answer.headers["cache-control"]


def test_the_same_key_and_body_is_the_same_job(slow: TestClient, gate: Gate, data: Path) -> None:
    first = ask(slow, **{"Idempotency-Key": "a"})
    Archive(data / "archive").put_frame(frame(NEWEST + 1))
    again = ask(slow, **{"Idempotency-Key": "a"})
    assert again.headers["location"] == first.headers["location"] == f"/jobs/{JOB}"
    assert ask(slow).headers["location"] != first.headers["location"], "there is a newer frame"


def test_the_same_key_and_another_body_is_422(client: TestClient) -> None:
    assert ask(client, LATEST, **{"Idempotency-Key": "a"}).status_code == 200
    problem(ask(client, NEWEST, **{"Idempotency-Key": "a"}), 422)
    assert ask(client, LATEST, **{"Idempotency-Key": "a"}).status_code == 200
    assert ask(client, NEWEST, **{"Idempotency-Key": "b"}).status_code in {200, 202}


def test_an_idempotency_key_is_remembered_across_a_restart(data: Path, gate: Gate) -> None:
    with TestClient(create_app(api_context(data, before=gate))) as client:
        first = ask(client, **{"Idempotency-Key": "a"}).headers["location"]
        gate.open.set()
    Archive(data / "archive").put_frame(frame(NEWEST + 1))
    with TestClient(create_app(api_context(data))) as client:
        again = ask(client, **{"Idempotency-Key": "a"}, **WAIT)
        for _ in range(5):  # on a machine with much else to do
            if again.status_code == 202:
                again = ask(client, **{"Idempotency-Key": "a"}, **WAIT)
        assert f"/jobs/{stamp(issue_of(again))}-advection-none" == first
        problem(ask(client, LATEST, **{"Idempotency-Key": "a"}), 422)


def issue_of(answer: Response) -> np.datetime64:
    return np.datetime64(answer.json()["issue_time"].removesuffix("Z"), "ns")


def test_two_clients_may_use_the_same_idempotency_key(data: Path) -> None:
    app = create_app(api_context(data))
    with TestClient(app, client=("192.0.2.1", 1)) as first:
        other = TestClient(app, client=("192.0.2.2", 1))
        assert ask(first, LATEST, **{"Idempotency-Key": "a"}).status_code == 200
        assert ask(other, 6, **{"Idempotency-Key": "a"}).status_code == 200


def test_of_two_bodies_sent_at_once_with_one_key_one_is_refused(client: TestClient) -> None:
    for attempt in range(10):
        barrier = threading.Barrier(2)

        def send(number: int, key: str = f"{attempt}", both: threading.Barrier = barrier) -> int:
            both.wait()
            return ask(client, number, **{"Idempotency-Key": key}).status_code

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(send, (LATEST, 6))) == [200, 422]


def test_a_refused_request_does_not_use_up_its_key(client: TestClient) -> None:
    problem(ask(client, NEWEST + 100, **{"Idempotency-Key": "a"}), 422)
    assert ask(client, LATEST, **{"Idempotency-Key": "a"}).status_code == 200
