"""Workers, beats and Redis as real processes, killed as operations kill them: nothing is lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time as clock
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars

from service.archive.key import Key
from service.errors import DeadLetter, NoWorker
from service.jobs.job import SCHEDULED, Job
from service.runtime.deployment import Deployment
from service.settings import Settings
from tests.redis_server import RedisServer, redis_server
from tests.served import NEWEST, NOW, put_frames
from tests.showers import time

ROOT = Path(__file__).parents[2]
SECONDS = 300.0
"""How long a test waits for what should come in a few."""
WORKER_SECONDS = 5.0
"""Silence after which a worker counts as dead here."""
FORECASTS, ALL = "interactive,scheduled", "interactive,scheduled,verify,ingest"


def eventually(true: Callable[[], object], what: str = "") -> None:
    until = clock.monotonic() + SECONDS
    while not true():
        assert clock.monotonic() < until, what
        clock.sleep(0.02)


def key(number: int, model: str = "persistence") -> Key:
    return Key(time(number), model, "none")


class WorkerFixture:
    """Workers and beats of a deployment, and a client of it."""

    def __init__(self, forker: subprocess.Popen[str], redis: RedisServer, data: Path) -> None:
        self._forker, self.redis, self.data = forker, redis, data
        self.settings: dict[str, Any] = {
            "data": str(data),
            "redis": redis.url,
            "models": ["advection", "persistence"],
            "worker_seconds": WORKER_SECONDS,
            "radar_server": "http://127.0.0.1:9/",
            "simulated_time": f"{NOW.isoformat()}@{clock.time()}*1",
        }
        self.pids: list[int] = []
        self.deployment = Deployment(Settings.model_validate(self.settings))

    def start(self, role: str = FORECASTS, **settings: Any) -> int:
        """Start a worker or a beat; a worker is ready when this returns."""
        assert self._forker.stdin is not None
        assert self._forker.stdout is not None
        print(json.dumps([role, self.settings | settings]), file=self._forker.stdin, flush=True)
        pid = int(self._forker.stdout.readline())
        self.pids.append(pid)
        if role != "beat":
            eventually(
                lambda: any(
                    f"-{pid}-" in worker.worker for worker in self.deployment.job_table.workers()
                )
            )
        return pid

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        os.kill(pid, number)
        self.pids.remove(pid)
        eventually(lambda: not alive(pid), "it ends")

    def submit(self, *keys: Key, queue: str = "interactive") -> list[str]:
        return [self.deployment.jobs.submit(key, queue).id for key in keys]

    def block_forecasts(self) -> None:
        (self.data / "closed").touch()

    def release_forecasts(self) -> None:
        (self.data / "closed").unlink()

    def begun(self) -> list[str]:
        """Forecasts that were begun, in their order."""
        path = self.data / "begun"
        return [line.split()[1] for line in path.read_text().splitlines()] if path.exists() else []

    def begun_of(self, *jobs: str) -> list[str]:
        """Those of some jobs; a beat soon lets others be made, too."""
        return [job for job in self.begun() if job in jobs]

    def done(self, jobs: Sequence[str]) -> list[Job]:
        """Jobs when all of them have come to their end."""
        eventually(lambda: all(self.deployment.jobs.get(job).finished for job in jobs), str(jobs))
        return [self.deployment.jobs.get(job) for job in jobs]

    def stop_all(self) -> None:
        for pid in self.pids:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ends_within(pid: int, seconds: float) -> bool:
    until = clock.monotonic() + seconds
    while alive(pid) and clock.monotonic() < until:
        clock.sleep(0.02)
    return not alive(pid)


@pytest.fixture(scope="module")
def forker() -> Iterator[subprocess.Popen[str]]:
    if shutil.which("redis-server") is None:
        pytest.skip("needs the program redis-server, which is not installed")
    command = [sys.executable, "-m", "tests.integration.worker_fixture"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
    yield process
    process.communicate(timeout=300)


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data with an hour of frames and no forecasts."""
    data: Path = tmp_path_factory.mktemp("frames")
    put_frames(Deployment(Settings(data=data)).archive, *range(NEWEST + 1))
    return data


@pytest.fixture
def workers(forker: subprocess.Popen[str], frames: Path, tmp_path: Path) -> Iterator[WorkerFixture]:
    data = shutil.copytree(frames, tmp_path / "data")
    with redis_server(tmp_path) as redis:
        started = WorkerFixture(forker, redis, data)
        yield started
        started.stop_all()
        started.deployment.jobs.close()
        started.deployment.ledger.engine.dispose()


def test_a_job_is_done_by_a_worker(workers: WorkerFixture) -> None:
    with pytest.raises(NoWorker):
        workers.submit(key(6))
    workers.start()
    (job,) = workers.done(workers.submit(key(6)))
    assert (job.status, job.attempts) == ("successful", 1)
    assert workers.deployment.archive.has_forecast(key(6))
    (row,) = workers.deployment.job_table.workers()
    assert row.queues == ("interactive", "scheduled")


def test_the_id_of_a_request_goes_with_its_job_to_the_worker(workers: WorkerFixture) -> None:
    workers.start()
    with bound_contextvars(request_id="from-a-client"):
        asked = workers.submit(key(5))
    workers.done(asked)
    workers.done(workers.submit(key(6)))
    lines = (workers.data / "begun").read_text().splitlines()
    assert [line.split()[2] for line in lines] == ["from-a-client", "None"]


