"""Times and sizes of answers over HTTP, as one client or several see them."""

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from http.client import HTTPConnection
from itertools import cycle
from time import perf_counter, sleep
from typing import Any, NamedTuple

import numpy as np

CODINGS = ("identity", "gzip", "br", "zstd")
CONNECTIONS = 8


class Request(NamedTuple):
    """What is asked for.

    Attributes:
        name: In the table.
        paths: Asked for in turn; several where clients ask for different places.
        body: A JSON document that is posted; None for a read.
    """

    name: str
    paths: Sequence[str]
    body: Mapping[str, object] | None = None


class Answers(NamedTuple):
    """Answers to a request.

    Attributes:
        name: Of the request.
        sizes: Bytes by accepted content codings; the same number for all where it is sent as it is.
        seconds: Of each answer.
    """

    name: str
    sizes: Mapping[str, int]
    seconds: Sequence[float]

    def quantiles(self) -> list[str]:
        """The median and the 99th percentile of the milliseconds."""
        return [f"{1000 * value:.1f}" for value in np.quantile(self.seconds, [0.5, 0.99])]


class Client:
    """Asks a server over a connection that is kept."""

    def __init__(self, port: int) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, path: str, request: Request, coding: str = "identity") -> bytes:
        """The content of an answer, packed as it is sent.

        Raises:
            ValueError: The status is not 200.
        """
        headers = {"Accept-Encoding": coding}
        body = None
        if request.body is not None:
            body = json.dumps(request.body)
            headers |= {"Content-Type": "application/json", "Prefer": "wait=20"}
        self.connection.request("GET" if body is None else "POST", path, body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise ValueError(f"{path}: the status is {answer.status}, should be 200: {content!r}")
        return content

    def document(self, path: str) -> Any:  # noqa: ANN401  any JSON value
        """A document of JSON."""
        return json.loads(self.ask(path, Request("", [path])))

    def measure(
        self, request: Request, seconds: float, most: int, codings: Iterable[str] = CODINGS
    ) -> Answers:
        """Ask for all paths in turn, some seconds long or `most` times, without content coding.

        The first is asked for once before, untimed: what a service loads once is no part of it.

        Args:
            request: What is asked for.
            seconds: How long at most.
            most: How often at most.
            codings: Values of `Accept-Encoding` by which its sizes are given.
        """
        first, *others = request.paths
        sizes = {coding: len(self.ask(first, request, coding)) for coding in codings}
        found: list[float] = []
        end = perf_counter() + seconds
        for path, _ in zip(cycle([*others, first]), range(most), strict=False):
            begin = perf_counter()
            self.ask(path, request)
            found.append(perf_counter() - begin)
            if found[-1] + begin > end:
                break
        return Answers(request.name, sizes, found)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def at_a_rate(port: int, request: Request, rate: float, seconds: float) -> Answers:
    """Ask so many times a second over several connections, whether answers are late or not.

    The seconds of an answer count from when it was due to be asked for.
    """
    found: list[float] = []
    begin = perf_counter() + 0.1

    def go(number: int) -> None:
        client = Client(port)
        paths = cycle(request.paths[number % len(request.paths) :])
        for due in times(begin + number / rate, CONNECTIONS / rate, begin + seconds):
            sleep(max(due - perf_counter(), 0))
            client.ask(next(paths), request)
            found.append(perf_counter() - due)
        client.close()

    threads = [threading.Thread(target=go, args=[number]) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Answers(request.name, {}, found)


def times(first: float, step: float, end: float) -> Iterable[float]:
    """Times from the first to the end."""
    while first < end:
        yield first
        first += step
