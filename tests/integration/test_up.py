"""`nowcast up`: the whole service as processes of one machine."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.free_port import free_port
from tests.provider import Provider, provider
from tests.unit.service.pipeline.test_poll import environment, put_fresh

ROOT = Path(__file__).parents[2]
SECONDS = 300.0
PARTS = ("redis", "api", "worker", "worker-verify", "beat", "ingest")


def eventually(true: Callable[[], object]) -> None:
    until = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < until
        time.sleep(0.1)


class Up:
    """The service that was started on a folder of data, and a client of it."""

    def __init__(self, dwd: Provider, data: Path, path: str, form: str = "console") -> None:
        port = free_port()
        command = [sys.executable, "-m", "service.cli", "up", "--data", str(data)]
        self.log = data.with_suffix(".log")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(port)],
                cwd=ROOT,
                env=os.environ | environment(dwd.url) | {"PATH": path, "NOWCAST_LOG": form},
                stdout=log,
                stderr=log,
            )
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=300
        )

    def answers(self, path: str) -> bool:
        try:
            return self.client.get(path).status_code == 200
        except httpx.TransportError:
            return False

    def children(self) -> dict[int, str]:
        """The command lines of the processes it has started, by their ids."""
        listed = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        lines = (line.split(maxsplit=1) for line in listed.stdout.splitlines())
        return {int(pid): words for pid, words in lines if "<defunct>" not in words}

    def pid(self, word: str) -> int:
        return next(pid for pid, words in self.children().items() if word in words.split())


@pytest.fixture
def dwd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with provider() as started:
        put_fresh(started, 4)
        yield started


def runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs the program redis-server")
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, as on Linux")
def test_all_parts_run_and_a_new_frame_is_forecast_and_none_outlives_it(
    dwd: Provider, tmp_path: Path
) -> None:
    up = Up(dwd, tmp_path / "data", os.environ["PATH"], form="json")
    try:
        eventually(lambda: up.answers("/nowcasts/latest?model=advection"))
        eventually(lambda: up.answers("/readyz"))
        children = up.children()
        assert len(children) == len(PARTS), up.log.read_text()
        api = up.pid("serve")
        os.kill(api, signal.SIGKILL)
        eventually(lambda: api not in up.children())
        eventually(lambda: up.answers("/readyz"))
        assert api in children
        assert len(children.keys() - up.children().keys()) == 1, "the others went on"
        children = up.children()
    finally:
        up.process.kill()
        up.process.wait()
    eventually(lambda: not any(map(runs, children)))
    records = [json.loads(line) for line in up.log.read_text().splitlines()]
    logged = {record["process"] for record in records}
    assert {"up", "api", "worker", "ingest"} <= logged <= {"up", "beat", *PARTS}
    events = [record["event"] for record in records]
    assert any("Started server process" in event for event in events), "libraries log like this"
    assert any(event.startswith("cycle: ") for event in events)
    assert any(record.get("path", "").startswith("/nowcasts/latest") for record in records)
    kept = [record for record in records if record["event"].endswith(": kept")]
    assert all(record["seconds"] > 0 < record["delay_seconds"] for record in kept)


def test_without_redis_all_runs_in_one_process(dwd: Provider, tmp_path: Path) -> None:
    up = Up(dwd, tmp_path / "data", "/nowhere")
    try:
        eventually(lambda: up.answers("/nowcasts/latest?model=advection"))
        eventually(lambda: up.answers("/readyz"))
        assert up.children() == {}
    finally:
        up.process.send_signal(signal.SIGTERM)
        up.process.wait(SECONDS)
    assert "all parts run in one process" in up.log.read_text()
