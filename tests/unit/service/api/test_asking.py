"""Asking for a forecast: at once where there is one, by a job where there is not."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from service.api.app import create_app
from service.archive import Archive, Key, stamp
from tests.served import LATEST, NEWEST, desk, fill, iso, problem
from tests.showers import frame, moment, time

WAIT = {"Prefer": "wait=10"}
JOB = f"{stamp(time(NEWEST))}-advection-none"


class Gate:
    """Keeps the jobs of a service waiting until it is opened."""

    def __init__(self) -> None:
        self.open, self.reached = threading.Event(), threading.Semaphore(0)
        self.asked: list[Key] = []

    def __call__(self, key: Key) -> None:
        self.asked.append(key)
        self.reached.release()
        assert self.open.wait(10)


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open.set()


@pytest.fixture
def slow(data: Path, gate: Gate) -> Iterator[TestClient]:
    """A client of a service whose jobs wait at the gate."""
    with TestClient(create_app(desk(data, before=gate)), raise_server_exceptions=False) as client:
        yield client
        gate.open.set()


def ask(client: TestClient, issue: int | str = "latest", **headers: str) -> Response:
    wanted = {"issue": iso(issue) if isinstance(issue, int) else issue}
    answer: Response = client.post("/nowcast", json=wanted, headers=headers)
    return answer


def status(client: TestClient, job: str) -> str:
    found: str = client.get(f"/jobs/{job}").json()["status"]
    return found


# one that is there


def test_a_forecast_that_is_there_is_sent_at_once(client: TestClient) -> None:
    answer = ask(client, LATEST)
    assert answer.status_code == 200
    assert answer.content == client.get(f"/nowcasts/{iso(LATEST)}").content
    assert answer.headers["content-location"] == f"/nowcasts/{iso(LATEST)}?model=advection"


@pytest.mark.parametrize("accept", ["application/x-netcdf", "image/png"])
def test_it_is_sent_in_the_form_the_client_takes(client: TestClient, accept: str) -> None:
    assert ask(client, LATEST, Accept=accept).headers["content-type"] == accept


def test_a_question_is_not_answered_with_not_modified(client: TestClient) -> None:
    tag = ask(client, LATEST).headers["etag"]
    assert ask(client, LATEST, **{"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("body", ["", "null", "{}", '{"issue": "latest"}', '{"model": null}'])
def test_who_asks_for_nothing_in_particular_gets_the_newest_of_the_default(
    client: TestClient, body: str
) -> None:
    headers = {"Content-Type": "application/json", **WAIT}
    said = client.post("/nowcast", content=body, headers=headers).json()
    assert said["issue_time"] == iso(NEWEST)
    assert said["model"]["name"] == "advection"
    assert said["generated_at"] == f"{moment(NEWEST):%Y-%m-%dT%H:}34:00Z"


def test_another_model_can_be_asked_for(client: TestClient) -> None:
    wanted = {"model": "persistence", "issue": iso(3)}
    said = client.post("/nowcast", json=wanted, headers=WAIT).json()
    assert (said["model"]["name"], said["issue_time"]) == ("persistence", iso(3))


# one that is not there


def test_a_forecast_that_is_not_there_becomes_a_job(slow: TestClient, gate: Gate) -> None:
    answer = ask(slow)
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["location"] == f"/jobs/{JOB}"
    assert int(answer.headers["retry-after"]) > 0
    said = answer.json()
    assert (said["id"], said["status"]) == (JOB, "accepted")
    assert {link["rel"]: link["href"] for link in said["links"]} == {
        "self": f"/jobs/{JOB}",
        "results": f"/jobs/{JOB}/results",
    }


def test_a_job_is_followed_from_accepted_to_its_results(slow: TestClient, gate: Gate) -> None:
    address = ask(slow).headers["location"]
    assert gate.reached.acquire(timeout=10)
    said = slow.get(address).json()
    assert said["status"] == "running"
    assert said["created"].endswith("Z")
    assert said["started"].endswith("Z")
    assert said["finished"] is None
    early = slow.get(f"{address}/results")
    problem(early, 409)
    assert int(early.headers["retry-after"]) > 0
    gate.open.set()
    made = ask(slow, **WAIT)
    assert slow.get(address).json()["status"] == "successful"
    results = slow.get(f"{address}/results")
    assert results.status_code == 200
    assert results.content == made.content == slow.get(f"/nowcasts/{iso(NEWEST)}").content
    assert slow.get("/nowcasts/latest").json()["issue_time"] == iso(NEWEST)


def test_who_can_wait_gets_the_forecast_itself(client: TestClient) -> None:
    answer = ask(client, **WAIT)
    assert answer.status_code == 200
    assert answer.json()["issue_time"] == iso(NEWEST)


def test_who_cannot_wait_long_enough_gets_the_job(slow: TestClient, gate: Gate) -> None:
    answer = ask(slow, Prefer="foo, wait=0 , bar")
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "wait"


@pytest.mark.parametrize(
    "prefer", ["respond-async", "respond-async, wait=9", "wait=9;respond-async"]
)
def test_who_prefers_not_to_wait_does_not(slow: TestClient, gate: Gate, prefer: str) -> None:
    answer = ask(slow, Prefer=prefer)
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "respond-async"


@pytest.mark.parametrize(
    "prefer", ["wait", "wait=", "wait=-1", "wait=x", "await=9", "wait=1.5", ""]
)
def test_a_preference_that_makes_no_sense_is_ignored(
    slow: TestClient, gate: Gate, prefer: str
) -> None:
    answer = ask(slow, Prefer=prefer)
    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers


def test_many_who_ask_for_the_same_get_one_job(slow: TestClient, gate: Gate) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ask(slow), range(6)))
        assert {answer.headers["location"] for answer in answers} == {f"/jobs/{JOB}"}
        gate.open.set()
        made = list(pool.map(lambda _: ask(slow, **WAIT).content, range(6)))
    assert len(set(made)) == 1
    assert len(gate.asked) == 1


def test_when_too_many_wait_the_next_is_told_to_come_back(data: Path, gate: Gate) -> None:
    with TestClient(create_app(desk(data, before=gate, jobs_waiting=2))) as client:
        ask(client, 1)
        assert gate.reached.acquire(timeout=10)
        assert [ask(client, number).status_code for number in (2, 3)] == [202, 202]
        refused = ask(client, 4)
        problem(refused, 503)
        assert int(refused.headers["retry-after"]) > 0
        assert ask(client, 3).status_code == 202, "that one waits already"
        assert ask(client, LATEST).status_code == 200, "that one is there already"
        gate.open.set()
        assert ask(client, 3, **WAIT).status_code == 200
        assert ask(client, 4, **WAIT).status_code == 200


# idempotency


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


def test_of_two_bodies_sent_at_once_with_one_key_one_is_refused(client: TestClient) -> None:
    for attempt in range(10):
        together = threading.Barrier(2)

        def send(number: int, key: str = f"{attempt}", both: threading.Barrier = together) -> int:
            both.wait()
            return ask(client, number, **{"Idempotency-Key": key}).status_code

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(send, (LATEST, 6))) == [200, 422]


def test_a_refused_request_does_not_use_up_its_key(client: TestClient) -> None:
    problem(ask(client, NEWEST + 100, **{"Idempotency-Key": "a"}), 422)
    assert ask(client, LATEST, **{"Idempotency-Key": "a"}).status_code == 200


# jobs


def test_a_job_that_waits_can_be_dismissed(slow: TestClient, gate: Gate) -> None:
    ask(slow, 1)
    assert gate.reached.acquire(timeout=10)
    waiting = ask(slow, 2).json()["id"]
    assert slow.delete(f"/jobs/{waiting}").json()["status"] == "dismissed"
    assert status(slow, waiting) == "dismissed"
    problem(slow.get(f"/jobs/{waiting}/results"), 404)
    gate.open.set()
    assert ask(slow, 3, **WAIT).status_code == 200
    assert [key.issue for key in gate.asked] == [time(1), time(3)]


def test_a_job_that_failed_says_why(data: Path) -> None:
    def break_down(key: Key) -> None:
        raise OSError(28, "No space left on device")

    app = create_app(desk(data, before=break_down))
    with TestClient(app, raise_server_exceptions=False) as client:
        problem(ask(client, **WAIT), 500)
        said = client.get(f"/jobs/{JOB}").json()
        assert said["status"] == "failed"
        assert "No space left" in said["message"]
        for _ in range(2):
            problem(client.get(f"/jobs/{JOB}/results"), 500)


def test_a_job_that_is_done_is_still_known_after_a_restart(data: Path) -> None:
    with TestClient(create_app(desk(data))) as client:
        made = ask(client, **WAIT).content
        before = client.get(f"/jobs/{JOB}").json()
    with TestClient(create_app(desk(data))) as client:
        after = client.get(f"/jobs/{JOB}").json()
        assert (after["id"], after["status"]) == (before["id"], "successful")
        assert after["links"] == before["links"]
        assert client.get(f"/jobs/{JOB}/results").content == made
        assert client.delete(f"/jobs/{JOB}").json()["status"] == "successful"


@pytest.mark.parametrize("job", ["x", f"{JOB}x", JOB, "20260621T2330Z-advection-deadbeef"])
def test_a_job_that_nobody_asked_for_is_404(client: TestClient, job: str) -> None:
    for answer in (
        client.get(f"/jobs/{job}"),
        client.get(f"/jobs/{job}/results"),
        client.delete(f"/jobs/{job}"),
    ):
        problem(answer, 404)


def test_results_are_sent_in_the_form_the_client_takes(client: TestClient) -> None:
    job = f"{stamp(time(LATEST))}-advection-none"
    answer = client.get(f"/jobs/{job}/results", headers={"Accept": "application/x-netcdf"})
    assert answer.headers["content-type"] == "application/x-netcdf"
    assert "immutable" in answer.headers["cache-control"]


# what cannot be made


def test_a_forecast_that_lacks_frames_is_503_and_says_which(tmp_path: Path) -> None:
    fill(tmp_path, frames=12)
    archive = Archive(tmp_path / "archive")
    for number in range(4, 11):
        archive.frame_path(time(number)).unlink()
    with TestClient(create_app(desk(tmp_path))) as client:
        assert ask(client, 3).status_code in {200, 202}
        refused = ask(client, 0)
        body = problem(refused, 503)
        assert "advection" in body["detail"]
        assert stamp(time(-6)) in body["detail"]
        assert int(refused.headers["retry-after"]) > 0


def test_a_frame_that_is_not_there_is_404(client: TestClient) -> None:
    assert stamp(time(-3)) in problem(ask(client, -3), 404)["detail"]


def test_the_future_is_422(client: TestClient) -> None:
    assert "future" in problem(ask(client, NEWEST + 1), 422)["detail"]


def test_a_time_between_two_frames_is_422(client: TestClient) -> None:
    assert "multiple of 5 minutes" in problem(ask(client, "2026-06-21T22:31:00Z"), 422)["detail"]


@pytest.mark.parametrize("model", ["no-such-model", "ms-lstm", "../advection", "advection\n", ""])
def test_a_model_that_cannot_forecast_is_422(client: TestClient, model: str) -> None:
    wanted: dict[str, Any] = {"model": model}
    problem(client.post("/nowcast", json=wanted), 422)
