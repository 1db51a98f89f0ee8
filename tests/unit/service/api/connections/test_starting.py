"""What the service answers until its application is loaded, and that it passes on to that then."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from service.api.connections import starting as starting_module
from service.api.connections.starting import DETAILS, StartingApp
from service.api.page.site import site
from service.runtime.server import listening
from service.settings import Settings

SECONDS = 300.0
PAGE = {"Accept": "text/html", "Prefer": "wait=0"}
"""Headers of the map page, more or less."""


@pytest.fixture
def started() -> Iterator[tuple[httpx.Client, StartingApp]]:
    """A service that starts."""
    with (
        listening(Settings(port=0)) as (url, starting),
        httpx.Client(base_url=url, trust_env=False, timeout=SECONDS, headers=PAGE) as client,
    ):
        yield client, starting


class Echo:
    """An application that answers with the path."""

    def __init__(self) -> None:
        self.events: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] == "lifespan":
            for event in ("startup", "shutdown"):
                await receive()
                self.events.append(event)
                await send({"type": f"lifespan.{event}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})


def test_the_page_has_all_its_files_and_the_headers_of_the_page(
    started: tuple[httpx.Client, StartingApp],
) -> None:
    client, _ = started
    page = client.get("/")
    assert page.status_code == 200
    assert page.content == site().html
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    for name, content in site().files.items():
        file = client.get(f"/page/{site().digest}/{name}")
        assert (file.status_code, file.content) == (200, content), name
    assert client.head("/").status_code == 200
    assert client.get("/page/another/app.js").status_code == 503


@pytest.mark.parametrize("step", DETAILS)
def test_anything_else_says_what_is_being_prepared(
    started: tuple[httpx.Client, StartingApp], step: str
) -> None:
    client, starting = started
    starting.step = step
    for method, path in (("GET", "/nowcasts/latest"), ("POST", "/"), ("GET", "/healthz")):
        answer = client.request(method, path)
        problem = json.loads(answer.content)
        assert answer.status_code == problem["status"] == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
        assert (problem["step"], problem["instance"]) == (step, path)
        assert problem["detail"] == DETAILS[step]


def test_the_application_answers_once_it_is_there_and_ends_with_the_server() -> None:
    echo = Echo()
    with listening(Settings(port=0)) as (url, starting):
        assert httpx.get(f"{url}/nowcasts/latest", headers=PAGE).status_code == 503
        starting.use(echo, SECONDS)
        assert httpx.get(f"{url}/nowcasts/latest").text == "/nowcasts/latest"
        assert httpx.get(f"{url}/").text == "/"
        assert echo.events == ["startup"]
    assert echo.events == ["startup", "shutdown"]


@pytest.mark.parametrize("path", ["/healthz", "/nowcasts/latest", "/"])
def test_a_program_waits_for_the_application(path: str) -> None:
    """It takes any response of a port that is open for one of the application."""
    with (
        listening(Settings(port=0)) as (url, starting),
        ThreadPoolExecutor(1) as pool,
        httpx.Client(base_url=url, trust_env=False, timeout=SECONDS) as client,
    ):
        answer = pool.submit(client.get, path)
        until(lambda: starting.waiting == 1)
        assert not answer.done()
        starting.use(Echo(), SECONDS)
        assert answer.result(SECONDS).text == path
        assert starting.waiting == 0


def test_whoever_waits_is_told_when_the_service_ends_without_an_application() -> None:
    with ThreadPoolExecutor(1) as pool:
        with listening(Settings(port=0)) as (url, starting):
            answer = pool.submit(httpx.get, f"{url}/healthz", timeout=SECONDS)
            until(lambda: starting.waiting == 1)
        assert answer.result(SECONDS).status_code == 503


def test_only_so_many_wait_for_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting_module, "MOST_WAITING", 0)
    with listening(Settings(port=0)) as (url, _):
        assert httpx.get(f"{url}/healthz", timeout=SECONDS).status_code == 503


def test_a_request_waits_only_so_long_for_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting_module, "WAIT_SECONDS", 0.0)
    with listening(Settings(port=0)) as (url, _):
        assert httpx.get(f"{url}/healthz", timeout=SECONDS).status_code == 503


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is met."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_application_that_fails_at_its_start_is_not_used(
    started: tuple[httpx.Client, StartingApp],
) -> None:
    client, starting = started

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        del scope
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no disk"})

    with pytest.raises(RuntimeError, match="failed at its startup: no disk"):
        starting.use(failing, SECONDS)
    assert client.get("/readyz").status_code == 503


def test_without_a_server_no_application_is_used() -> None:
    with pytest.raises(TimeoutError, match="does not listen"):
        StartingApp(Settings()).use(Echo(), 0.01)