def test_many_who_ask_at_once_get_one_forecast(workers: WorkerFixture) -> None:
    workers.start()
    workers.start()
    barrier = threading.Barrier(20)
    found: list[str] = []

    def ask() -> None:
        barrier.wait()
        found.extend(workers.submit(key(6)))

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    workers.done(found)
    assert len(found) == 20
    assert workers.begun() == [key(6).id]


def test_what_somebody_waits_for_goes_before_the_schedule(workers: WorkerFixture) -> None:
    workers.start()
    workers.block_forecasts()
    (first,) = workers.submit(key(0))
    eventually(workers.begun)
    backfill = workers.submit(*(key(number) for number in (1, 2, 3, 4)), queue=SCHEDULED)
    interactive = workers.submit(key(5), key(6))
    hurried = workers.submit(key(4))
    workers.release_forecasts()
    workers.done(backfill)
    assert workers.begun() == [first, *interactive, *hurried, *backfill[:3]]


def test_a_job_whose_worker_is_killed_is_done_by_another(workers: WorkerFixture) -> None:
    first = workers.start()
    workers.start("verify")
    workers.start("beat")
    workers.block_forecasts()
    jobs = workers.submit(key(6), key(7))
    eventually(workers.begun)
    workers.kill(first)
    workers.start()
    eventually(lambda: len(workers.begun()) > 1)
    workers.release_forecasts()
    done = workers.done(jobs)
    assert [job.status for job in done] == ["successful"] * 2
    assert sorted(job.attempts for job in done) == [1, 2]


def test_a_job_that_kills_two_workers_is_given_up(workers: WorkerFixture) -> None:
    workers.start("verify")
    workers.start("beat")
    workers.block_forecasts()
    first = workers.start()
    (job,) = workers.submit(key(6))
    eventually(lambda: workers.begun_of(job) == [job])
    workers.kill(first)
    second = workers.start()
    eventually(lambda: workers.begun_of(job) == [job, job])
    workers.kill(second)
    workers.release_forecasts()
    workers.start()
    (given_up,) = workers.done([job])
    assert (given_up.status, given_up.attempts) == ("failed", 2)
    assert isinstance(given_up.error, DeadLetter)
    assert workers.submit(key(6)) == [job]
    (other,) = workers.done(workers.submit(key(7)))
    assert other.status == "successful"
    assert workers.begun_of(job, key(7).id) == [job, job, key(7).id]


def test_redis_may_lose_everything(workers: WorkerFixture) -> None:
    workers.start()
    workers.start("beat")
    workers.start("verify")
    workers.block_forecasts()
    jobs = workers.submit(key(6), key(7), key(8))
    eventually(workers.begun)
    workers.redis.kill()
    eventually(lambda: "Redis" in str(workers.deployment.jobs.health().problem))
    jobs += workers.submit(key(9))
    workers.release_forecasts()
    workers.done(jobs[:1])
    clock.sleep(0.5)  # the worker cannot say that it is done with the message
    workers.redis.start()
    done = workers.done(jobs)
    assert {job.status for job in done} == {"successful"}
    assert sorted(workers.begun_of(*jobs)) == sorted(jobs), "each once"
    eventually(lambda: workers.deployment.jobs.health().problem is None)


def test_two_beats_do_no_harm(workers: WorkerFixture) -> None:
    for role in ("beat", "beat", ALL):
        workers.start(
            role, simulated_time=f"{NOW.isoformat()}@{clock.time()}*20", forecast_minutes=600
        )
    wanted = [key(n, model).id for n in range(NEWEST + 1) for model in ("advection", "persistence")]
    wanted.remove(key(0, "advection").id)  # nothing before it to see motion in
    eventually(lambda: {*wanted} <= {*workers.begun()})
    clock.sleep(2)
    assert Counter(job for job in workers.begun() if "-auto-" not in job) == Counter(wanted)


def test_a_worker_that_is_told_to_end_finishes_what_it_does(workers: WorkerFixture) -> None:
    worker = workers.start()
    workers.block_forecasts()
    jobs = workers.submit(key(6), key(7))
    eventually(workers.begun)
    os.kill(worker, signal.SIGTERM)
    clock.sleep(0.3)
    assert alive(worker)
    workers.release_forecasts()
    workers.done(jobs[:1])
    eventually(lambda: not alive(worker))
    assert workers.deployment.jobs.get(jobs[1]).status == "accepted"
    assert workers.begun() == jobs[:1]
    workers.start()
    assert workers.done(jobs)[1].status == "successful"


@pytest.mark.parametrize("signals", [[signal.SIGQUIT], [signal.SIGINT, signal.SIGINT]])
def test_a_worker_that_must_end_at_once_gives_its_job_back(
    workers: WorkerFixture, signals: list[signal.Signals]
) -> None:
    worker = workers.start()
    workers.block_forecasts()
    (job,) = workers.submit(key(6))
    eventually(workers.begun)
    for number in signals:
        os.kill(worker, number)
        clock.sleep(1)  # two that come at once count as one
    while not ends_within(worker, 30):  # it was kept from seeing them apart
        os.kill(worker, signals[-1])
    back = workers.deployment.jobs.get(job)
    assert (back.status, back.attempts) == ("accepted", 0)
