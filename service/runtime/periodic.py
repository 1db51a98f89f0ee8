"""What is done again and again in a thread of this process: heartbeats, and what is due."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from service.clock import utc_now

log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=5)
"""How long the end of a round is waited for."""


class Round:
    """Does something at once and then every so many seconds, until it is closed.

    What fails is said in the log, once for each reason, and done again when it is due.
    """

    def __init__(self, name: str, seconds: float, do: Callable[[], object]) -> None:
        self._name, self._seconds, self._do = name, seconds, do
        self._due, self._closed = threading.Event(), False
        self._trouble = ""
        # A daemon: what hangs does not keep the process from ending.
        self._thread = threading.Thread(target=self._go, name=name, daemon=True)
        self._thread.start()

    def soon(self) -> None:
        """Do it now, or again when it is done that is being done now."""
        self._due.set()

    def close(self) -> None:
        self._closed = True
        self._due.set()
        self._thread.join(PATIENCE.total_seconds())

    def _go(self) -> None:
        while not self._closed:
            self._due.clear()
            try:
                self._do()
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                if said != self._trouble:
                    log.exception("%s failed at %s and goes on", self._name, utc_now())
                self._trouble = said
            else:
                self._trouble = ""
            self._due.wait(self._seconds)
