"""What one client, and all together, can make the service keep."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.api import quotas
from service.api.app import create_app
from service.api.quotas import RequestMemory, UploadQuota
from service.archive.store import Folder
from service.errors import NoRoom, QuotaExceeded
from service.jobs import job_table
from service.settings import Settings
from tests.served import LATEST, Gate, api_context, ask, iso, problem

MEGABYTE = 1_000_000


class Disk(Folder):
    """A folder on a disk of 100 MB with so much free."""

    def __init__(self, root: Path, free: int) -> None:
        super().__init__(root)
        self.left = free

    def free(self) -> tuple[int, int]:
        return self.left, 100 * MEGABYTE


def quota(folder: Path, free: int = 90 * MEGABYTE, **settings: Any) -> UploadQuota:
    limits = {"uploads_bytes": 10 * MEGABYTE, "uploads_bytes_per_client": 6 * MEGABYTE}
    return UploadQuota(Disk(folder, free), Settings.model_validate(limits | settings))


def test_one_client_cannot_use_the_space_of_all(tmp_path: Path) -> None:
    limited = quota(tmp_path)
    for _ in range(2):
        limited.admit("a", 3 * MEGABYTE)
    with pytest.raises(QuotaExceeded, match="should be under 6000000 in 24 hours"):
        limited.admit("a", 1)
    limited.admit("b", 3 * MEGABYTE)
    with pytest.raises(NoRoom, match="should be under 10000000"):
        limited.admit("c", 3 * MEGABYTE)


def test_uploads_of_earlier_runs_count(tmp_path: Path) -> None:
    file = tmp_path / "uploads/0123456789abcdef/frames.nc"
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(9 * MEGABYTE))
    with pytest.raises(NoRoom):
        quota(tmp_path).admit("a", 2 * MEGABYTE)


@pytest.mark.parametrize(("free", "admitted"), [(90, True), (53, True), (52, False), (1, False)])
def test_uploads_leave_free_space_for_radar(tmp_path: Path, free: int, admitted: bool) -> None:
    limited = quota(tmp_path, free * MEGABYTE + 1)
    if admitted:
        limited.admit("a", 3 * MEGABYTE)
    else:
        with pytest.raises(NoRoom, match="should leave 50000000 for radar"):
            limited.admit("a", 3 * MEGABYTE)


def test_a_share_is_of_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limited, now = quota(tmp_path), [1000.0]
    monkeypatch.setattr("service.api.quotas.time.monotonic", lambda: now[0])
    limited.admit("a", 6 * MEGABYTE)
    with pytest.raises(QuotaExceeded):
        limited.admit("a", 1)
    now[0] += 25 * 3600
    limited.admit("a", 6 * MEGABYTE)


def test_an_upload_without_room_is_507_and_leaves_nothing(data: Path) -> None:
    frames = {
        "times": [iso(number) for number in (10, 11)],
        "rainfall_rate": [[[1.0] * 180] * 180] * 2,
    }
    body = {"model": "persistence", "frames": frames}
    for context, status in (
        (api_context(data, uploads_bytes=1000), 507),
        (api_context(data, uploads_bytes_per_client=1000), 429),
    ):
        with TestClient(create_app(context)) as client:
            answer = client.post("/nowcast", json=body)
        problem(answer, status)
        assert int(answer.headers["retry-after"]) > 0
        assert not (data / "archive/uploads").exists()


def test_a_client_waits_for_so_many_jobs_at_once(data: Path, gate: Gate) -> None:
    context = api_context(data, before=gate, jobs_waiting=10, jobs_per_client=2)
    with TestClient(create_app(context)) as client:
        assert [ask(client, number).status_code for number in (1, 2)] == [202, 202]
        refused = ask(client, 3)
        problem(refused, 429)
        assert int(refused.headers["retry-after"]) > 0
        assert ask(client, 2).status_code == 202, "it waits for that one already"
        assert ask(client, LATEST).status_code == 200, "that one is there already"
        other = TestClient(client.app, client=("192.0.2.7", 1))
        assert ask(other, 3).status_code == 202
        gate.open.set()
        assert ask(client, 1, Prefer="wait=30").status_code == 200
        assert ask(client, 2, Prefer="wait=30").status_code == 200
        assert ask(client, 4).status_code in {200, 202}


def test_keys_of_forecasts_that_exist_take_no_row(data: Path) -> None:
    with TestClient(create_app(api_context(data))) as client:
        for number in range(20):
            assert ask(client, LATEST, **{"Idempotency-Key": str(number)}).status_code == 200
        engine = client.app.state.context.ledger.engine  # type: ignore[attr-defined]
        with engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT count(*) FROM requests").scalar()
    assert rows == 0


def test_the_oldest_keys_are_forgotten_first(
    data: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_table, "MOST_KEYS", 3)
    table = api_context(data).jobs.job_table
    from tests.showers import moment

    for number in range(8):
        table.remember(str(number), "body", "job", moment(number))
    known = [number for number in range(8) if table.recall(str(number), moment(8))]
    assert known == [5, 6, 7]


def test_keys_in_memory_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "MOST_REMEMBERED", 3)
    memory = RequestMemory()
    for number in range(8):
        memory.remember(str(number), "body", "job")
    assert [number for number in range(8) if memory.recall(str(number))] == [5, 6, 7]
