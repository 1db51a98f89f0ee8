"""Servers that benchmarks measure, each in a process of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from threading import Event
from time import perf_counter
from typing import IO, NamedTuple

PATIENCE_SECONDS = 300.0
PAUSE_SECONDS = 0.02
AT_ONCE = {"Accept": "text/html", "Prefer": "wait=0"}
"""Headers of a request that is not to wait while the service starts."""
PORT = "PORT"
"""Stands for the port of the server in its arguments."""


class Server(NamedTuple):
    """A running server.

    Attributes:
        process: Its process.
        port: Port on which it listens.
        begun: `perf_counter` when it was started, in s.
    """

    process: subprocess.Popen[bytes]
    port: int
    begun: float

    def wait_for(self, path: str) -> None:
        """Wait until a path is answered with anything but that the service is not ready (503).

        Raises:
            RuntimeError: The process has ended, or does not answer in time.
        """
        pause = Event()
        while perf_counter() - self.begun < PATIENCE_SECONDS and self.process.poll() is None:
            if self.status(path) not in (None, HTTPStatus.SERVICE_UNAVAILABLE):
                return
            pause.wait(PAUSE_SECONDS)
        raise RuntimeError(
            f"{path} is not answered (status {self.process.poll()}), should be within "
            f"{PATIENCE_SECONDS:g} s; see the output of the server"
        )

    def status(self, path: str) -> int | None:
        """HTTP status of a path; None where nothing answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", path, headers=AT_ONCE)
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException):
            return None
        else:
            return response.status
        finally:
            connection.close()


@contextmanager
def serving(
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    output: IO[bytes] | int = subprocess.DEVNULL,
) -> Iterator[Server]:
    """Python that listens on a port, until the end of the context.

    Args:
        *arguments: Of the interpreter; `PORT` stands for the port.
        settings: Environment variables beside those of this process.
        output: Where the output and the errors of the server go.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    begun = perf_counter()
    command = [sys.executable, *(part.replace(PORT, str(port)) for part in arguments)]
    environment = {**os.environ, **(settings or {})}
    process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield Server(process, port, begun)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
