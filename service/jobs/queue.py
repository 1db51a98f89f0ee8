"""Queue of forecast jobs: each forecast is made once, however many requests ask for it.

The state of a job is in the job table. The transport, a thread or Celery on Redis, can lose a job:
`send_lost` sends it again. The id of a job is that of its forecast, so that the forecast is still
found when the row of the job is gone.
"""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from service.archive.key import Key
from service.errors import NoWorker, QueueFull, QueueTooOld, UnknownJob
from service.jobs.job import INTERACTIVE, Job
from service.jobs.job_table import JobRow, JobTable
from service.jobs.transport import (
    REQUEST_ID,
    Transport,
    Undelivered,
    request_context,
    request_in_hand,
)
from service.jobs.waiter import Waiter

log = logging.getLogger(__name__)

DEAD_LETTER_REST = timedelta(hours=1)
"""Time for which a job that was given up is not tried again."""


class QueueHealth(NamedTuple):
    """State of the queue of interactive jobs.

    Attributes:
        waiting: Number of accepted jobs.
        oldest_seconds: Age of the oldest accepted job, 0 if there is none.
        workers: Number of live workers of the queue.
        problem: Why jobs cannot run now; None if they can.
    """

    waiting: int
    oldest_seconds: float
    workers: int
    problem: str | None


