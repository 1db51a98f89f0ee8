"""Forecasts from a client's own frames."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import xarray as xr
from anyio.to_thread import current_default_thread_limiter
from fastapi.testclient import TestClient
from httpx import ASGITransport, AsyncClient, Response

from ingest.formats import netcdf
from model_zoo import load_forecaster
from service.api.app import create_app
from service.api.schemas import Forecast
from service.archive.archive import Archive
from service.archive.key import Key, stamp, to_time
from tests.served import LATEST, Gate, api_context, ask, iso, problem
from tests.showers import frame, time
from tests.state_snapshot import files_of

JSON, NETCDF = {"Content-Type": "application/json"}, {"Content-Type": "application/x-netcdf"}
WAIT = {"Prefer": "wait=30"}
NUMBERS = (4, 5, 6)
ELSEWHERE = {
    "x": (4.3e6 + 5e3 * np.arange(48)).tolist(),
    "y": (3.1e6 - 5e3 * np.arange(40)).tolist(),
    "projection": "EPSG:3035",
}
"""A grid of one's own."""


def own(*numbers: int) -> xr.DataArray:
    """Frames (time, y, x) on the 5 km grid."""
    return xr.concat([frame(number) for number in numbers], "time", coords="minimal",
                     compat="override", join="override")  # fmt: skip


def as_netcdf(frames: xr.DataArray) -> bytes:
    return netcdf.encode(frames, packed=False, title="mine", history="")


def as_json(frames: xr.DataArray, grid: dict[str, Any] | None = None, **more: Any) -> bytes:
    content = {
        "times": [f"{valid.astype('datetime64[s]')}Z" for valid in frames["time"].values],
        "rainfall_rate": np.ascontiguousarray(frames.values),
        "grid": grid or {"name": "sphere"},
    }
    return orjson.dumps({"frames": content, **more}, option=orjson.OPT_SERIALIZE_NUMPY)


def abroad(*numbers: int, **more: Any) -> bytes:
    """Frames as JSON on a grid of one's own."""
    return as_json(own(*numbers).isel(y=slice(70, 110), x=slice(60, 108)), ELSEWHERE, **more)


def send(client: TestClient, body: bytes, *, query: str = "", **headers: str) -> Response:
    kind = JSON if body.startswith(b"{") else NETCDF
    answer: Response = client.post(f"/nowcast{query}", content=body, headers=kind | WAIT | headers)
    return answer


@pytest.mark.parametrize("write", [as_netcdf, as_json])
def test_a_forecast_is_made_from_frames_of_ones_own(client: TestClient, write: Any) -> None:
    answer = send(client, write(own(*NUMBERS)))
    assert answer.status_code == 200
    forecast = Forecast.model_validate_json(answer.content)
    assert forecast.issue_time == datetime.fromisoformat(iso(6))
    expected = load_forecaster("advection")(own(*NUMBERS))
    rates = np.array(answer.json()["rainfall_rate"], dtype=float)
    np.testing.assert_allclose(rates, expected, atol=0.011)


def test_how_good_forecasts_from_such_frames_are_nobody_knows(client: TestClient) -> None:
    theirs = client.get(f"/nowcasts/{iso(LATEST)}?model=persistence").json()
    mine = send(client, as_netcdf(own(LATEST - 1, LATEST)), query="?model=persistence").json()
    assert mine["issue_time"] == theirs["issue_time"]
    assert theirs["skill"]
    assert mine["skill"] == []


def test_the_forecast_is_for_who_has_its_address_and_no_cache_on_the_way(
    client: TestClient,
) -> None:
    answer = send(client, as_netcdf(own(*NUMBERS)))
    address = answer.headers["content-location"]
    assert address.startswith(f"/jobs/{stamp(time(6))}-advection-none-")
    assert answer.headers["cache-control"].startswith("private")
    again = client.get(address)
    assert (again.status_code, again.content) == (200, answer.content)
    for link in answer.json()["links"]:
        assert client.get(link["href"]).headers["cache-control"].startswith("private")
    png = client.get(address, headers={"Accept": "image/png"})
    assert png.content.startswith(b"\x89PNG")
    not_modified = client.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert not_modified.status_code == 304
    file = client.get(f"{address}?f=netcdf")
    assert netcdf.decode(file.content).shape == (24, 180, 180)


