"""Threads for each kind of work, so that slow requests of one kind keep no other waiting."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Generic, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

from service.errors import Busy, LedgerAway

T = TypeVar("T")
P = ParamSpec("P")


class WorkPool:
    """Threads for one kind of work and a bounded queue. Belongs to the event loop.

    Args:
        name: What the threads do, for the message.
        threads: Number of threads.
        most_waiting: Longest queue.
    """

    def __init__(self, name: str, threads: int, most_waiting: int) -> None:
        self.name, self.threads, self.most_waiting = name, threads, most_waiting
        self._inside = 0

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a thread of the pool.

        Raises:
            Busy: Too many requests are waiting for a thread.
        """
        async with self._entered():
            return await to_thread.run_sync(
                lambda: function(*args, **kwargs), limiter=self._limiter
            )

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn at the work, which is done in other threads, as many at a time.

        Raises:
            Busy: Too many requests are waiting for one.
        """
        async with self._entered(), self._limiter:
            yield

    @asynccontextmanager
    async def _entered(self) -> AsyncIterator[None]:
        if self._inside >= self.threads + self.most_waiting:
            raise Busy(
                f"{self._inside} requests for {self.name} are being answered or waiting, should be "
                f"under {self.threads + self.most_waiting}; try again later"
            )
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    @cached_property
    def _limiter(
        self,
    ) -> CapacityLimiter:  # belongs to the event loop, which runs at the first call
        return CapacityLimiter(self.threads)


class SharedCall(Generic[T]):
    """A call that all requests share and that none waits for longer than it can.

    It runs in a thread of its own, once at a time: where it hangs, one thread does.

    Args:
        function: What is called.
        fresh_seconds: Age in s up to which a result is used again.
    """

    def __init__(self, function: Callable[[], T], fresh_seconds: float = 0.0) -> None:
        self._function, self._fresh_seconds = function, fresh_seconds
        self._call: Future[T] | None = None
        self._started = self._ended = 0.0
        self._lock = threading.Lock()

    async def result(self, seconds: float) -> T:
        """The result, waited for until `seconds` after the call began.

        Raises:
            TimeoutError: There is none by then.
        """
        call = self._current()
        left = max(self._started + seconds - time.monotonic(), 0.01)
        done, _ = await asyncio.wait({asyncio.wrap_future(call)}, timeout=left)
        if not done:
            raise TimeoutError
        return done.pop().result()

    def _current(self) -> Future[T]:
        with self._lock:
            call = self._call
            if call is not None and not call.done():
                return call
            if call is not None and time.monotonic() - self._ended < self._fresh_seconds:
                return call
            self._started = time.monotonic()
            self._call = call = Future()
        threading.Thread(target=self._run, args=[call], daemon=True).start()
        return call

    def _run(self, call: Future[T]) -> None:
        try:
            result = self._function()
        except BaseException as error:  # noqa: BLE001  raised again in the waiting request
            self._ended = time.monotonic()
            call.set_exception(error)
        else:
            self._ended = time.monotonic()
            call.set_result(result)


class PatientCalls:
    """Calls to a part of the service that may hang. Thread-safe.

    Args:
        name: The part that is called, for the message.
        most: Calls at once; while as many hang, no further one is tried.
        seconds: Time in s after which a call is given up; its thread goes on.
    """

    def __init__(self, name: str, most: int, seconds: float) -> None:
        self.name, self.seconds = name, seconds
        self._free = threading.BoundedSemaphore(most)

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function and wait for its result.

        Raises:
            LedgerAway: There is none in time.
        """
        if not self._free.acquire(blocking=False):
            raise self._away()
        call: Future[T] = Future()

        def run() -> None:
            try:
                call.set_result(function(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001  raised again in the waiting request
                call.set_exception(error)
            finally:
                self._free.release()

        threading.Thread(target=run, daemon=True).start()
        try:
            return call.result(self.seconds)
        except TimeoutError:
            if call.done():
                raise
            raise self._away() from None

    def _away(self) -> LedgerAway:
        reason = f"the {self.name} did not respond within {self.seconds:g} s"
        return LedgerAway(reason, reason)
