"""Asking for a forecast: at once where there is one, by a job where there is not."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import ASGITransport, AsyncClient

from service.api.app import create_app
from service.api.schemas import Forecast
from service.archive.archive import Archive
from service.archive.key import frame_name, stamp
from service.jobs.job import Job
from tests.served import LATEST, NEWEST, Gate, api_context, ask, fill, iso, problem
from tests.showers import frame, moment, time

WAIT = {"Prefer": "wait=30"}
JOB = f"{stamp(time(NEWEST))}-advection-none"


def test_a_forecast_that_is_there_is_sent_at_once(client: TestClient) -> None:
    answer = ask(client, LATEST)
    assert answer.status_code == 200
    assert answer.content == client.get(f"/nowcasts/{iso(LATEST)}").content
    location = f"/nowcasts/{iso(LATEST)}?model=advection&version=none"
    assert answer.headers["content-location"] == location


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
    forecast = client.post("/nowcast", content=body, headers=headers).json()
    assert forecast["issue_time"] == iso(NEWEST)
    assert forecast["model"]["name"] == "advection"
    assert forecast["generated_at"] == f"{moment(NEWEST):%Y-%m-%dT%H:}34:00Z"


def test_another_model_can_be_asked_for(client: TestClient) -> None:
    wanted = {"model": "persistence", "issue": iso(3)}
    forecast = client.post("/nowcast", json=wanted, headers=WAIT).json()
    assert (forecast["model"]["name"], forecast["issue_time"]) == ("persistence", iso(3))


def test_a_forecast_that_is_not_there_becomes_a_job(slow: TestClient, gate: Gate) -> None:
    answer = ask(slow)
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["location"] == f"/jobs/{JOB}"
    assert int(answer.headers["retry-after"]) > 0
    job = answer.json()
    assert (job["id"], job["status"]) == (JOB, "accepted")
    assert {link["rel"]: link["href"] for link in job["links"]} == {
        "self": f"/jobs/{JOB}",
        "results": f"/jobs/{JOB}/results",
    }


def test_a_job_is_followed_from_accepted_to_its_results(slow: TestClient, gate: Gate) -> None:
    address = ask(slow).headers["location"]
    assert gate.reached.acquire(timeout=100)
    job = slow.get(address).json()
    assert job["status"] == "running"
    assert job["created"].endswith("Z")
    assert job["started"].endswith("Z")
    assert job["finished"] is None
    early = slow.get(f"{address}/results")
    problem(early, 409)
    assert int(early.headers["retry-after"]) > 0
    gate.open.set()
    forecast = ask(slow, **WAIT)
    assert slow.get(address).json()["status"] == "successful"
    results = slow.get(f"{address}/results")
    assert results.status_code == 200
    assert results.content == forecast.content == slow.get(f"/nowcasts/{iso(NEWEST)}").content
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
        contents = list(pool.map(lambda _: ask(slow, **WAIT).content, range(6)))
    assert len(set(contents)) == 1
    assert len(gate.asked) == 1


def test_many_who_wait_keep_nobody_from_reading(
    data: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, waits = api_context(data, before=gate, request_seconds=1000), list[str]()
    wait_so_long = context.jobs.wait

    async def wait(job: str, seconds: float) -> Job:
        """As long as the test needs, however slow the machine is."""
        assert seconds == 30
        waits.append(job)
        return await wait_so_long(job, 500)

    monkeypatch.setattr(context.jobs, "wait", wait)

    async def ask_and_read() -> list[int]:
        app = create_app(context)
        async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client:
            ask_one = partial(client.post, "/nowcast", headers={"Prefer": "wait=30"})
            waiting = [asyncio.create_task(ask_one()) for _ in range(100)]
            while len(waits) < 100:
                await asyncio.sleep(0.05)
            for _ in range(5):
                assert (await client.get("/nowcasts/latest")).status_code == 200
            assert not any(request.done() for request in waiting), "all wait while others read"
            gate.open.set()
            return [(await request).status_code for request in waiting]

    assert asyncio.run(ask_and_read()) == [200] * 100
    assert len(gate.asked) == 1


def test_when_too_many_wait_the_next_is_told_to_come_back(data: Path, gate: Gate) -> None:
    with TestClient(create_app(api_context(data, before=gate, jobs_waiting=2))) as client:
        ask(client, 1)
        assert gate.reached.acquire(timeout=100)
        assert [ask(client, number).status_code for number in (2, 3)] == [202, 202]
        refused = ask(client, 4)
        problem(refused, 503)
        assert int(refused.headers["retry-after"]) > 0
        assert ask(client, 3).status_code == 202, "that one waits already"
        assert ask(client, LATEST).status_code == 200, "that one is there already"
        gate.open.set()
        assert ask(client, 3, **WAIT).status_code == 200
        assert ask(client, 4, **WAIT).status_code == 200


@pytest.fixture
def gappy(tmp_path: Path) -> Iterator[TestClient]:
    """A client of a service that has no frames between those of 0 and 11: advection lacks some."""
    fill(tmp_path, frames=12)
    archive = Archive(tmp_path / "archive")
    for number in range(4, 11):
        (archive.root / frame_name(time(number))).unlink()
    with TestClient(create_app(api_context(tmp_path)), raise_server_exceptions=False) as client:
        yield client


def test_a_model_that_lacks_frames_is_503_and_says_which(gappy: TestClient) -> None:
    assert ask(gappy, 3).status_code in {200, 202}
    refused = gappy.post("/nowcast", json={"issue": iso(0), "model": "advection"})
    body = problem(refused, 503)
    assert "advection" in body["detail"]
    assert stamp(time(-6)) in body["detail"]
    assert int(refused.headers["retry-after"]) > 0


def test_who_names_no_model_gets_another_that_can_and_is_told_why(gappy: TestClient) -> None:
    answer = gappy.post("/nowcast", json={"issue": iso(0)}, headers=WAIT)
    forecast = Forecast.model_validate_json(answer.content)
    assert forecast.model.name == "persistence"
    assert forecast.instead_of is not None
    assert forecast.instead_of.model == "advection"
    assert stamp(time(-6)) in forecast.instead_of.reason
    kept = gappy.get(f"/nowcasts/{iso(0)}?model=persistence")
    assert kept.json() == {
        name: value for name, value in answer.json().items() if name != "instead_of"
    }
    assert "etag" not in answer.headers, "it is not the same thing"


def test_who_names_the_model_is_told_nothing_of_others(gappy: TestClient) -> None:
    wanted = {"issue": iso(0), "model": "persistence"}
    assert "instead_of" not in gappy.post("/nowcast", json=wanted, headers=WAIT).json()


def test_a_job_for_another_model_says_so(data: Path, gate: Gate) -> None:
    archive = Archive(data / "archive")
    archive.put_frame(frame(-20))
    with TestClient(create_app(api_context(data, before=gate))) as client:
        job = ask(client, -20).json()
        gate.open.set()
    assert job["id"] == f"{stamp(time(-20))}-persistence-none"
    assert job["instead_of"]["model"] == "advection"


def test_a_frame_that_is_not_there_is_404(client: TestClient) -> None:
    assert stamp(time(-3)) in problem(ask(client, -3), 404)["detail"]


def test_the_future_is_422(client: TestClient) -> None:
    assert "future" in problem(ask(client, NEWEST + 1), 422)["detail"]


def test_a_time_between_two_frames_is_422(client: TestClient) -> None:
    assert "multiple of 5 minutes" in problem(ask(client, "2026-06-21T22:31:00Z"), 422)["detail"]


@pytest.mark.parametrize("model", ["no-such-model", "convlstm", "../advection", "advection\n", ""])
def test_a_model_that_cannot_forecast_is_422(client: TestClient, model: str) -> None:
    wanted: dict[str, Any] = {"model": model}
    problem(client.post("/nowcast", json=wanted), 422)
