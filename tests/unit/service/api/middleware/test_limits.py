"""What a request may cost: bytes, and time."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from fastapi.testclient import TestClient
from httpx import ASGITransport, AsyncClient, Response
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from service.api.app import create_app
from service.api.middleware import limits
from service.api.middleware.limits import BodyLimit, TimeLimit
from tests.served import api_context, problem

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("address", "kind", "large"),
    [
        ("/nowcast", "application/json", True),
        ("/nowcast", "application/x-netcdf", True),
        ("/nowcast", "Application/NetCDF; x=y", True),
        ("/nowcast", "text/plain", False),
        ("/nowcast", "", False),
        ("/nope", "application/json", False),
        ("/nowcast/", "application/json", False),
        ("/verification", "application/x-netcdf", False),
    ],
)
def test_only_frames_may_be_large_and_only_where_they_are_taken(
    filled: Path, address: str, kind: str, large: bool
) -> None:
    app = create_app(api_context(filled, largest_body_bytes=100, largest_upload_bytes=1000))
    with TestClient(app, raise_server_exceptions=False) as client:
        statuses = [
            client.post(address, content=b"x" * size, headers={"Content-Type": kind}).status_code
            for size in (100, 101, 1000, 1001)
        ]
    if address == "/nowcast":
        assert [status == 413 for status in statuses] == [False, not large, not large, True]
    assert max(statuses) < 500


def test_a_body_that_says_to_be_small_and_is_large_is_refused(filled: Path) -> None:
    async def pieces() -> Any:
        for _ in range(20):
            yield b"x" * 100

    async def send() -> Response:
        app = create_app(api_context(filled, largest_body_bytes=100, largest_upload_bytes=1000))
        async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client:
            return await client.post("/nowcast", content=pieces(), headers=JSON)

    problem(asyncio.run(send()), 413)


async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes any body and answers with its length, when the client has sent the last of it."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def test_only_so_many_large_bodies_may_come_in_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LARGE_BYTES", 10)
    monkeypatch.setattr(limits, "LARGE_AT_ONCE", 2)
    limited = BodyLimit(reads_all, lambda scope: 1000)
    statuses: list[int] = []
    under_way: list[int] = []

    async def send(size: int, gate: asyncio.Event) -> None:
        async def body() -> Any:
            yield b"x" * size
            under_way.append(size)
            await gate.wait()
            yield b"x"

        async with AsyncClient(
            transport=ASGITransport(limited), base_url="http://localhost"
        ) as client:
            try:
                statuses.append((await client.post("/", content=body())).status_code)
            except HTTPException as refused:
                statuses.append(refused.status_code)

    async def run() -> None:
        gate = asyncio.Event()
        tasks = [asyncio.create_task(send(size, gate)) for size in (11, 11, 5, 5, 11)]
        while len(under_way) + len(statuses) < len(tasks):
            await asyncio.sleep(0.01)
        gate.set()
        await asyncio.gather(*tasks)
        await send(11, gate)

    asyncio.run(run())
    assert sorted(statuses[:-1]) == [200, 200, 200, 200, 503]
    assert statuses[-1] == 200, "there is room again"


async def get(app: Any, **more: Any) -> Response:
    async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client:
        return await client.request("GET", "/", **more)


def test_what_takes_too_long_is_ended_with_503_though_its_thread_goes_on() -> None:
    answered, done = threading.Event(), threading.Event()

    def work() -> None:
        assert answered.wait(500)
        done.set()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await anyio.to_thread.run_sync(work)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"late"})

    async def run() -> Response:
        answer = await get(TimeLimit(slow, 2))
        answered.set()
        return answer

    answer = asyncio.run(run())
    assert done.wait(500)
    problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    assert "2 seconds" in answer.json()["detail"]


def test_a_body_that_takes_too_long_is_ended_with_408() -> None:
    async def trickle() -> Any:
        while True:
            yield b"x"
            await asyncio.sleep(0.02)

    answer = asyncio.run(get(TimeLimit(reads_all, 0.1), content=trickle()))
    problem(answer, 408)
    assert answer.headers["connection"] == "close"


def test_what_responds_although_it_was_ended_is_not_sent() -> None:
    received: list[str] = []

    async def stubborn(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.sleep(500)
        except asyncio.CancelledError:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"late"})

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: Message) -> None:
            received.append(message["type"])
            await send(message)

        await TimeLimit(stubborn, 0.1)(scope, receive, note)
        await asyncio.sleep(0.1)

    problem(asyncio.run(get(watched)), 503)
    assert received == ["http.response.start", "http.response.body"]


def test_what_is_quick_is_not_touched() -> None:
    answer = asyncio.run(get(TimeLimit(reads_all, 500), content=b"abc"))
    assert (answer.status_code, answer.text) == (200, "3")


def test_an_error_passes_through_the_time_limit() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(get(TimeLimit(broken, 500)))
