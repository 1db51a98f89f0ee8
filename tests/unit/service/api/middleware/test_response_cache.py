"""Answers given out again: the same bytes, for a moment, and only what anybody may have."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from service.api.app import create_app
from service.api.encoded_cache import EncodedCache
from service.api.middleware import response_cache
from service.api.middleware.response_cache import (
    FRESH_SECONDS,
    LONGEST_SECONDS,
    MOST_BYTES,
    ResponseCache,
)
from tests.served import LATEST, NEWEST, api_context, iso, make_forecasts

LATEST_PATH = "/nowcasts/latest"


class CountingApp:
    """An application that counts how often it is asked, and waits at given calls."""

    def __init__(self) -> None:
        self.asked = 0
        self.status, self.body = 200, b"rain"
        self.headers = {"etag": '"1"', "cache-control": "public, max-age=30", "vary": "Accept"}
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        await self.open.wait()
        headers = {**self.headers, "content-length": str(len(self.body))}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": self.body})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def app() -> CountingApp:
    return CountingApp()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(app: CountingApp, clock: Clock) -> ResponseCache:
    return ResponseCache(app, EncodedCache(), clock)


async def ask(
    cache: ResponseCache,
    path: str = LATEST_PATH,
    query: bytes = b"",
    method: str = "GET",
    **headers: str,
) -> tuple[int, bytes]:
    """Status and body of an answer."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": raw}
    await cache(scope, receive, send)
    return messages[0]["status"], messages[1]["body"]


def test_what_was_just_answered_is_not_worked_out_again(
    cache: ResponseCache, app: CountingApp
) -> None:
    async def scene() -> None:
        assert [await ask(cache) for _ in range(5)] == [(200, b"rain")] * 5
        assert app.asked == 1

    asyncio.run(scene())


def test_after_a_moment_one_looks_anew_and_the_others_do_not_wait_for_it(
    cache: ResponseCache, app: CountingApp, clock: Clock
) -> None:
    async def scene() -> None:
        await ask(cache)
        clock.now, app.body = FRESH_SECONDS + 0.01, b"more rain"
        app.open.clear()
        looks = asyncio.create_task(ask(cache))
        await asyncio.sleep(0)
        assert await ask(cache) == (200, b"rain")
        app.open.set()
        assert await looks == await ask(cache) == (200, b"more rain")
        assert app.asked == 2

    asyncio.run(scene())


def test_nobody_gets_what_is_older_however_long_the_look_takes(
    cache: ResponseCache, app: CountingApp, clock: Clock
) -> None:
    async def scene() -> None:
        await ask(cache)
        clock.now = FRESH_SECONDS + 0.01
        app.open.clear()
        looks = [asyncio.create_task(ask(cache))]
        await asyncio.sleep(0)
        clock.now, app.body = LONGEST_SECONDS + 0.01, b"more rain"
        looks.append(asyncio.create_task(ask(cache)))
        await asyncio.sleep(0)
        app.open.set()
        assert await asyncio.gather(*looks) == [(200, b"more rain")] * 2

    asyncio.run(scene())


def test_other_questions_have_other_answers(cache: ResponseCache, app: CountingApp) -> None:
    async def scene() -> None:
        await ask(cache)
        await ask(cache, query=b"model=persistence")
        await ask(cache, accept="image/png")
        await ask(cache, path="/nowcasts/2026-06-21T23:25:00Z")
        assert app.asked == 4
        await ask(cache, method="POST")
        await ask(cache, content_length="2")
        await ask(cache, query=b"x" * 600)
        await ask(cache, query=b"x" * 600)
        assert app.asked == 8

    asyncio.run(scene())


@pytest.mark.parametrize("tags", ['"1"', 'W/"1"', '"0", "1"', "*"])
def test_who_has_it_is_told_so_and_who_has_another_gets_it(
    cache: ResponseCache, app: CountingApp, tags: str
) -> None:
    async def scene() -> None:
        await ask(cache)
        assert await ask(cache, if_none_match=tags) == (304, b"")
        assert await ask(cache, if_none_match='"2"') == (200, b"rain")
        assert app.asked == 1

    asyncio.run(scene())


