"""Waits for jobs to finish: one thread polls the job table for all waiting requests."""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.05
"""Interval between two polls, in s."""


@dataclass(eq=False)
class Wait(Generic[T]):
    """A request that waits for a job until a deadline."""

    id: str
    until: float
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[T | None]

    def resolve(self, job: T | None, error: Exception | None = None) -> None:
        """Set the result or the error in the event loop of the request."""

        def set_result() -> None:
            if self.answer.done():  # the request is cancelled
                return
            if error is None:
                self.answer.set_result(job)
            else:
                self.answer.set_exception(error)

        try:
            self.loop.call_soon_threadsafe(set_result)
        except RuntimeError:  # the event loop is closed
            return


class Waiter(Generic[T]):
    """Polls for jobs in a thread that runs while there are waiting requests.

    Args:
        look_up: Returns the existing jobs among some ids, by id.
        is_done: Whether a job is finished.
    """

    def __init__(
        self, look_up: Callable[[Collection[str]], Mapping[str, T]], is_done: Callable[[T], bool]
    ) -> None:
        self._look_up, self._is_done = look_up, is_done
        self._waits: set[Wait[T]] = set()
        self._lock, self._wake = threading.Lock(), threading.Event()
        self._polling = False

    async def wait(self, id: str, seconds: float) -> T | None:  # noqa: A002  as elsewhere
        """Return the job when it is done, or its state after some seconds; None if unknown."""
        loop = asyncio.get_running_loop()
        wait = Wait[T](id, time.monotonic() + seconds, loop, loop.create_future())
        with self._lock:
            self._waits.add(wait)
            if not self._polling:
                self._polling = True
                threading.Thread(target=self._poll, name="waiter", daemon=True).start()
        try:
            return await wait.answer
        finally:
            with self._lock:
                self._waits.discard(wait)

    def wake(self) -> None:
        """Poll now, since a job has changed."""
        self._wake.set()

    def _poll(self) -> None:
        while True:
            self._wake.clear()  # before the list: who is added later is woken by what comes later
            with self._lock:
                waits = list(self._waits)
                if not waits:
                    self._polling = False
                    return
            self._check(waits)
            self._wake.wait(POLL_SECONDS)

    def _check(self, waits: list[Wait[T]]) -> None:
        now = time.monotonic()
        jobs: Mapping[str, T] = {}
        error: Exception | None = None
        try:
            jobs = self._look_up({wait.id for wait in waits})
        except Exception as problem:  # noqa: BLE001  raised at the deadline of each request
            error = problem
        for wait in waits:
            job = jobs.get(wait.id)
            is_over = wait.until <= now
            if is_over or (error is None and (job is None or self._is_done(job))):
                wait.resolve(job, error)
                with self._lock:
                    self._waits.discard(wait)
