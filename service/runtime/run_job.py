"""How a job is done, by a thread or by a worker."""

import errno
import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

from service.archive.key import Key
from service.errors import LedgerAway
from service.jobs.job import Job, error_class
from service.jobs.queue import Jobs
from service.monitoring.metrics import Process

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 2
"""Workers that may die of a job before it is given up."""
LONGEST_PAUSE_SECONDS = 5.0
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Maker(Protocol):
    """What doing a job takes."""

    @property
    def jobs(self) -> Jobs: ...

    @property
    def process(self) -> Process: ...

    def make(self, key: Key) -> None:
        """Make the forecast of a key and keep it, if it is not there."""


def run_job(desk: Maker, job: str, worker: str) -> None:
    """Make the forecast of a job that is in the book, unless somebody else does or has: the one
    way that jobs are done. An error of the job goes into the book.

    Args:
        worker: A name that nobody else has or had.

    Raises:
        LedgerAway: Nothing has been done.
    """
    book, clock = desk.jobs.book, desk.jobs.clock
    now = clock()
    row = book.claim(job, worker, now, MOST_ATTEMPTS, now - desk.jobs.silence)
    if row is not None:
        desk.process.waited(row.queue, (now - row.created).total_seconds())
        try:
            kind, message = trouble_of(partial(desk.make, Job.of(row).key), job)
            patiently(lambda: book.finish(job, clock(), kind, message, worker))
        except BaseException:  # the process must end at once
            book.release(job, clock(), worker)
            raise
    desk.jobs.wake()


def trouble_of(make: Callable[[], object], job: str) -> tuple[str | None, str | None]:
    """Kind and message of the error that came of making something, if one did."""
    try:
        patiently(make)
    except Exception as error:
        kind, message = type(error).__name__, str(error)
        log.warning("job %s failed: %s: %s", job, kind, message, exc_info=error_class(kind) is None)
        return kind, message
    return None, None


def patiently(do: Callable[[], object]) -> None:
    """Do something that may be repeated; while there is no ledger or no room, wait for it."""
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
    """Seconds to wait after one failure and the next."""
    pause = 0.1
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
