"""Forecasts on their way. Here in the process itself: one after the other, each once however many
ask for it. A job is named after the forecast it makes, so that one done long ago is still found."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Literal, Protocol

from service.archive import Key
from service.errors import QueueFull, UnknownJob

log = logging.getLogger(__name__)

Status = Literal["accepted", "running", "successful", "failed", "dismissed"]
REMEMBERED = 1000
"""Finished jobs that can still be asked after; those that succeeded are in the archive besides."""


@dataclass(frozen=True)
class Job:
    """A forecast that was asked for. Status names are those of OGC API - Processes, part 1."""

    key: Key
    created: datetime
    status: Status = "accepted"
    started: datetime | None = None
    finished: datetime | None = None
    error: Exception | None = None

    @property
    def id(self) -> str:
        return self.key.id


def fresh(error: Exception) -> Exception:
    """The error of a job to raise once more: each raising adds to what it holds on to."""
    return error.with_traceback(None)


class Jobs(Protocol):
    """Where forecasts are asked for."""

    def submit(self, key: Key) -> Job:
        """Ask for a forecast; asking again while it is on its way gives the same job.

        Raises:
            QueueFull: Too many are waiting already.
        """

    def get(self, job: str) -> Job:
        """What has become of a job.

        Raises:
            UnknownJob: There is none of this id.
        """

    def wait(self, job: str, seconds: float) -> Job:
        """The job when it is done, or after some seconds as it is then."""

    def dismiss(self, job: str) -> Job:
        """Give up a job that has not started; one that has, goes on."""


class EmbeddedJobs:
    """Jobs in threads of this process.

    Args:
        make: Makes the forecast of a key.
        clock: Says what time it is, UTC.
        most_waiting: How many may wait.
    """

    def __init__(
        self, make: Callable[[Key], object], clock: Callable[[], datetime], most_waiting: int
    ) -> None:
        self._make, self._clock, self._most_waiting = make, clock, most_waiting
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forecast")
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._futures: dict[str, Future[None]] = {}
        self._lock = Lock()

    def submit(self, key: Key) -> Job:
        with self._lock:
            if key.id in self._futures:
                return self._jobs[key.id]
            if len(self._futures) > self._most_waiting:
                raise QueueFull(f"{len(self._futures)} forecasts are waiting; ask again later")
            job = Job(key, created=self._clock())
            self._jobs[key.id] = job
            self._jobs.move_to_end(key.id)
            self._futures[key.id] = self._pool.submit(self._run, key)
            self._forget()
        return job

    def get(self, job: str) -> Job:
        with self._lock:
            if job not in self._jobs:
                raise UnknownJob(f"there is no job {job!r}")
            return self._jobs[job]

    def wait(self, job: str, seconds: float) -> Job:
        with self._lock:
            future = self._futures.get(job)
        if future is not None:
            wait([future], timeout=seconds)
        return self.get(job)

    def dismiss(self, job: str) -> Job:
        found = self.get(job)
        with self._lock:
            future = self._futures.get(job)
            if future is not None and future.cancel():
                del self._futures[job]
                found = self._jobs[job] = replace(found, status="dismissed", finished=self._clock())
        return found

    def close(self) -> None:
        """Finish what runs, drop what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, key: Key) -> None:
        self._change(key.id, status="running", started=self._clock())
        try:
            self._make(key)
        except Exception as error:
            log.exception("forecast %s failed", key.id)
            self._change(key.id, status="failed", error=error, finished=self._clock(), done=True)
        else:
            self._change(key.id, status="successful", finished=self._clock(), done=True)

    def _change(
        self,
        job: str,
        *,
        status: Status,
        started: datetime | None = None,
        finished: datetime | None = None,
        error: Exception | None = None,
        done: bool = False,
    ) -> None:
        with self._lock:
            before = self._jobs[job]
            self._jobs[job] = replace(
                before,
                status=status,
                started=started or before.started,
                finished=finished,
                error=error,
            )
            if done:
                self._futures.pop(job, None)

    def _forget(self) -> None:
        """Drop the oldest finished jobs beyond what is remembered. Called with the lock held."""
        finished = [job for job in self._jobs if job not in self._futures]
        for job in finished[: max(len(self._jobs) - REMEMBERED, 0)]:
            del self._jobs[job]
