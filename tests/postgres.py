"""A PostgreSQL of the tests' own: a new cluster in a temporary folder, on a free port.

It does not live in UTC, so that a time that loses its zone on the way is found out.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.free_port import free_port

SECONDS = 300.0
SETTINGS = {"fsync": "off", "timezone": "Europe/Berlin", "listen_addresses": "127.0.0.1"}
USER = "postgres"
"""Who runs it where the tests run as root, as which it refuses to run."""
LEFT_BEHIND = "is still in use"
"""Of the shared memory: what a server says that starts beside processes of the one before it."""
NUMBERS = count()


class Postgres:
    """A server that can be started, stopped and killed; its data stay until `remove`.

    Skips the test where there is no PostgreSQL.
    """

    def __init__(self) -> None:
        self.programs = programs()
        self.folder = Path(tempfile.mkdtemp(prefix="nowcast-postgres-"))
        self.port = free_port()
        self._server: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER, USER)
        options = ["-U", "nowcast", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"]
        subprocess.run(
            [str(self.programs / "initdb"), "-D", str(self.data), *options],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._as_user(),
        )

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://nowcast@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a database with nothing in it."""
        name = f"nowcast_{next(NUMBERS)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def start(self) -> None:
        """Start it; again as long as processes of a server that was killed are still there."""
        end = time.monotonic() + SECONDS
        server = self._run()
        while not self._answers():
            has_ended, log = server.poll() is not None, (self.folder / "log").read_text()
            is_left_behind = LEFT_BEHIND in "".join(log.splitlines()[-3:])
            if time.monotonic() > end or (has_ended and not is_left_behind):
                raise RuntimeError(log)
            if has_ended:
                server = self._run()
            time.sleep(0.05)

    def _run(self) -> "subprocess.Popen[bytes]":
        settings = SETTINGS | {"port": str(self.port), "unix_socket_directories": str(self.folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, *options],
                stdout=log,
                stderr=log,
                **self._as_user(),
            )
        return self._server

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it, with all connections. SIGKILL is the worst that can happen to it."""
        if self._server is None:
            return
        # Its children see that it is gone and end by themselves.
        self._server.send_signal(how)
        self._server.wait(SECONDS)
        self._server = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=1).close()
        except psycopg.OperationalError:
            return False
        return True

    def _as_user(self) -> dict[str, Any]:
        environment = {"PATH": os.defpath, "LC_ALL": "C"}
        found: dict[str, Any] = {"cwd": self.folder, "env": environment}
        if os.geteuid() == 0:
            found |= {"user": USER, "group": USER, "extra_groups": []}
        return found


def programs() -> Path:
    """The folder of PostgreSQL's programs: that on the path, or the newest there is."""
    there = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parts[-2])
    )
    on_path = shutil.which("postgres")
    if on_path is not None:
        there.append(Path(on_path).parent)
    whole = [path for path in there if (path / "postgres").exists() and (path / "initdb").exists()]
    if not whole:
        pytest.skip("needs PostgreSQL's server, which is not installed here")
    return whole[-1]


@cache
def server() -> Postgres:
    """One for all tests of the process, until its end."""
    postgres = Postgres()
    atexit.register(postgres.remove)
    postgres.start()
    return postgres


def new_database() -> str:
    """The URL of a database with nothing in it, on the server of this process."""
    return server().new_database()


DATABASES = ("sqlite", "postgresql")


def new_url(kind: str, folder: Path) -> str:
    """The URL of an empty database of a kind."""
    return new_database() if kind == "postgresql" else f"sqlite:///{folder / 'ledger.sqlite'}"
