"""What carries jobs to whoever does them: here to a thread of this process."""

import logging
import threading
from collections.abc import Callable
from itertools import count
from queue import PriorityQueue
from typing import Protocol

from service.jobs.job import INTERACTIVE, Job

log = logging.getLogger(__name__)

CLOSING_SECONDS = 60.0
"""How long a job that runs is waited for at the end."""


class Undelivered(Exception):
    """A job could not be sent; it will be sent again."""


class Transport(Protocol):
    """What carries jobs to whoever does them. It may lose them."""

    @property
    def embedded(self) -> bool:
        """Whether they are done in this process, and need no worker."""

    def send(self, job: Job) -> None:
        """Have a job done, by `run_job`. Returns soon.

        Raises:
            Undelivered: It cannot be sent now.
        """

    def problem(self) -> str | None:
        """Why jobs cannot be sent now, if they cannot."""

    def close(self) -> None:
        """Finish what runs here, and send no more."""


class Threads:
    """Jobs in a thread of this process, one after the other, those that somebody waits for first.

    Args:
        run: Does the job of an id.
    """

    embedded = True

    def __init__(self, run: Callable[[str], object]) -> None:
        self._run = run
        self._numbers, self._lock = count(), threading.Lock()
        self._waiting: set[tuple[bool, str]] = set()
        self._queue: PriorityQueue[tuple[int, int, tuple[bool, str] | None]] = PriorityQueue()
        self._thread = threading.Thread(target=self._work, name="forecast", daemon=True)
        self._thread.start()

    def send(self, job: Job) -> None:
        place = (job.queue != INTERACTIVE, job.id)
        with self._lock:
            if place not in self._waiting:
                self._waiting.add(place)
                self._queue.put((int(place[0]), next(self._numbers), place))

    def problem(self) -> str | None:
        return None if self._thread.is_alive() else "the thread that makes forecasts has ended"

    def close(self) -> None:
        """Finish what runs; what waits is done after the next start."""
        self._queue.put((-1, next(self._numbers), None))
        self._thread.join(CLOSING_SECONDS)

    def _work(self) -> None:
        while (place := self._queue.get()[2]) is not None:
            with self._lock:
                self._waiting.discard(place)
            try:
                self._run(place[1])
            except Exception:
                log.exception("job %s could not be done; it will be tried again", place[1])
