"""Delivers jobs to workers; delivery is not guaranteed. Includes delivery to a thread."""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from queue import PriorityQueue
from typing import Protocol

from structlog.contextvars import bound_contextvars, get_contextvars

from service.jobs.job import INTERACTIVE, Job

log = logging.getLogger(__name__)

REQUEST_ID = "request_id"
"""Name of the id of a request in logs and in messages to workers."""
CLOSING_SECONDS = 60.0
"""How long `close` waits for a running job, in s."""


class Undelivered(Exception):
    """The job could not be sent; `send_lost` sends it again."""


class Transport(Protocol):
    """Delivers jobs to workers; delivery is not guaranteed."""

    @property
    def embedded(self) -> bool:
        """Whether jobs run in this process and need no worker."""

    def send(self, job: Job) -> None:
        """Send a job to be run by `run_job`, without waiting for it.

        Raises:
            Undelivered: The job cannot be sent now.
        """

    def problem(self) -> str | None:
        """Return why jobs cannot be sent now; None if they can."""

    def close(self) -> None:
        """Finish the running job and send no more."""


def request_in_hand() -> dict[str, str]:
    """Return the id of the request that is being answered, by its name in logs; empty if none."""
    values = get_contextvars()
    return {REQUEST_ID: values[REQUEST_ID]} if REQUEST_ID in values else {}


def request_context(request_id: str | None) -> AbstractContextManager[object]:
    """Have the id of a request in all that is logged and sent; without one, leave it as it is."""
    return nullcontext() if request_id is None else bound_contextvars(**{REQUEST_ID: request_id})


class ThreadTransport:
    """Runs jobs one after the other in a thread of this process, interactive ones first.

    Args:
        run: Runs the job with the given id.
    """

    embedded = True

    def __init__(self, run: Callable[[str], object]) -> None:
        self._run = run
        self._numbers, self._lock = count(), threading.Lock()
        self._waiting: dict[tuple[bool, str], dict[str, str]] = {}
        """Waiting jobs with the request that first submitted each."""
        self._queue: PriorityQueue[tuple[int, int, tuple[bool, str] | None]] = PriorityQueue()
        self._thread = threading.Thread(target=self._run_all, name="forecast", daemon=True)
        self._thread.start()

    def send(self, job: Job) -> None:
        """Queue a job, unless it is waiting with the same priority."""
        entry = (job.queue != INTERACTIVE, job.id)
        with self._lock:
            if entry not in self._waiting:
                self._waiting[entry] = request_in_hand()
                self._queue.put((int(entry[0]), next(self._numbers), entry))

    def problem(self) -> str | None:
        """Return why jobs cannot run; None if they can."""
        return None if self._thread.is_alive() else "the thread that runs forecast jobs has ended"

    def close(self) -> None:
        """Finish the running job; waiting jobs run after the next start."""
        self._queue.put((-1, next(self._numbers), None))
        self._thread.join(CLOSING_SECONDS)

    def _run_all(self) -> None:
        while (entry := self._queue.get()[2]) is not None:
            with self._lock:
                request = self._waiting.pop(entry)
            try:
                with bound_contextvars(**request):
                    self._run(entry[1])
            except Exception:
                log.exception("job %s could not be run; it will be tried again", entry[1])
