"""Runs a forecast job, in a thread or a worker."""

import errno
import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

from structlog.contextvars import bound_contextvars

from service.archive.key import Key
from service.errors import LedgerAway
from service.jobs.job import Job, error_class
from service.jobs.queue import Jobs
from service.jobs.transport import request_context
from service.monitoring.metrics import Process

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 2
"""Attempts after which a job whose workers died is given up."""
LONGEST_PAUSE_SECONDS = 5.0
"""Longest pause between two attempts while the ledger or the disk is unavailable, in s."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class JobContext(Protocol):
    """What running a job requires: the queue, metrics and a way to make forecasts."""

    @property
    def jobs(self) -> Jobs:
        """The queue of forecast jobs."""

    @property
    def process(self) -> Process:
        """Metrics counted by this process."""

    def make_forecast(self, key: Key) -> None:
        """Make the forecast of a key and store it, unless it exists."""


def run_job(context: JobContext, job: str, worker: str) -> None:
    """Claim a job, make its forecast and store its result or error in the job table.

    Does nothing if another worker holds or has finished the job.

    Args:
        context: Queue, metrics and forecasts of the process.
        job: Id of the job.
        worker: Unique name of the worker.

    Raises:
        LedgerAway: The job table is unreachable, and the job is not started.
    """
    job_table, clock = context.jobs.job_table, context.jobs.clock
    now, begin = clock(), time.perf_counter()
    row = job_table.claim(job, worker, now, MOST_ATTEMPTS, now - context.jobs.silence)
    if row is not None:
        waited = (now - row.created).total_seconds()
        context.process.waited(row.queue, waited)
        with request_context(row.request_id):
            try:
                with bound_contextvars(job=job):
                    make = partial(context.make_forecast, Job.of(row).key)
                    kind, message = error_of_attempt(make, job)
                retry_while_unavailable(
                    lambda: job_table.finish(job, clock(), kind, message, worker)
                )
            except BaseException:  # the process must end at once
                job_table.release(job, clock(), worker)
                raise
            times = {"seconds": time.perf_counter() - begin, "waited_seconds": waited}
            log.info("job %s is %s", job, "done" if kind is None else "failed", extra=times)
    context.jobs.wake()


def error_of_attempt(make: Callable[[], object], job: str) -> tuple[str | None, str | None]:
    """Make a forecast. Returns kind and message of the error; None and None if it succeeds."""
    try:
        retry_while_unavailable(make)
    except Exception as error:
        kind, message = type(error).__name__, str(error)
        log.warning("job %s failed: %s: %s", job, kind, message, exc_info=error_class(kind) is None)
        return kind, message
    return None, None


def retry_while_unavailable(do: Callable[[], object]) -> None:
    """Run an idempotent action, again and again while the ledger is unreachable or a disk is full.

    Raises:
        OSError: Of another cause than a full disk.
    """
    for pause in pauses():
        try:
            do()
        except (LedgerAway, OSError) as error:
            if isinstance(error, OSError) and error.errno not in NO_ROOM:
                raise
            log.warning("%s; trying again in %g s", error, pause)
            time.sleep(pause)
        else:
            return


def pauses() -> Iterator[float]:
    """Yield pauses between attempts in s, doubling from 0.1 up to `LONGEST_PAUSE_SECONDS`."""
    pause = 0.1
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
