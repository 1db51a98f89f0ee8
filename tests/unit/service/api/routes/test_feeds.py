"""New forecasts are reported as they appear, to a bounded number of streams."""

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest
from fastapi.testclient import TestClient

from service.api.app import create_app
from service.runtime.deployment import Deployment
from service.runtime.server import running
from service.settings import Settings
from tests.served import ISSUES, LATEST, MODELS, api_context, iso, make_forecasts

ATOM = "{http://www.w3.org/2005/Atom}"
STREAMS = 3
DEADLINE = 100.0


class Service:
    """A service as it really runs: the test client waits for the end of a response."""

    def __init__(self, folder: Path, url: str, deployment: Deployment) -> None:
        self.folder, self.url, self.deployment = folder, url, deployment


@pytest.fixture(scope="module")
def service(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("feeds") / "data"
    shutil.copytree(filled, folder)
    limits = {"event_streams": STREAMS, "event_streams_per_client": 2, "request_seconds": 5}
    more = {"data": folder, "models": MODELS, "port": 0, "trusted_proxies": "127.0.0.1"}
    settings = Settings.model_validate(limits | more)
    deployment = Deployment(settings)
    with running(deployment) as url:
        yield Service(folder, url, deployment)


def events(lines: Iterator[str], number: int) -> list[dict[str, str]]:
    """The next events of a stream; comments are left out."""
    found: list[dict[str, str]] = [{}]
    for line in lines:
        if not line and found[-1].keys() & {"data"}:
            if len(found) == number:
                return found
            found.append({})
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            found[-1][name] = value
    return found


def test_events_are_the_newest_forecasts_and_then_new_ones(service: Service) -> None:
    with httpx.stream("GET", f"{service.url}/events", timeout=DEADLINE) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
        lines = answer.iter_lines()
        first = events(lines, len(MODELS))
        assert {event["event"] for event in first} == {"forecast"}
        assert all(iso(LATEST) in event["data"] for event in first)
        time.sleep(5.5)  # above the longest duration of other requests
        make_forecasts(service.deployment.archive, service.deployment.ledger, 12)
        later = events(lines, len(MODELS))
        assert all(iso(12) in event["data"] for event in later)
        assert len({event["id"] for event in first + later}) == 2 * len(MODELS)
    headers = {"Last-Event-ID": first[0]["id"]}
    with httpx.stream("GET", f"{service.url}/events", headers=headers, timeout=DEADLINE) as answer:
        again = events(answer.iter_lines(), 1 + len(MODELS))
    assert [event["id"] for event in again] == [event["id"] for event in [first[1], *later]]


def test_streams_are_bounded_for_each_client_and_for_all_and_become_free(service: Service) -> None:
    def status(stack: ExitStack, client: str) -> int:
        headers = {"X-Forwarded-For": client}
        stream = httpx.stream("GET", f"{service.url}/events", headers=headers, timeout=DEADLINE)
        return stack.enter_context(stream).status_code

    until = time.monotonic() + DEADLINE
    while True:
        with ExitStack() as stack:
            clients = ["192.0.2.1"] * 3 + ["192.0.2.2"] * 2
            found = [status(stack, client) for client in clients]
        if found == [200, 200, 503, 200, 503]:
            break
        assert time.monotonic() < until, found  # streams of the test before are being closed
    while True:
        with ExitStack() as stack:
            if status(stack, "192.0.2.3") == 200:
                break
        assert time.monotonic() < until


def test_head_has_an_end(service: Service) -> None:
    until = time.monotonic() + DEADLINE
    while (answer := httpx.head(f"{service.url}/events", timeout=DEADLINE)).status_code == 503:
        assert time.monotonic() < until
    assert answer.status_code == 200
    assert answer.content == b""


def test_the_feed_lists_the_forecasts_newest_first(reader: TestClient) -> None:
    answer = reader.get("/feed.atom")
    assert answer.headers["content-type"] == "application/atom+xml"
    assert answer.headers["etag"]
    root = ET.fromstring(answer.content)
    times = [str(entry.findtext(f"{ATOM}updated")) for entry in root.iter(f"{ATOM}entry")]
    assert times == sorted(times, reverse=True)
    assert set(times) == {iso(number) for number in ISSUES}
    assert root.findtext(f"{ATOM}updated") == times[0]
    ids = [entry.findtext(f"{ATOM}id") for entry in root.iter(f"{ATOM}entry")]
    assert len(ids) == len(set(ids))
    for link in root.iter(f"{ATOM}link"):
        assert reader.get(link.attrib["href"]).status_code == 200


def test_an_empty_feed_is_valid(tmp_path: Path) -> None:
    with TestClient(create_app(api_context(tmp_path))) as client:
        root = ET.fromstring(client.get("/feed.atom").content)
    assert [child.tag.removeprefix(ATOM) for child in root][:3] == ["id", "title", "updated"]
    assert list(root.iter(f"{ATOM}entry")) == []