@pytest.mark.parametrize(
    "headers",
    [
        {"cache-control": "private, max-age=300"},
        {"cache-control": ""},
        {"etag": '"1"', "vary": "Accept, Origin"},
    ],
)
def test_what_is_not_for_all_is_not_held(
    cache: ResponseCache, app: CountingApp, headers: dict[str, str]
) -> None:
    async def scene() -> None:
        app.headers |= headers
        await ask(cache)
        await ask(cache)
        assert app.asked == 2

    asyncio.run(scene())


def test_what_is_there_no_more_is_not_given_out(
    cache: ResponseCache, app: CountingApp, clock: Clock
) -> None:
    async def scene() -> None:
        await ask(cache)
        clock.now, app.status = FRESH_SECONDS + 0.01, 410
        assert (await ask(cache))[0] == 410
        assert (await ask(cache))[0] == 410

    asyncio.run(scene())


def test_it_is_bounded(cache: ResponseCache, app: CountingApp) -> None:
    async def scene() -> None:
        app.body = bytes(MOST_BYTES // 4 + 1)
        for number in range(4):
            await ask(cache, query=b"%d" % number)
        await ask(cache, query=b"3")
        assert app.asked == 4
        await ask(cache, query=b"0")
        assert app.asked == 5

    asyncio.run(scene())


def test_a_body_above_the_limit_of_the_cache_is_sent_and_not_cached(
    cache: ResponseCache, app: CountingApp
) -> None:
    async def scene() -> None:
        app.body = bytes(MOST_BYTES + 1)
        for _ in range(2):
            status, body = await ask(cache)
            assert (status, len(body)) == (200, MOST_BYTES + 1)
        assert app.asked == 2

    asyncio.run(scene())


def test_the_service_reads_the_same_forecast_once_for_many(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_cache, "FRESH_SECONDS", 500)
    monkeypatch.setattr(response_cache, "LONGEST_SECONDS", 500)
    context = api_context(filled)
    asked: list[Any] = []
    looked_up = context.archive.latest_issue
    context.archive.latest_issue = lambda *key: asked.append(key) or looked_up(*key)  # type: ignore[method-assign,func-returns-value]
    with TestClient(create_app(context)) as client:
        answers = [client.get(LATEST_PATH) for _ in range(5)]
        assert len({answer.content for answer in answers}) == 1
        first, *others = (dict(answer.headers) for answer in answers)
        ids = {headers.pop("x-request-id") for headers in (first, *others)}
        assert len(ids) == len(answers)
        assert all(other == first for other in others)
        known = client.get(LATEST_PATH, headers={"If-None-Match": first["etag"]})
        assert (known.status_code, known.content) == (304, b"")
        assert "content-type" not in known.headers
        assert client.head(LATEST_PATH).headers["content-length"] == first["content-length"]
        assert 'nowcast_cache_requests_total{result="hit"}' in client.get("/metrics").text
    assert len(asked) < 4


def test_a_newer_forecast_is_served_after_a_moment(data: Path) -> None:
    context = api_context(data)
    with TestClient(create_app(context)) as client:
        assert client.get(LATEST_PATH).json()["issue_time"] == iso(LATEST)
        make_forecasts(context.archive, context.ledger, NEWEST)
        until = time.monotonic() + 300
        while (issue := client.get(LATEST_PATH).json()["issue_time"]) != iso(NEWEST):
            assert time.monotonic() < until, f"still {issue}"
            time.sleep(0.05)


@pytest.mark.parametrize("limit", [0, 1000])
def test_what_is_given_out_again_is_counted_as_any_other(filled: Path, limit: int) -> None:
    with TestClient(create_app(api_context(filled, requests_per_minute=limit))) as client:
        first = client.get(LATEST_PATH)
        again = [client.get(LATEST_PATH) for _ in range(4)]
        client.get(LATEST_PATH, headers={"If-None-Match": first.headers["etag"]})
        text = client.get("/metrics").text
    assert {answer.content for answer in again} == {first.content}
    of = 'nowcast_http_requests_total{code="%s",method="GET",route="/nowcasts/latest"} %.1f'
    assert of % ("2xx", 5) in text
    assert of % ("3xx", 1) in text
    took = 'nowcast_http_request_duration_seconds_count{method="GET",route="/nowcasts/latest"} 6.0'
    assert took in text


def test_answers_given_out_again_count_against_the_limit(filled: Path) -> None:
    with TestClient(create_app(api_context(filled, requests_per_minute=3))) as client:
        statuses = [client.get(LATEST_PATH).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
