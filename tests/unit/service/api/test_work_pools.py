"""Slow work of one kind keeps no other waiting, and clients that hang up are no errors."""

import asyncio
import logging
import threading
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.types import Message

from service.api.app import create_app
from service.api.work_pools import PatientCalls, SharedCall, WorkPool
from service.errors import Busy, LedgerAway
from tests.served import api_context, problem


def test_a_pool_refuses_what_exceeds_its_queue() -> None:
    async def run() -> list[object]:
        go, pool = threading.Event(), WorkPool("work", 2, 3)
        calls = [asyncio.create_task(pool.run(go.wait, 100)) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="should be under 5"):
            await pool.run(go.wait, 100)
        go.set()
        return [*await asyncio.gather(*calls), await pool.run(int, "7")]

    assert asyncio.run(run()) == [True] * 5 + [7]


def test_a_pool_has_room_again_after_a_request_was_given_up_or_failed() -> None:
    async def run() -> None:
        go, pool = threading.Event(), WorkPool("work", 1, 1)
        first, second = (asyncio.create_task(pool.run(go.wait, 100)) for _ in range(2))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        third = asyncio.create_task(pool.run(int, "no number"))
        go.set()
        await first
        with pytest.raises(ValueError, match="no number"):
            await third
        assert await pool.run(int, "7") == 7

    asyncio.run(run())


def test_a_shared_call_runs_once_at_a_time_and_is_not_waited_for_in_vain() -> None:
    async def run() -> None:
        go, calls = threading.Event(), []

        def slow() -> int:
            calls.append(1)
            go.wait(100)
            return len(calls)

        call = SharedCall(slow)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await call.result(0.05)
        go.set()
        assert await call.result(100) == 1
        assert await call.result(100) == 2

    asyncio.run(run())


def test_the_error_of_a_shared_call_is_raised_by_all_who_wait() -> None:
    def fail() -> int:
        raise LedgerAway("gone")

    async def run() -> list[object]:
        call = SharedCall(fail, fresh_seconds=100)
        waits = [call.result(100) for _ in range(3)]
        return await asyncio.gather(*waits, return_exceptions=True)

    assert [str(error) for error in asyncio.run(run())] == ["gone"] * 3


def test_calls_that_hang_are_given_up_and_then_not_tried_any_more() -> None:
    go, tried, calls = threading.Event(), threading.Semaphore(0), PatientCalls("ledger", 2, 0.02)

    def hang() -> None:
        tried.release()
        go.wait(300)

    for _ in range(5):
        with pytest.raises(LedgerAway, match="did not respond"):
            calls.call(hang)
    for _ in range(2):
        assert tried.acquire(timeout=300)
    assert not tried.acquire(blocking=False)
    go.set()


AREA = "POLYGON((9 50,10 50,10 51,9 50))"
SLOW = {
    "pictures": ["/nowcasts/latest?f=png"],
    "maps": [
        "/maps/radar.png?bbox=9,50,10,51&width=40",
        "/wms?service=WMS&version=1.3.0&request=GetCapabilities",
    ],
    "tiles": ["/tiles/radar/tile.json", "/public/weather-maps.json"],
    "queries": [
        f"/collections/radar/area?coords={AREA}",
        "/collections/nowcast/cube?bbox=9,50,10,51",
        "/collections/nowcast/radius?coords=POINT(10 51)&within=9&within-units=km",
        "/collections/nowcast/trajectory?coords=LINESTRING(9 50,10 51)",
    ],
}
"""Paths of requests that take turns, by their pool."""


@pytest.mark.parametrize("name", SLOW)
def test_slow_work_that_waits_keeps_no_other_waiting(filled: Path, name: str) -> None:
    context = api_context(filled, slow_requests_waiting=1, requests_waiting=1)
    pool: WorkPool = getattr(context.pools, name)
    go = threading.Event()

    async def run() -> None:
        app = create_app(context)
        transport = ASGITransport(app)
        async with AsyncClient(transport=transport, base_url="http://localhost") as client:
            working = [asyncio.create_task(pool.run(go.wait, 100)) for _ in range(pool.threads + 1)]
            await asyncio.sleep(0)
            for path in SLOW[name]:
                refused = await client.get(path)
                assert int(refused.headers["retry-after"]) > 0
                assert problem(refused, 503)["type"] == "/problems/Busy"
            others = [paths[0] for other, paths in SLOW.items() if other != name]
            position = "/collections/nowcast/position?coords=POINT(10 51)"
            for path in (*others, position, "/healthz", "/nowcasts/latest", "/verification"):
                assert (await client.get(path)).status_code == 200, path
            go.set()
            await asyncio.gather(*working)
            for path in SLOW[name]:
                assert (await client.get(path)).status_code == 200, path

    asyncio.run(run())


@pytest.mark.parametrize("path", ["/nowcast", "/healthz"])
def test_a_client_that_hangs_up_is_no_error(
    filled: Path, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(api_context(filled))
    sent: list[Message] = []
    messages: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0) if len(messages) > 1 else messages[0]

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode()}
    scope |= {"query_string": b"", "headers": [*headers, (b"content-length", b"50")]}
    scope |= {"client": ("127.0.0.1", 1), "server": ("localhost", 80), "http_version": "1.1"}
    with caplog.at_level(logging.WARNING):
        asyncio.run(app({**scope, "scheme": "http", "root_path": ""}, receive, send))
    assert not caplog.records
    assert all(message.get("status", 0) < 500 for message in sent)


def test_bodies_that_are_received_at_once_have_a_limit(data: Path) -> None:
    async def run() -> list[int]:
        app = create_app(api_context(data, bodies_bytes=2500))
        go = asyncio.Event()

        async def body() -> object:
            yield b" " * 1000
            await go.wait()
            yield b"{}"

        transport = ASGITransport(app)
        async with AsyncClient(transport=transport, base_url="http://localhost") as client:
            json = {"Content-Type": "application/json"}
            posts = [
                asyncio.create_task(client.post("/nowcast", content=body(), headers=json))  # type: ignore[arg-type]
                for _ in range(3)
            ]
            done, _ = await asyncio.wait(posts, timeout=100, return_when="FIRST_COMPLETED")
            go.set()
            answers = await asyncio.gather(*posts)
            assert len(done) == 1
            again = await client.post("/nowcast", content=b" " * 2000 + b"{}", headers=json)
            return sorted([*(answer.status_code for answer in answers), again.status_code])

    statuses = asyncio.run(run())
    assert statuses[-1] == 503
    assert all(status in {200, 202} for status in statuses[:-1]), statuses
