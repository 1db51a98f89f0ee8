"""The whole service as an operator runs it: processes on a Redis and a PostgreSQL of their own.

A provider's server plays a stored event at many times its speed; what dies is started again, as a
supervisor of containers does.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy

from service.clock import Clock
from service.runtime.deployment import Deployment
from service.settings import Settings
from tests import postgres
from tests.free_port import free_port
from tests.provider import Fault, Provider
from tests.redis_server import RedisServer

PUBLISHED_AFTER = timedelta(minutes=3)
"""How long after its time a frame is on the server."""
RESTARTED_AFTER_SECONDS = 0.5
FILES = "radolan/ry/raa01-ry_10000-%y%m%d%H%M-dwd---bin.gz"


class ProcessCluster:
    """The processes, and what they share.

    Args:
        folder: Of data and logs.
        begin: The time it is on the stage when it is made.
        speed: How many times faster than real it passes.
    """

    def __init__(
        self,
        folder: Path,
        server: str,
        begin: datetime,
        speed: float,
        models: Sequence[str] = ("advection", "persistence"),
        more: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.simulated_time = (
            folder,
            f"{begin.isoformat()}@{time.time():.3f}*{speed:g}",
        )
        self.clock = Clock(self.simulated_time)
        self.redis = RedisServer(folder, keeps=True)
        self.postgres = postgres.Postgres()
        self.postgres.start()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "NOWCAST_DATA": str(folder / "data"),
            "NOWCAST_LEDGER": self.postgres.new_database(),
            "NOWCAST_REDIS": self.redis.url,
            "NOWCAST_MODELS": json.dumps(list(models)),
            "NOWCAST_RADAR_SERVER": server + "/",
            "NOWCAST_RADAR_FILES": json.dumps([FILES]),
            "NOWCAST_POLL_SECONDS": "0.2",
            # at many times the speed of time, a slow machine is hours late
            "NOWCAST_BACKFILL_HOURS": "24",
            "NOWCAST_FORECAST_MINUTES": "1400",
            "NOWCAST_WORKER_SECONDS": "4",
            "NOWCAST_THREADS": "1",
            "NOWCAST_PORT": str(self.port),
            "NOWCAST_SIMULATED_TIME": self.simulated_time,
            "OMP_NUM_THREADS": "1",
            **(more or {}),
        }
        self.settings = settings_of(self.environment)
        """As the processes read them."""
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.commands: dict[str, list[str]] = {}
        self.held_back: set[str] = set()
        """What is not started again for now."""
        self.restarts: dict[str, int] = {}
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def start(self, name: str, *arguments: str) -> None:
        """Run a command of the service, and again whenever it ends."""
        self.commands[name] = [sys.executable, "-m", "service.cli", *arguments]
        self._run(name)

    def start_all(self) -> None:
        self.start("api", "serve")
        self.start("worker", "worker", "--queues", "interactive,scheduled")
        self.start("worker-verify", "worker", "--queues", "verify,ingest")
        self.start("beat", "beat")
        self.start("ingest", "ingest", "--follow")

    def wait_until_up(self, seconds: float = 500.0) -> None:
        """Until every process that was started works."""
        wanted = {"interactive", "verify", "following"}

        def is_up() -> bool:
            with deployment_of(self.settings) as deployment:
                queues = {
                    queue for worker in deployment.job_table.workers() for queue in worker.queues
                }
            return wanted <= queues and self.ask("/conformance").status_code == 200

        until(is_up, seconds, "all processes at work")

    def to_come(self, frames: Sequence[tuple[datetime, bytes]]) -> list[tuple[datetime, bytes]]:
        """Those of the frames that have yet to be published."""
        return [frame for frame in frames if frame[0] + PUBLISHED_AFTER > self.clock()]

    def kill(self, name: str) -> None:
        """The worst that can happen to a process."""
        self.processes[name].kill()

    def ask(self, path: str, seconds: float = 30.0) -> httpx.Response:
        return httpx.get(self.url + path, timeout=seconds)

    def end_processes(self) -> None:
        """End the processes of the service, whose work is done; its data stay to be looked at."""
        self._over.set()
        self._keeper.join()
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(100)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def end(self) -> None:
        self.end_processes()
        self.redis.kill()
        self.postgres.remove()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _run(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self.commands[name], env=os.environ | self.environment, stdout=log, stderr=log
            )

    def _keep(self) -> None:
        while not self._over.wait(RESTARTED_AFTER_SECONDS):
            for name, process in list(self.processes.items()):
                if process.poll() is not None and name not in self.held_back:
                    self.restarts[name] = self.restarts.get(name, 0) + 1
                    self._run(name)


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings of a process with this environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return Settings()


@contextmanager
def process_cluster(
    folder: Path, server: str, begin: datetime, speed: float, **more: str
) -> Iterator[ProcessCluster]:
    """A stage with nothing on it yet; all of it ends in the end."""
    cluster = ProcessCluster(folder, server, begin, speed, more=more)
    try:
        yield cluster
    finally:
        cluster.end()


@contextmanager
def deployment_of(settings: Settings) -> Iterator[Deployment]:
    """The deployment of a stage seen from this process."""
    with ExitStack() as stack:
        deployment = Deployment(settings)
        stack.callback(deployment.ledger.engine.dispose)
        yield deployment


class Broadcast:
    """Puts files on a provider's server when their time has come.

    Args:
        frames: Times and bytes of the files.
        late: By frame number, how much later than usual.
        missing: Numbers of frames that never come.
        faults: By number, what the server answers first to those who ask for the frame.
    """

    def __init__(
        self,
        provider: Provider,
        clock: Callable[[], datetime],
        frames: Sequence[tuple[datetime, bytes]],
        late: Mapping[int, timedelta] | None = None,
        missing: Sequence[int] = (),
        faults: Mapping[int, Sequence[Fault]] | None = None,
    ) -> None:
        self.provider, self.clock = provider, clock
        self._faults = {path_of(frames[index][0]): found for index, found in (faults or {}).items()}
        due = [
            (time + PUBLISHED_AFTER + (late or {}).get(number, timedelta()), path_of(time), data)
            for number, (time, data) in enumerate(frames)
            if number not in missing
        ]
        self._due = sorted(due)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._publish, daemon=True)
        self._thread.start()

    def _publish(self) -> None:
        for time_due, path, data in self._due:
            while self.clock() < time_due:
                if self._over.wait(0.02):
                    return
            self.provider.fault(path, *self._faults.get(path, ()))
            self.provider.files[path] = data

    def wait(self) -> None:
        """Until all is published."""
        self._thread.join()

    def end(self) -> None:
        self._over.set()
        self._thread.join()


def path_of(moment: datetime) -> str:
    """Where the frame of a time lies on the provider's server."""
    return moment.strftime(FILES)


def until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: It is not so in time.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            if true():
                return
        except (httpx.HTTPError, sqlalchemy.exc.SQLAlchemyError, OSError):
            pass  # on its way up again
        assert time.monotonic() < end, f"not in {seconds:g} s: {what}"
        time.sleep(0.1)
