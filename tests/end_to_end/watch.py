"""What the readiness endpoint says, all the time."""

import threading
import time
from typing import NamedTuple

import httpx


class Answer(NamedTuple):
    """Response of the readiness endpoint at a time."""

    seconds: float
    status: int
    """0 where there was no answer."""
    text: str


class Watch:
    """Asks all the time whether the service is ready."""

    def __init__(self, url: str) -> None:
        self.answers: list[Answer] = []
        self._url, self._over = url, threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        with httpx.Client(timeout=60.0) as client:
            while not self._over.wait(0.1):
                try:
                    response = client.get(self._url + "/readyz")
                    self.answers.append(
                        Answer(time.monotonic(), response.status_code, response.text)
                    )
                except httpx.HTTPError as error:
                    self.answers.append(Answer(time.monotonic(), 0, repr(error)))

    def between(self, begin: float, end: float) -> list[Answer]:
        return [answer for answer in self.answers if begin <= answer.seconds <= end]

    def was_ready_after(self, begin: float) -> bool:
        """Whether the service was ready at some time after another one."""
        return any(answer.status == 200 for answer in self.between(begin, time.monotonic()))

    def end(self) -> None:
        self._over.set()
        self._thread.join()