class Jobs:
    """Submits forecast jobs and reports their state.

    Args:
        job_table: Table with the state of all jobs.
        transport: Delivers jobs to workers.
        clock: Returns the real time in UTC, also in simulated time.
        most_waiting: Longest queue of interactive jobs.
        oldest_seconds: Age of the oldest interactive job from which new ones are refused, in s.
        worker_seconds: Time without a heartbeat after which a worker counts as dead, in s.
    """

    def __init__(
        self,
        job_table: JobTable,
        transport: Transport,
        clock: Callable[[], datetime],
        most_waiting: int,
        oldest_seconds: float,
        worker_seconds: float = 30.0,
    ) -> None:
        self.job_table, self.clock = job_table, clock
        self.silence = timedelta(seconds=worker_seconds)
        self._transport = transport
        self._most_waiting, self._oldest_seconds = most_waiting, oldest_seconds
        self._admission = threading.Lock()
        self._waiter = Waiter[Job](self._many, lambda job: job.finished is not None)

    def submit(self, key: Key, queue: str = INTERACTIVE, *, again: bool = False) -> Job:
        """Submit the job of a forecast; while it waits or runs, this returns the same job.

        Args:
            key: Key of the forecast.
            queue: Queue of the job.
            again: Run it again even if it was successful, since its file has been removed.

        Raises:
            QueueFull: Too many interactive jobs are waiting.
            QueueTooOld: The oldest interactive job has been waiting for too long.
            NoWorker: No worker is alive.
            LedgerAway: The job table is unreachable.
        """
        if (known := self.job_table.get(key.id)) and self._is_current(known, queue, again=again):
            return Job.of(known)
        with self._admission:
            known = self.job_table.get(key.id)
            if known and self._is_current(known, queue, again=again):
                return Job.of(known)
            if queue == INTERACTIVE:
                self.admit()
            request_id = request_in_hand().get(REQUEST_ID)
            row, is_new = self.job_table.ask(
                key, queue, self.clock(), again=again, request_id=request_id
            )
        job = Job.of(row)
        if is_new:
            level = logging.INFO if queue == INTERACTIVE else logging.DEBUG
            log.log(level, "job %s is accepted", job.id, extra={"queue": queue})
            self.send(job)
        return job

    def admit(self) -> None:
        """Check whether one more interactive job can be accepted.

        Raises:
            QueueFull: Too many interactive jobs are waiting.
            QueueTooOld: The oldest interactive job has been waiting for too long.
            NoWorker: No worker is alive.
            LedgerAway: The job table is unreachable.
        """
        if not self._workers():
            raise NoWorker(self._no_worker())
        waiting, age = self._queue()
        if waiting >= self._most_waiting:
            raise QueueFull(f"{waiting} forecasts are waiting; try again later")
        if age > self._oldest_seconds:
            raise QueueTooOld(
                f"a forecast has been waiting for {age:.0f} s, should be under "
                f"{self._oldest_seconds:g}; try again later"
            )

    def get(self, job: str) -> Job:
        """Return a job.

        Raises:
            UnknownJob: There is no job with this id.
        """
        return known(job, self._many([job]).get(job))

    async def wait(self, job: str, seconds: float) -> Job:
        """Return a job when it is done, or its state after some seconds.

        All waiting requests share one query of the job table every 50 ms and one thread.

        Raises:
            UnknownJob: There is no job with this id.
        """
        return known(job, await self._waiter.wait(job, seconds))

    def dismiss(self, job: str) -> Job:
        """Dismiss a job that has not started; a running job continues.

        Raises:
            UnknownJob: There is no job with this id.
        """
        row = self.job_table.dismiss(job, self.clock())
        self.wake()
        return known(job, row and Job.of(row))

    def health(self) -> QueueHealth:
        """Return the state of the interactive queue.

        Raises:
            LedgerAway: The job table is unreachable.
        """
        waiting, age = self._queue()
        workers = self._workers()
        problem = self._transport.problem() or (None if workers else self._no_worker())
        return QueueHealth(waiting, age, workers, problem)

    def send(self, job: Job) -> None:
        """Send a job of the job table to a worker; on failure `send_lost` sends it later."""
        with request_context(job.request_id):
            try:
                self._transport.send(job)
            except Undelivered as error:
                log.warning("job %s is kept and will be sent later: %s", job.id, error)
                return
        self.job_table.sent([job.id], self.clock())

    def wake(self) -> None:
        """Wake the waiting requests, since a job has changed."""
        self._waiter.wake()

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()

    def _many(self, ids: Collection[str]) -> Mapping[str, Job]:
        return {id: Job.of(row) for id, row in self.job_table.many(ids).items()}  # noqa: A001

    def _is_current(self, row: JobRow, queue: str, *, again: bool) -> bool:
        """Whether the row answers the request, so that nothing must be sent."""
        if row.status == "successful":
            return not again
        if row.status == "failed" and row.kind == "DeadLetter" and row.finished is not None:
            return self.clock() - row.finished < DEAD_LETTER_REST
        is_promoted = queue == INTERACTIVE and row.queue != INTERACTIVE and row.status == "accepted"
        return row.status in ("accepted", "running") and not is_promoted

    def _queue(self) -> tuple[int, float]:
        waiting, oldest = self.job_table.waiting([INTERACTIVE])
        return waiting, 0.0 if oldest is None else (self.clock() - oldest).total_seconds()

    def _workers(self) -> int:
        if self._transport.embedded:
            return 1
        since = self.clock() - self.silence
        alive = [worker for worker in self.job_table.workers() if worker.seen >= since]
        return sum(INTERACTIVE in worker.queues for worker in alive)

    def _no_worker(self) -> str:
        return (
            f"no worker for {INTERACTIVE} jobs has sent a heartbeat for "
            f"{self.silence.total_seconds():g} s; start `nowcast worker`"
        )


def known(id: str, job: Job | None) -> Job:  # noqa: A002  as elsewhere
    """Return a job that exists.

    Raises:
        UnknownJob: It is None.
    """
    if job is None:
        raise UnknownJob(f"there is no job {id!r}")
    return job


def send_lost(jobs: Jobs, now: datetime) -> int:
    """Send lost jobs again: accepted ones without a worker, and those of dead workers.

    Returns:
        The number of jobs.
    """
    since = now - jobs.silence
    jobs.job_table.settle(now)
    lost = jobs.job_table.lost(sent_before=since, dead_since=since)
    for row in lost:
        jobs.send(Job.of(row))
    return len(lost)
