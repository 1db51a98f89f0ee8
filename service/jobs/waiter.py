"""Waiting for jobs: one thread asks after all that are waited for at once, however many wait."""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

LOOK_SECONDS = 0.05
"""Between two looks."""


@dataclass(eq=False)
class Waiter(Generic[T]):
    """Somebody who waits for a thing to be done, or for a time to be over."""

    id: str
    until: float
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[T | None]

    def tell(self, found: T | None, error: Exception | None = None) -> None:
        def tell() -> None:
            if self.answer.done():  # given up meanwhile
                return
            if error is None:
                self.answer.set_result(found)
            else:
                self.answer.set_exception(error)

        try:
            self.loop.call_soon_threadsafe(tell)
        except RuntimeError:  # the loop is closed, and nobody waits any more
            return


class Watcher(Generic[T]):
    """Looks again and again after whatever is waited for, in a thread that runs while it is.

    Args:
        look: The things of some ids, those that there are.
        done: Whether a thing is not worth waiting for any longer.
    """

    def __init__(
        self, look: Callable[[Collection[str]], Mapping[str, T]], done: Callable[[T], bool]
    ) -> None:
        self._look, self._done = look, done
        self._waiters: set[Waiter[T]] = set()
        self._lock, self._wake = threading.Lock(), threading.Event()
        self._watching = False

    async def wait(self, id: str, seconds: float) -> T | None:  # noqa: A002  as elsewhere
        """The thing when it is done, or as it is after some seconds. None: there is none."""
        loop = asyncio.get_running_loop()
        waiter = Waiter[T](id, time.monotonic() + seconds, loop, loop.create_future())
        with self._lock:
            self._waiters.add(waiter)
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="watcher", daemon=True).start()
        try:
            return await waiter.answer
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def wake(self) -> None:
        """Look now: something has happened."""
        self._wake.set()

    def _watch(self) -> None:
        while True:
            with self._lock:
                waiters = list(self._waiters)
                if not waiters:
                    self._watching = False
                    return
            self._wake.clear()
            self._look_for(waiters)
            self._wake.wait(LOOK_SECONDS)

    def _look_for(self, waiters: list[Waiter[T]]) -> None:
        now = time.monotonic()
        found: Mapping[str, T] = {}
        error: Exception | None = None
        try:
            found = self._look({waiter.id for waiter in waiters})
        except Exception as problem:  # noqa: BLE001  told to those who wait when their time is over
            error = problem
        for waiter in waiters:
            thing = found.get(waiter.id)
            over = waiter.until <= now
            if over or (error is None and (thing is None or self._done(thing))):
                waiter.tell(thing, error)
                with self._lock:
                    self._waiters.discard(waiter)