def test_it_is_none_of_the_forecasts_from_radar(client: TestClient) -> None:
    addresses = ("/nowcasts/latest", f"/nowcasts/{iso(6)}", "/verification")
    before = [client.get(address).content for address in addresses]
    dry = xr.zeros_like(own(*NUMBERS))
    assert send(client, as_netcdf(dry)).status_code == 200
    assert [client.get(address).content for address in addresses] == before


def test_frames_may_lie_on_another_grid(client: TestClient) -> None:
    answer = send(client, abroad(*NUMBERS))
    forecast = Forecast.model_validate_json(answer.content)
    assert np.array(forecast.rainfall_rate).shape == (4, 40, 48)
    assert forecast.grid.shape == (40, 48)
    assert forecast.grid.x == ELSEWHERE["x"]
    assert "3035" in (forecast.grid.projection or "")
    assert [link.href for link in forecast.links if "png" in link.href] == []
    address = answer.headers["content-location"]
    problem(client.get(f"{address}?f=png"), 406)
    assert client.get(f"{address}?f=netcdf").status_code == 200


def test_the_model_is_named_in_the_body_or_in_the_address(client: TestClient) -> None:
    both = as_netcdf(own(*NUMBERS)), as_json(own(*NUMBERS))
    for body in both:
        answer = send(client, body, query="?model=persistence")
        assert answer.json()["model"]["name"] == "persistence"
    named = as_json(own(*NUMBERS), model="persistence")
    assert send(client, named).json()["model"]["name"] == "persistence"


def test_the_same_frames_are_one_job(slow: TestClient, gate: Gate) -> None:
    body = as_netcdf(own(*NUMBERS))
    first, second = (send(slow, body, Prefer="respond-async") for _ in range(2))
    assert first.status_code == second.status_code == 202
    assert first.headers["location"] == second.headers["location"]
    others = send(slow, as_netcdf(own(3, 4, 5)), Prefer="respond-async")
    assert others.headers["location"] != first.headers["location"]
    gate.open.set()
    assert send(slow, body).status_code == 200
    assert [key.issue for key in gate.asked].count(time(6)) == 1


def test_past_its_keeping_time_it_is_410_and_can_be_sent_anew(data: Path) -> None:
    body = as_netcdf(own(*NUMBERS))
    with TestClient(create_app(api_context(data))) as client:
        address = send(client, body).headers["content-location"]
        soon = to_time(datetime.now(UTC) + timedelta(minutes=1))
        Archive(data / "archive").remove_before("uploads", soon)
        assert "retention" in problem(client.get(address), 410)["detail"]
        assert client.get(address.removesuffix("/results")).json()["status"] == "successful"
        again = send(client, body)
        assert again.status_code == 200
        assert again.headers["content-location"] == address


def test_the_same_upload_under_one_idempotency_key_is_one_request(client: TestClient) -> None:
    body, key = as_netcdf(own(*NUMBERS)), {"Idempotency-Key": "a"}
    first, second = (send(client, body, **key) for _ in range(2))
    assert first.headers["content-location"] == second.headers["content-location"]
    problem(send(client, as_netcdf(own(3, 4, 5)), **key), 422)


def mine(**more: Any) -> bytes:
    return abroad(*NUMBERS, **more)


