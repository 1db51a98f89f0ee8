"""While the ledger or the disk fails, errors say so and what is there already is served."""

import errno
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from fastapi.testclient import TestClient

from service.api import dependencies
from service.api.app import create_app
from service.api.dependencies import ApiContext
from service.api.routes import health
from service.archive.store import Folder
from service.errors import LedgerAway
from service.ledger.ledger import Ledger
from tests.served import LATEST, NEWEST, api_context, ask, iso, problem

SECRET = 'connection to server at "db.internal" (10.1.2.3), port 5432 failed'


class Away:
    """A database that cannot be reached, in place of the engine of a ledger."""

    def connect(self) -> NoReturn:
        raise LedgerAway(SECRET, "the ledger cannot be used now: its server cannot be reached")

    begin = connect


class Hanging:
    """A database that does not respond."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def connect(self) -> NoReturn:
        self.go.wait(200)
        raise LedgerAway(SECRET)

    begin = connect


@pytest.fixture
def context(data: Path) -> ApiContext:
    return api_context(data)


@pytest.fixture
def client(context: ApiContext) -> Iterator[TestClient]:
    with TestClient(create_app(context), raise_server_exceptions=False) as client:
        yield client


def lose(context: ApiContext, engine: object) -> None:
    """Put a database that fails in place of the one of a service."""
    context.ledger.engine = engine  # type: ignore[assignment]
    context.jobs.job_table._engine = engine  # type: ignore[assignment]


THERE = [
    "/nowcasts/latest",
    f"/nowcasts/{iso(LATEST)}",
    f"/nowcasts/{iso(LATEST)}?f=netcdf",
    f"/nowcasts/{iso(LATEST)}?f=png",
    f"/collections/nowcast/position?coords=POINT(10%2051)&issue={iso(LATEST)}",
    f"/grids/radar/{iso(NEWEST)}",
    f"/grids/forecasts/{iso(LATEST)}",
    "/grids/latest",
    "/jobs/{job}",
    "/jobs/{job}/results",
    "/healthz",
    "/",
]
"""Whatever is served from the archive."""


def test_what_is_there_is_served_while_the_ledger_is_away(
    client: TestClient, context: ApiContext
) -> None:
    plain = {"Accept-Encoding": "identity"}  # another coding is part of the tag
    job = client.get("/nowcasts/latest", headers=plain).headers["etag"].strip('"')
    context.encoded_cache._encoded.clear()
    lose(context, Away())
    for path in THERE:
        answer = client.get(path.format(job=job))
        assert answer.status_code == 200, (path, answer.text[:300])
    assert ask(client, LATEST).status_code == 200
    assert ask(client, LATEST, **{"Idempotency-Key": "a"}).status_code == 200


def test_a_forecast_without_its_skill_is_not_cached(
    client: TestClient, context: ApiContext
) -> None:
    complete = client.get(f"/nowcasts/{iso(LATEST)}").json()
    context.encoded_cache._encoded.clear()
    engine = context.ledger.engine
    lose(context, Away())
    path = f"/nowcasts/{iso(LATEST)}?model=advection"
    without = client.get(path)
    assert without.headers["cache-control"] == "no-store"
    assert without.json() == complete | {"skill": []}
    lose(context, engine)
    again = client.get(path, headers={"If-None-Match": without.headers["etag"]})
    assert again.status_code == 200
    assert again.json() == complete


def test_what_needs_the_ledger_is_503_without_names_of_hosts(
    client: TestClient, context: ApiContext, caplog: pytest.LogCaptureFixture
) -> None:
    lose(context, Away())
    answers = [
        client.get("/verification"),
        client.get("/jobs/20260621T2330Z-advection-none"),
        ask(client, NEWEST),
        client.get("/readyz"),
    ]
    for answer in answers:
        problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
        assert "db.internal" not in answer.text
        assert "10.1.2.3" not in answer.text
    assert "its server cannot be reached" in answers[-1].text
    assert "db.internal" in caplog.text, "the operator sees the host"
    metrics = client.get("/metrics").text
    assert "nowcast_ledger_up 0.0" in metrics
    assert 'code="5xx"} 0' in metrics or "5xx" in metrics


def test_a_ledger_that_hangs_delays_neither_readiness_nor_metrics(
    client: TestClient, context: ApiContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.2)
    monkeypatch.setattr("service.api.routes.metrics.LEDGER_SECONDS", 0.2)
    hanging = Hanging()
    lose(context, hanging)
    before = threading.active_count()
    for _ in range(10):
        body = problem(client.get("/readyz"), 503)
        assert "the ledger did not respond" in body["detail"]
        assert "nowcast_ledger_up 0.0" in client.get("/metrics").text
        assert client.get("/healthz").status_code == 200
    assert threading.active_count() <= before + 6, "one thread for each check, however often"
    hanging.go.set()


def test_a_locked_ledger_is_not_ready_and_serves_what_is_there(
    client: TestClient, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.5)
    monkeypatch.setattr(dependencies, "LEDGER_SECONDS", 0.5)
    lock = sqlite3.connect(data / "ledger.sqlite", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    assert "ledger" in problem(client.get("/readyz"), 503)["detail"]
    assert ask(client, LATEST, **{"Idempotency-Key": "a"}).status_code == 200
    assert client.get("/verification").status_code == 200
    lock.execute("ROLLBACK")
    lock.close()


def test_a_damaged_ledger_is_503(client: TestClient, context: ApiContext, data: Path) -> None:
    context.ledger.engine.dispose()
    for name in ("ledger.sqlite-wal", "ledger.sqlite-shm"):
        (data / name).unlink(missing_ok=True)
    (data / "ledger.sqlite").write_bytes(b"this is no database, but long enough" * 1000)
    for path in ("/verification", "/readyz"):
        assert "damaged" in problem(client.get(path), 503)["detail"]
    assert client.get(f"/nowcasts/{iso(LATEST)}").status_code in {200, 503}
    assert "nowcast_ledger_up 0.0" in client.get("/metrics").text


@pytest.mark.parametrize(
    ("number", "status", "reason"),
    [
        (errno.ENOSPC, 507, "disk of the service is full"),
        (errno.EDQUOT, 507, "disk of the service is full"),
        (errno.EROFS, 503, "Read-only file system"),
        (errno.EACCES, 503, "Permission denied"),
        (errno.EIO, 503, "Input/output error"),
        (errno.EMFILE, 503, "Too many open files"),
    ],
)
def test_a_disk_that_fails_is_told_by_answers_and_readiness(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, number: int, status: int, reason: str
) -> None:
    def fail(*arguments: object) -> NoReturn:
        raise OSError(number, os.strerror(number), "/srv/secret/archive")

    monkeypatch.setattr(Folder, "renew", fail)
    monkeypatch.setattr(Folder, "probe", fail)
    frames = {
        "times": [iso(number) for number in (10, 11)],
        "rainfall_rate": [[[1.0] * 180] * 180] * 2,
    }
    answer = client.post("/nowcast", json={"model": "persistence", "frames": frames})
    assert reason in problem(answer, status)["detail"]
    assert int(answer.headers["retry-after"]) > 0
    ready = client.get("/readyz")
    assert f"the archive cannot be written: {os.strerror(number)}" in problem(ready, 503)["detail"]
    assert "secret" not in answer.text + ready.text
    assert client.get("/nowcasts/latest").status_code == 200


def test_readiness_leaves_nothing_behind(client: TestClient, data: Path, filled: Path) -> None:
    before = sorted(path.name for path in (data / "archive").rglob("*") if path.is_file())
    assert client.get("/readyz").status_code == 200
    after = sorted(path.name for path in (data / "archive").rglob("*") if path.is_file())
    assert after == before
    with sqlite3.connect(data / "ledger.sqlite") as ledger:
        probes = ledger.execute("SELECT count(*) FROM tallies WHERE subject = 'probe'").fetchone()
    assert probes == (0,)


def test_a_deleted_ledger_is_away_until_it_is_restored(tmp_path: Path, filled: Path) -> None:
    shutil.copy(filled / "ledger.sqlite", tmp_path / "backup")
    path = Path(shutil.copy(filled / "ledger.sqlite", tmp_path / "ledger.sqlite"))
    ledger = Ledger(f"sqlite:///{path}")
    known = ledger.forecasts_latest()
    assert known
    path.unlink()
    for _ in range(2):
        with pytest.raises(LedgerAway, match="the file of the ledger is gone"):
            ledger.forecasts_latest()
    assert not path.exists(), "no empty one takes its place"
    shutil.copy(tmp_path / "backup", path)
    assert ledger.forecasts_latest() == known


def test_a_replaced_ledger_is_used_from_then_on(tmp_path: Path, filled: Path) -> None:
    path = Path(shutil.copy(filled / "ledger.sqlite", tmp_path / "ledger.sqlite"))
    ledger = Ledger(f"sqlite:///{path}")
    assert ledger.forecasts_latest()
    Ledger(f"sqlite:///{tmp_path / 'other'}").engine.dispose()
    (tmp_path / "other").replace(path)
    assert ledger.forecasts_latest() == {}


def test_when_all_connections_are_in_use_the_ledger_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.ledger import database

    limits = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.01}
    monkeypatch.setattr(database, "POOL", limits)
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    with ledger.engine.connect(), pytest.raises(LedgerAway, match="are in use"):
        ledger.engine.connect()
    ledger.probe()
