"""Threads of this process that repeat a task: heartbeats and the schedule."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from service.clock import utc_now

log = logging.getLogger(__name__)

JOIN_TIMEOUT = timedelta(seconds=5)
"""How long `close` waits for a running task."""


class PeriodicThread:
    """Runs a task at once and then at a fixed interval, in a thread, until it is closed.

    A failure is logged, once for each reason, and the task runs again when it is due.

    Args:
        name: Name of the task and its thread.
        seconds: Interval in s.
        task: The task.
    """

    def __init__(self, name: str, seconds: float, task: Callable[[], object]) -> None:
        self._name, self._seconds, self._task = name, seconds, task
        self._due, self._closed = threading.Event(), False
        self._last_error = ""
        # A daemon: a task that hangs does not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def run_now(self) -> None:
        """Run the task now, or once more after the current run."""
        self._due.set()

    def close(self) -> None:
        """End the thread, waiting for a running task up to 5 s."""
        self._closed = True
        self._due.set()
        self._thread.join(JOIN_TIMEOUT.total_seconds())

    def _run(self) -> None:
        while True:
            self._due.clear()
            if self._closed:  # looked at after `clear`, which may have undone that of `close`
                return
            try:
                self._task()
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                if reason != self._last_error:
                    log.exception("%s failed at %s and continues", self._name, utc_now())
                self._last_error = reason
            else:
                self._last_error = ""
            self._due.wait(self._seconds)
