"""Jobs: each forecast once, in turn, no more than can be done in time, and none is lost."""

import asyncio
import errno
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event
from structlog.contextvars import bound_contextvars, get_contextvars

from model_zoo.errors import BadFrames, ModelError, UnknownModel
from model_zoo.forecasters.contract import NotEnoughFrames
from service.archive.key import Key
from service.errors import (
    DeadLetter,
    LedgerAway,
    NoFrames,
    NotReady,
    NoWorker,
    QueueFull,
    QueueTooOld,
    UnknownJob,
)
from service.jobs import waiter
from service.jobs.job import INTERACTIVE, SCHEDULED, Job, error_of, without_traceback
from service.jobs.job_table import JobTable
from service.jobs.queue import Jobs, send_lost
from service.jobs.transport import ThreadTransport, Undelivered
from service.ledger.ledger import Ledger
from service.monitoring.metrics import Process
from service.runtime.run_job import run_job
from service.settings import Settings

SECONDS = 100.0
"""How long a test waits for what should come at once."""
START = datetime(2026, 6, 21, tzinfo=UTC)


def key(number: int = 0) -> Key:
    issue = np.datetime64("2026-06-21T12:00", "ns") + number * np.timedelta64(5, "m")
    return Key(issue, "persistence", "none")


class FakeJobContext:
    """Makes forecasts, one after the other, once `released` is set."""

    jobs: Jobs

    def __init__(self) -> None:
        self.process = Process(Settings())
        self.released = threading.Event()
        self.begun = threading.Semaphore(0)
        self.forecast_keys: list[Key] = []
        self.troubles: list[Exception] = []

    def make_forecast(self, key: Key) -> None:
        self.begun.release()
        assert self.released.wait(SECONDS)
        if self.troubles:
            raise self.troubles.pop(0)
        self.forecast_keys.append(key)


class Clock:
    """A clock that goes on by a second each time it is read; `ahead` is added."""

    def __init__(self) -> None:
        self.seconds, self.ahead = count(), timedelta(0)

    def __call__(self) -> datetime:
        return START + timedelta(seconds=next(self.seconds)) + self.ahead


class FakeTransport:
    """Delivers jobs nowhere, and may fail to."""

    embedded = False

    def __init__(self) -> None:
        self.sent: list[Job] = []
        self.away = False

    def send(self, job: Job) -> None:
        if self.away:
            raise Undelivered("the transport is down")
        self.sent.append(job)

    def problem(self) -> str | None:
        return "the transport is down" if self.away else None

    def close(self) -> None:
        """Nothing is under way."""


@pytest.fixture
def job_table(ledger: Ledger) -> JobTable:
    return JobTable(ledger.engine)


@pytest.fixture
def job_context() -> Iterator[FakeJobContext]:
    opened = FakeJobContext()
    yield opened
    opened.released.set()


@pytest.fixture
def queue(job_table: JobTable, job_context: FakeJobContext) -> Iterator[Jobs]:
    with closing(started(job_table, job_context)) as started_queue:
        yield started_queue
        job_context.released.set()


def started(job_table: JobTable, job_context: FakeJobContext) -> Jobs:
    """Jobs that a thread of this process executes with a fake context."""
    transport = ThreadTransport(lambda job: run_job(job_context, job, "worker"))
    job_context.jobs = Jobs(job_table, transport, Clock(), most_waiting=2, oldest_seconds=1000)
    return job_context.jobs


def with_fake_transport(
    job_table: JobTable, worker_queues: tuple[str, ...] = (INTERACTIVE,)
) -> tuple[Jobs, FakeTransport]:
    """Jobs that go to workers elsewhere, of which one is alive."""
    transport, clock = FakeTransport(), Clock()
    if worker_queues:
        job_table.beat("worker", worker_queues, "cpu", START)
    return Jobs(job_table, transport, clock, 2, oldest_seconds=1000, worker_seconds=500), transport


def wait(queue: Jobs, job: str, seconds: float = SECONDS) -> Job:
    return asyncio.run(queue.wait(job, seconds))


def busy(queue: Jobs, job_context: FakeJobContext, number: int = 0) -> str:
    """The id of a job that runs and does not get on."""
    job = queue.submit(key(number))
    assert job_context.begun.acquire(timeout=SECONDS)
    return job.id