@pytest.mark.parametrize(
    ("write", "query", "headers", "status"),
    [
        (lambda: b"no netcdf at all", "", {}, 422),
        (lambda: b"\x89HDF\r\n\x1a\n" + b"\0" * 5000, "", {}, 422),
        (lambda: b"", "", {}, 422),
        (lambda: b'{"frames": []}', "", {}, 422),
        (lambda: b'{"frames": {"times": [], "rainfall_rate": []}}', "", {}, 422),
        (lambda: b'{"frames": ' + b"[" * 900 + b"]" * 900 + b"}", "", {}, 422),
        (lambda: mine(model=7), "", {}, 422),
        (lambda: mine(model="../advection"), "", {}, 422),
        (lambda: mine(model="no-such-model"), "", {}, 422),
        (lambda: mine(model="convlstm"), "", {}, 422),
        (lambda: mine(model="auto"), "", {}, 422),
        (mine, "?model=dwd-rv", {}, 422),
        (lambda: abroad(0, 11), "", {}, 422),
        (lambda: abroad(6), "", {}, 422),
        (mine, "?f=png", {}, 406),
        (mine, "", {"Accept": "text/csv"}, 406),
        (mine, "", {"Idempotency-Key": "x" * 201}, 422),
        (mine, "", {"Content-Type": "text/csv"}, 415),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    client: TestClient,
    data: Path,
    write: Callable[[], bytes],
    query: str,
    headers: dict[str, str],
    status: int,
) -> None:
    before = files_of(data)
    problem(send(client, write(), query=query, **headers), status)
    after = files_of(data)
    assert after.keys() == before.keys()
    assert all(after[name] == before[name] for name in before if name.endswith(".nc"))


def test_when_the_queue_is_full_nothing_is_kept(data: Path, gate: Gate) -> None:
    with TestClient(create_app(api_context(data, before=gate, jobs_waiting=1))) as client:
        ask(client, 1)
        assert gate.reached.acquire(timeout=100)
        ask(client, 2)
        before = files_of(data).keys()
        problem(send(client, abroad(*NUMBERS), Prefer="respond-async"), 503)
        assert files_of(data).keys() == before
        gate.open.set()


def test_of_what_is_too_large_for_a_question_only_frames_are_taken(data: Path) -> None:
    with TestClient(create_app(api_context(data, largest_body_bytes=1000))) as client:
        padded = b'{"model": "advection"' + b" " * 1000 + b"}"
        assert "times" in problem(send(client, padded), 422)["detail"]
        assert send(client, abroad(*NUMBERS)).status_code == 200


def test_the_key_of_an_upload_names_its_frames(data: Path) -> None:
    there = api_context(data)
    with TestClient(create_app(there)) as client:
        job = send(client, as_netcdf(own(*NUMBERS))).headers["content-location"].split("/")[2]
        key = there.jobs.get(job).key
    assert isinstance(key, Key)
    assert key.upload.startswith(job.rpartition("-")[2])
    kept = Archive(data / "archive").upload(key.upload)
    np.testing.assert_array_equal(kept.values, own(*NUMBERS).values)


def test_who_uploads_keeps_nobody_from_reading(data: Path) -> None:
    """Each upload is read by a process of its own, however small: many at once queue up apart."""
    bodies = [b'{"frames": []}', b'{"\\u0066rames": []}', b'{"x":"' + b"y" * 300 + b'","frames":1}']
    context = api_context(data)
    pool, go = context.pools.uploads, threading.Event()

    async def upload_and_read() -> list[int]:
        current_default_thread_limiter().total_tokens = 4
        transport = ASGITransport(create_app(context), client=("192.0.2.1", 1))
        async with AsyncClient(
            transport=transport, base_url="http://localhost", timeout=550
        ) as client:
            working = [asyncio.create_task(pool.run(go.wait, 500)) for _ in range(pool.threads)]
            await asyncio.sleep(0)
            sent = [
                asyncio.create_task(client.post("/nowcast", content=body, headers=JSON))
                for body in bodies * 6
            ]
            for _ in range(2):
                assert (await client.get("/nowcasts/latest")).status_code == 200
            assert not any(upload.done() for upload in sent), "they wait for their turn"
            go.set()
            await asyncio.gather(*working)
            return [(await upload).status_code for upload in sent]

    assert asyncio.run(upload_and_read()) == [422] * 18
