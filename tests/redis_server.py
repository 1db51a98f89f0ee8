"""A Redis for tests: of their own, on a free port, with its data in a folder of theirs."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.free_port import free_port

PATIENCE_SECONDS = 300.0


class RedisServer:
    """A redis-server that may be killed and started again.

    Args:
        folder: Of its data.
        keeps: Whether it writes down every command, so that it has its data after a restart.
    """

    def __init__(self, folder: Path, *, keeps: bool = False) -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("needs the program redis-server, which is not installed")
        self._command = [program, "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        self._command += ["--appendonly", "yes" if keeps else "no", "--appendfsync", "always"]
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        command = [*self._command, "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE_SECONDS
        with redis.Redis(port=self.port) as client:
            while True:
                try:
                    client.ping()
                except redis.RedisError:
                    assert time.monotonic() < until
                    assert self.process.poll() is None
                    time.sleep(0.02)
                else:
                    return

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def redis_server(folder: Path, *, keeps: bool = False) -> Iterator[RedisServer]:
    """A Redis that runs; skips the test where there is no program."""
    server = RedisServer(folder, keeps=keeps)
    try:
        yield server
    finally:
        server.kill()