def eventually(true: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_job_is_accepted_runs_and_succeeds(queue: Jobs, job_context: FakeJobContext) -> None:
    accepted = queue.submit(key())
    assert (accepted.status, accepted.started, accepted.finished) == ("accepted", None, None)
    assert accepted.key == key()
    job_context.begun.acquire(timeout=SECONDS)
    running = queue.get(accepted.id)
    assert (running.status, running.finished) == ("running", None)
    job_context.released.set()
    done = wait(queue, accepted.id)
    assert (done.status, done.error, done.attempts) == ("successful", None, 1)
    assert done.started is not None
    assert done.finished is not None
    assert done.created < done.started < done.finished
    assert job_context.forecast_keys == [key()]
    waited = job_context.process.registry.get_sample_value
    assert waited("nowcast_queue_wait_seconds_count", {"queue": INTERACTIVE}) == 1


def test_asking_again_while_it_is_made_gives_the_same_job(
    queue: Jobs, job_context: FakeJobContext
) -> None:
    busy(queue, job_context)
    waiting = queue.submit(key(1))
    assert queue.submit(key(0)).status == "running"
    assert queue.submit(key(1)) == waiting
    job_context.released.set()
    wait(queue, waiting.id)
    assert job_context.forecast_keys == [key(0), key(1)]


def test_many_who_ask_at_once_get_one_job(queue: Jobs, job_context: FakeJobContext) -> None:
    barrier = threading.Barrier(8)
    found: list[datetime] = []

    def ask() -> None:
        barrier.wait()
        found.append(queue.submit(key()).created)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    job_context.released.set()
    wait(queue, key().id)
    assert len(found) == 8
    assert len(set(found)) == 1
    assert job_context.forecast_keys == [key()]


def test_jobs_are_done_one_after_the_other_in_their_order(
    queue: Jobs, job_context: FakeJobContext
) -> None:
    busy(queue, job_context)
    for number in (2, 1):
        queue.submit(key(number))
    assert not job_context.begun.acquire(timeout=0.05), "only one runs"
    job_context.released.set()
    wait(queue, key(1).id)
    assert job_context.forecast_keys == [key(0), key(2), key(1)]


def test_what_somebody_waits_for_goes_before_what_the_schedule_asks_for(
    queue: Jobs, job_context: FakeJobContext
) -> None:
    busy(queue, job_context)
    for number in (1, 2, 3):
        queue.submit(key(number), SCHEDULED)
    queue.submit(key(4))
    assert queue.submit(key(3)).queue == INTERACTIVE, "now somebody waits for it"
    job_context.released.set()
    wait(queue, key(2).id)
    assert job_context.forecast_keys == [key(number) for number in (0, 4, 3, 1, 2)]


def test_a_full_queue_refuses_more_and_takes_more_when_it_is_empty(
    queue: Jobs, job_context: FakeJobContext
) -> None:
    busy(queue, job_context)
    for number in (1, 2):
        queue.submit(key(number))
    with pytest.raises(QueueFull, match="waiting"):
        queue.submit(key(3))
    with pytest.raises(UnknownJob):
        queue.get(key(3).id)
    assert queue.submit(key(1)).status == "accepted", "one that waits already is no more"
    assert queue.submit(key(4), SCHEDULED).status == "accepted", "the schedule is not counted"
    job_context.released.set()
    wait(queue, key(4).id)
    queue.submit(key(3))
    assert wait(queue, key(3).id).status == "successful"


def test_nothing_more_is_taken_while_one_has_been_waiting_for_too_long(job_table: JobTable) -> None:
    queue, _ = with_fake_transport(job_table)
    queue.submit(key(0))
    queue.silence = timedelta(days=1)
    assert isinstance(queue.clock, Clock)
    queue.clock.ahead = timedelta(seconds=1001)
    with pytest.raises(QueueTooOld, match="should be under 1000"):
        queue.submit(key(1))
    health = queue.health()
    assert (health.waiting, health.workers, health.problem) == (1, 1, None)
    assert health.oldest_seconds > 1000
    queue.dismiss(key(0).id)
    assert queue.submit(key(1)).status == "accepted"


@pytest.mark.parametrize("queues", [(), (SCHEDULED,)])
def test_without_a_living_worker_nothing_is_taken(
    job_table: JobTable, queues: tuple[str, ...]
) -> None:
    queue, transport = with_fake_transport(job_table, queues)
    with pytest.raises(NoWorker, match="start `nowcast worker`") as refused:
        queue.submit(key())
    assert queue.health().problem == str(refused.value)
    job_table.beat("worker", ("scheduled", "interactive"), "cpu", START)
    assert queue.submit(key()).status == "accepted"
    assert queue.health().problem is None
    assert isinstance(queue.clock, Clock)
    queue.clock.ahead = timedelta(seconds=501)
    with pytest.raises(NoWorker, match="for 500 s"):
        queue.submit(key(1))
    assert [job.key for job in transport.sent] == [key()]


def test_what_cannot_be_sent_is_kept_and_sent_later(job_table: JobTable) -> None:
    queue, transport = with_fake_transport(job_table)
    transport.away = True
    assert queue.submit(key()).status == "accepted"
    assert queue.health().problem == "the transport is down"
    assert queue.get(key().id).status == "accepted"
    assert send_lost(queue, START + timedelta(seconds=510)) == 1
    transport.away = False
    assert send_lost(queue, START + timedelta(seconds=511)) == 1
    assert [job.key for job in transport.sent] == [key()]
    assert send_lost(queue, START + timedelta(seconds=500)) == 0, "it is on its way now"
    assert send_lost(queue, START + timedelta(seconds=530)) == 1, "it was lost on its way"


def test_a_job_of_a_worker_that_died_is_sent_again_and_after_two_of_them_given_up(
    job_table: JobTable,
) -> None:
    queue, transport = with_fake_transport(job_table)
    job = queue.submit(key()).id
    job_context = FakeJobContext()
    job_context.jobs = queue
    assert isinstance(queue.clock, Clock)
    for died, worker in enumerate(("first", "second"), start=1):
        now = queue.clock()
        job_table.beat(worker, (INTERACTIVE,), "cpu", now)
        assert job_table.claim(job, worker, now, 2, now - queue.silence)
        assert send_lost(queue, now + timedelta(seconds=490)) == 0
        assert send_lost(queue, now + timedelta(seconds=510)) == 1
        assert len(transport.sent) == 1 + died
        queue.clock.ahead += timedelta(seconds=510)
    run_job(job_context, job, "third")
    assert job_context.forecast_keys == []
    given_up = queue.get(job)
    assert (given_up.status, given_up.attempts) == ("failed", 2)
    assert isinstance(given_up.error, DeadLetter)
    assert queue.submit(key()).status == "failed", "it is not tried on a third worker"
    queue.clock.ahead += timedelta(hours=1)
    job_table.beat("worker", (INTERACTIVE,), "cpu", queue.clock())
    assert queue.submit(key()).status == "accepted", "in an hour it may have another try"


def test_waiting_ends_when_the_time_is_over(queue: Jobs, job_context: FakeJobContext) -> None:
    job = busy(queue, job_context)
    assert wait(queue, job, 0.01).status == "running"


def test_many_wait_at_the_cost_of_one(
    queue: Jobs, job_context: FakeJobContext, ledger: Ledger
) -> None:
    first = busy(queue, job_context)
    waiting = [first, queue.submit(key(1)).id]
    looks: list[str] = []
    event.listen(
        ledger.engine,
        "before_cursor_execute",
        lambda *event_arguments: looks.append(event_arguments[2]),
    )

    async def everybody() -> list[Job]:
        asking = [queue.wait(waiting[n % 2], SECONDS) for n in range(300)]
        waits = asyncio.gather(*asking)
        before = threading.active_count()
        await asyncio.sleep(0.5)
        assert threading.active_count() <= before + 1
        job_context.released.set()
        return await waits

    begun = time.monotonic()
    done = asyncio.run(everybody())
    assert {job.status for job in done} == {"successful"}
    assert len(done) == 300
    assert len(looks) < 10 + (time.monotonic() - begun) / 0.05


def test_who_waits_is_told_at_once(
    queue: Jobs, job_context: FakeJobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not at the next look, which does not come here."""
    monkeypatch.setattr(waiter, "POLL_SECONDS", 10 * SECONDS)
    job_context.released.set()
    for number in range(20):
        waits = queue.wait(queue.submit(key(number)).id, SECONDS)
        assert asyncio.run(asyncio.wait_for(waits, SECONDS)).status == "successful"
    queue.wake()


def test_who_gives_up_waiting_is_no_trouble_to_others(
    queue: Jobs, job_context: FakeJobContext
) -> None:
    job = busy(queue, job_context)

    async def some_give_up() -> Job:
        staying = asyncio.create_task(queue.wait(job, SECONDS))
        going = asyncio.create_task(queue.wait(job, SECONDS))
        await asyncio.sleep(0.1)
        going.cancel()
        job_context.released.set()
        return await staying

    assert asyncio.run(some_give_up()).status == "successful"


def test_a_job_that_waits_can_be_dismissed(queue: Jobs, job_context: FakeJobContext) -> None:
    busy(queue, job_context)
    waiting = queue.submit(key(1))
    dismissed = queue.dismiss(waiting.id)
    assert dismissed.status == "dismissed"
    assert dismissed.finished is not None
    assert queue.dismiss(waiting.id) == dismissed
    assert wait(queue, waiting.id) == dismissed, "nobody waits for it any more"
    job_context.released.set()
    queue.submit(key(2))
    wait(queue, key(2).id)
    assert job_context.forecast_keys == [key(0), key(2)]
    assert queue.get(waiting.id) == dismissed


def test_dismissing_makes_room_in_the_queue(queue: Jobs, job_context: FakeJobContext) -> None:
    busy(queue, job_context)
    for number in (1, 2):
        queue.submit(key(number))
    queue.dismiss(key(1).id)
    assert queue.submit(key(3)).status == "accepted"


def test_a_dismissed_job_can_be_asked_for_again(queue: Jobs, job_context: FakeJobContext) -> None:
    busy(queue, job_context)
    queue.submit(key(1))
    queue.dismiss(key(1).id)
    assert queue.submit(key(1)).status == "accepted"
    job_context.released.set()
    assert wait(queue, key(1).id).status == "successful"
    assert job_context.forecast_keys == [key(0), key(1)]


def test_what_was_made_and_is_kept_no_longer_is_made_anew(
    queue: Jobs, job_context: FakeJobContext
) -> None:
    job_context.released.set()
    first = wait(queue, queue.submit(key()).id)
    assert queue.submit(key()) == first
    assert queue.submit(key(), again=True).status == "accepted"
    assert wait(queue, key().id).created > first.created
    assert job_context.forecast_keys == [key(), key()]


def test_a_job_that_runs_or_is_done_is_not_dismissed(
    queue: Jobs, job_context: FakeJobContext
) -> None:
    job = busy(queue, job_context)
    assert queue.dismiss(job).status == "running"
    job_context.released.set()
    wait(queue, job)
    assert queue.dismiss(job).status == "successful"


def test_a_job_that_fails_says_why_and_does_not_stop_the_next(
    queue: Jobs, job_context: FakeJobContext
) -> None:
    job_context.troubles = [NoFrames("burnt")]
    job_context.released.set()
    failed = wait(queue, queue.submit(key()).id)
    assert failed.status == "failed"
    assert isinstance(failed.error, NoFrames)
    assert str(failed.error) == "burnt"
    assert failed.finished is not None
    queue.submit(key(1))
    assert wait(queue, key(1).id).status == "successful"


def test_a_job_that_failed_can_be_tried_again(queue: Jobs, job_context: FakeJobContext) -> None:
    job_context.troubles = [ValueError("burnt"), ValueError("burnt")]
    job_context.released.set()
    first = wait(queue, queue.submit(key()).id)
    again = wait(queue, queue.submit(key()).id)
    assert again.created > first.created


@pytest.mark.parametrize(
    "trouble", [LedgerAway("gone for a moment"), OSError(errno.ENOSPC, "no space left on device")]
)
def test_a_job_outlasts_a_ledger_that_is_away_and_a_disk_that_is_full(
    queue: Jobs, job_context: FakeJobContext, trouble: Exception
) -> None:
    job_context.troubles = [trouble, trouble]
    job_context.released.set()
    done = wait(queue, queue.submit(key()).id)
    assert (done.status, done.attempts) == ("successful", 1)
    assert job_context.forecast_keys == [key()]


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("NoFrames", NoFrames),
        ("DeadLetter", NotReady),
        ("NotEnoughFrames", NotEnoughFrames),
        ("NotEnoughFrames", BadFrames),
        ("UnknownModel", UnknownModel),
        ("UnknownModel", ModelError),
        ("ValueError", RuntimeError),
        ("SystemExit", RuntimeError),
    ],
)
def test_an_error_comes_back_as_what_it_was(kind: str, known: type[Exception]) -> None:
    error = error_of(kind, "12 frames are missing")
    assert isinstance(error, known)
    assert str(error).endswith("12 frames are missing")


def test_a_job_that_nobody_asked_for_is_unknown(queue: Jobs) -> None:
    for ask in (queue.get, queue.dismiss, lambda job: wait(queue, job, 0)):
        with pytest.raises(UnknownJob, match="no-such-job"):
            ask("no-such-job")


def test_closing_finishes_what_runs_and_what_waits_is_done_after_the_next_start(
    job_table: JobTable, job_context: FakeJobContext
) -> None:
    queue = started(job_table, job_context)
    busy(queue, job_context)
    queue.submit(key(1))
    ending = threading.Thread(target=queue.close)
    ending.start()
    job_context.released.set()
    ending.join(SECONDS)
    assert not ending.is_alive()
    assert job_context.forecast_keys == [key(0)]
    assert queue.get(key(1).id).status == "accepted"
    with closing(started(job_table, job_context)) as again:
        assert send_lost(again, START + timedelta(hours=1)) == 1
        assert wait(again, key(1).id).status == "successful"
    assert job_context.forecast_keys == [key(0), key(1)]


def test_a_job_that_is_sent_twice_is_done_once(queue: Jobs, job_context: FakeJobContext) -> None:
    busy(queue, job_context)
    job = queue.submit(key(1))
    for _ in range(3):
        queue.send(job)
    job_context.released.set()
    wait(queue, job.id)
    wait(queue, queue.submit(key(2)).id)
    assert job_context.forecast_keys == [key(0), key(1), key(2)]


def test_a_process_that_must_end_at_once_gives_its_job_back(job_table: JobTable) -> None:
    class Called:
        jobs, _ = with_fake_transport(job_table)
        process = Process(Settings())

        def make_forecast(self, key: Key) -> None:
            raise SystemExit

    called = Called()
    job = called.jobs.submit(key()).id
    with pytest.raises(SystemExit):
        run_job(called, job, "worker")
    back = called.jobs.get(job)
    assert (back.status, back.attempts) == ("accepted", 0)
    assert send_lost(called.jobs, called.jobs.clock() + timedelta(seconds=510)) == 1


def test_a_job_keeps_the_request_it_was_accepted_for_also_when_it_is_sent_again(
    job_table: JobTable, caplog: pytest.LogCaptureFixture
) -> None:
    queue, transport = with_fake_transport(job_table)
    requests: list[object] = []

    class Noting(FakeJobContext):
        def make_forecast(self, key: Key) -> None:
            del key
            requests.append(get_contextvars().get("request_id"))

    scheduled = queue.submit(key(1), SCHEDULED)
    with bound_contextvars(request_id="of-a-client"):
        job = queue.submit(key())
    with bound_contextvars(request_id="of-another"):
        queue.submit(key())
        promoted = queue.submit(key(1))
    send_lost(queue, queue.clock() + timedelta(seconds=510))
    assert [(sent.id, sent.request_id) for sent in transport.sent[-2:]] == [
        (scheduled.id, "of-another"),
        (job.id, "of-a-client"),
    ]
    assert (scheduled.request_id, promoted.request_id) == (None, "of-another")
    context = Noting()
    context.jobs = queue
    logged: list[object] = []

    def note(record: logging.LogRecord) -> bool:
        del record
        logged.append(get_contextvars())
        return True

    caplog.handler.addFilter(note)
    with caplog.at_level(logging.INFO, "service.runtime.run_job"):
        for each in (job, promoted):
            run_job(context, each.id, "worker")
    assert requests == ["of-a-client", "of-another"]
    assert logged == [{"request_id": "of-a-client"}, {"request_id": "of-another"}]


def test_without_a_ledger_nothing_is_promised(job_table: JobTable, tmp_path: Path) -> None:
    queue, transport = with_fake_transport(job_table)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as other:
        other.execute("ALTER TABLE jobs RENAME TO elsewhere")
        with pytest.raises(LedgerAway):
            queue.submit(key())
        with pytest.raises(LedgerAway):
            wait(queue, key().id, 0.1)
        other.execute("ALTER TABLE elsewhere RENAME TO jobs")
    assert transport.sent == []
    assert queue.submit(key()).status == "accepted"


def test_the_error_of_a_job_does_not_grow_with_every_answer() -> None:
    error = ValueError("burnt")
    for _ in range(5):
        with pytest.raises(ValueError, match="burnt"):
            raise without_traceback(error)
    depth, trace = 0, error.__traceback__
    while trace is not None:
        depth, trace = depth + 1, trace.tb_next
    assert depth == 1
