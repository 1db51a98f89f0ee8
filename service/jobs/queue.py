"""Forecasts on their way: each is made once, however many ask for it.

The truth about a job is in the job book. What carries it to a worker, a thread here or Celery on
Redis, may lose it: what nobody does is sent again. A job is named after the forecast it makes, so
that one done long ago is still found.
"""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from service.archive.key import Key
from service.errors import NoWorker, QueueFull, QueueTooOld, UnknownJob
from service.jobs.job import INTERACTIVE, Job
from service.jobs.job_table import JobBook, JobRow
from service.jobs.transport import Transport, Undelivered
from service.jobs.waiter import Watcher

log = logging.getLogger(__name__)

DEAD_LETTER_REST = timedelta(hours=1)
"""For so long a job that was given up is not tried anew, whoever asks."""


class QueueHealth(NamedTuple):
    """How it stands with the jobs that somebody waits for."""

    waiting: int
    oldest_seconds: float
    """Age of the oldest that waits; 0 where none does."""
    workers: int
    """How many are alive that do such jobs."""
    problem: str | None
    """Why jobs cannot be done now, if they cannot."""


class Jobs:
    """Where forecasts are asked for.

    Args:
        book: The truth about jobs.
        transport: Carries them.
        clock: Says what time it is for jobs, UTC: the real one, also in drills.
        most_waiting: How many may wait.
        oldest_seconds: Age of the oldest one that waits from which no more are taken.
        worker_seconds: Silence after which a worker counts as dead, and a job as lost.
    """

    def __init__(
        self,
        book: JobBook,
        transport: Transport,
        clock: Callable[[], datetime],
        most_waiting: int,
        oldest_seconds: float,
        worker_seconds: float = 30.0,
    ) -> None:
        self.book, self.clock = book, clock
        self.silence = timedelta(seconds=worker_seconds)
        self._transport = transport
        self._most_waiting, self._oldest_seconds = most_waiting, oldest_seconds
        self._admission = threading.Lock()
        self._watcher = Watcher[Job](self._many, lambda job: job.finished is not None)

    def submit(self, key: Key, queue: str = INTERACTIVE, *, again: bool = False) -> Job:
        """Ask for a forecast; asking again while it is on its way gives the same job.

        Args:
            again: Also if it was successful, since what it made is kept no longer.

        Raises:
            QueueFull, QueueTooOld: Too many are waiting already, or for too long.
            NoWorker: There is nobody to do it.
            LedgerAway: The job cannot be written down.
        """
        if (known := self.book.get(key.id)) and self._stands(known, queue, again=again):
            return Job.of(known)
        with self._admission:
            known = self.book.get(key.id)
            if known and self._stands(known, queue, again=again):
                return Job.of(known)
            if queue == INTERACTIVE:
                self.admit()
            row, is_new = self.book.ask(key, queue, self.clock(), again=again)
        job = Job.of(row)
        if is_new:
            self.send(job)
        return job

    def admit(self) -> None:
        """Look whether one more job that somebody waits for would be taken.

        Raises:
            QueueFull, QueueTooOld: Too many are waiting already, or for too long.
            NoWorker: There is nobody to do it.
            LedgerAway: Nobody knows.
        """
        if not self._workers():
            raise NoWorker(self._nobody())
        waiting, age = self._queue()
        if waiting >= self._most_waiting:
            raise QueueFull(f"{waiting} forecasts are waiting; ask again later")
        if age > self._oldest_seconds:
            raise QueueTooOld(
                f"a forecast has been waiting for {age:.0f} s, should be under "
                f"{self._oldest_seconds:g}; ask again later"
            )

    def get(self, job: str) -> Job:
        """What has become of a job.

        Raises:
            UnknownJob: There is none of this id.
        """
        return known(job, self._many([job]).get(job))

    async def wait(self, job: str, seconds: float) -> Job:
        """The job when it is done, or after some seconds as it is then.

        However many wait, they cost one look into the book every 50 ms, and no thread each.

        Raises:
            UnknownJob: There is none of this id.
        """
        return known(job, await self._watcher.wait(job, seconds))

    def dismiss(self, job: str) -> Job:
        """Give up a job that has not started; one that has, goes on.

        Raises:
            UnknownJob: There is none of this id.
        """
        row = self.book.dismiss(job, self.clock())
        self.wake()
        return known(job, row and Job.of(row))

    def health(self) -> QueueHealth:
        """How it stands with what is asked for by somebody.

        Raises:
            LedgerAway: Nobody knows.
        """
        waiting, age = self._queue()
        workers = self._workers()
        problem = self._transport.problem() or (None if workers else self._nobody())
        return QueueHealth(waiting, age, workers, problem)

    def send(self, job: Job) -> None:
        """Have a job done that is in the book; where that cannot be now, it is sent again later."""
        try:
            self._transport.send(job)
        except Undelivered as error:
            log.warning("job %s is kept and will be sent later: %s", job.id, error)
        else:
            self.book.sent([job.id], self.clock())

    def wake(self) -> None:
        """Tell those who wait that something has happened."""
        self._watcher.wake()

    def close(self) -> None:
        self._transport.close()

    def _many(self, ids: Collection[str]) -> Mapping[str, Job]:
        return {id: Job.of(row) for id, row in self.book.many(ids).items()}  # noqa: A001

    def _stands(self, row: JobRow, queue: str, *, again: bool) -> bool:
        """Whether a job that is in the book is what is asked for, and nothing is to be done."""
        if row.status == "successful":
            return not again
        if row.status == "failed" and row.kind == "DeadLetter" and row.finished is not None:
            return self.clock() - row.finished < DEAD_LETTER_REST
        hurried = queue == INTERACTIVE and row.queue != INTERACTIVE and row.status == "accepted"
        return row.status in ("accepted", "running") and not hurried

    def _queue(self) -> tuple[int, float]:
        waiting, oldest = self.book.waiting([INTERACTIVE])
        return waiting, 0.0 if oldest is None else (self.clock() - oldest).total_seconds()

    def _workers(self) -> int:
        if self._transport.embedded:
            return 1
        since = self.clock() - self.silence
        alive = [worker for worker in self.book.workers() if worker.seen >= since]
        return sum(INTERACTIVE in worker.queues for worker in alive)

    def _nobody(self) -> str:
        return (
            f"no worker for {INTERACTIVE} jobs has been heard of for "
            f"{self.silence.total_seconds():g} s; see to `nowcast worker`"
        )


def known(id: str, job: Job | None) -> Job:  # noqa: A002  as elsewhere
    if job is None:
        raise UnknownJob(f"there is no job {id!r}")
    return job


def send_lost(jobs: Jobs, now: datetime) -> int:
    """Send again what was accepted and never came to a worker, or to one that died.

    Returns:
        How many.
    """
    since = now - jobs.silence
    jobs.book.settle(now)
    lost = jobs.book.lost(sent_before=since, dead_since=since)
    for row in lost:
        jobs.send(Job.of(row))
    return len(lost)
