"""Processes that belong together: kept running, ended in order, and never left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

SECONDS = 200.0
SLEEPER = """
import os, signal, sys, time
name, folder, how = sys.argv[1:]
def end(*_):
    print("bye from", name, flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if how == "stubborn" else end)
print("I am", name, flush=True)
with open(f"{folder}/{name}", "a") as file:  # last: whoever reads it may end this process
    print(os.getpid(), file=file, flush=True)
if how == "mortal":
    sys.exit(3)
while True:
    time.sleep(0.01)
"""
SUPERVISOR = """
import json, logging, os, sys, time
from service.runtime import supervisor
pass_on = supervisor.pass_on
def pass_on_late(name, lines, form):
    lines = list(lines)
    time.sleep(0.3)
    pass_on(name, lines, form)
if sys.argv[2] == "late":
    supervisor.pass_on = pass_on_late
logging.basicConfig(level=logging.INFO)
supervisor.ENDING_SECONDS = 10.0
parts = [supervisor.Part(name, command, last) for name, command, last in json.loads(sys.argv[1])]
supervisor.supervise(parts, os.environ)
print("all have ended")
"""


class Supervised:
    """A supervisor and its processes, which note their ids in files of their names."""

    def __init__(self, folder: Path, parts: dict[str, str], output: str) -> None:
        self.folder = folder
        settings = [
            (name, [sys.executable, "-c", SLEEPER, name, str(folder), how], name == "base")
            for name, how in parts.items()
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, json.dumps(settings), output],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        eventually(lambda: all(self.pids(name) for name in parts))

    def pids(self, name: str) -> list[int]:
        """Of all that were started under a name, the newest last."""
        path = self.folder / name
        return [int(line) for line in path.read_text().splitlines()] if path.exists() else []

    def end(self, number: signal.Signals = signal.SIGTERM) -> str:
        self.process.send_signal(number)
        return self.process.communicate(timeout=SECONDS)[0]


@contextmanager
def supervised(folder: Path, output: str = "", **parts: str) -> Iterator[Supervised]:
    started = Supervised(folder, parts, output)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.communicate()


def eventually(true: Callable[[], object]) -> None:
    until = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and whose status was not collected does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    return not alive(pid)


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, as on Linux")
pytestmark = needs_linux


def test_what_dies_is_started_anew_and_the_others_go_on(tmp_path: Path) -> None:
    with supervised(tmp_path, api="good", worker="good") as running:
        (api,), (worker,) = running.pids("api"), running.pids("worker")
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: len(running.pids("worker")) == 2)
        assert alive(running.pids("worker")[1])
        assert running.pids("api") == [api]
        assert alive(api)
        output = running.end()
    assert "worker ended with signal 9; restart in 0.5 s" in output
    assert not any(map(alive, running.pids("api") + running.pids("worker")))


def test_what_dies_again_and_again_is_given_more_and_more_time(tmp_path: Path) -> None:
    with supervised(tmp_path, worker="mortal") as running:
        eventually(lambda: len(running.pids("worker")) == 3)
        output = running.end()
    pauses = [line.split()[-2] for line in output.splitlines() if "ended with code 3" in line]
    assert pauses[:3] == ["0.5", "1", "2"][: len(pauses)]
    assert len(pauses) >= 2


@pytest.mark.parametrize(
    ("number", "output", "worker"),
    [
        (signal.SIGTERM, "", "stubborn"),
        (signal.SIGINT, "", "good"),
        (signal.SIGHUP, "", "good"),
        (signal.SIGTERM, "late", "good"),
    ],
)
def test_all_end_with_it_and_what_others_need_ends_last(
    tmp_path: Path, number: signal.Signals, output: str, worker: str
) -> None:
    parts = {"base": "good", "api": "good", "worker": worker}
    with supervised(tmp_path, output, **parts) as running:
        output = running.end(number)
    assert running.process.returncode == 0
    assert not any(alive(running.pids(name)[0]) for name in ("base", "api", "worker"))
    lines = [line.split(maxsplit=1) for line in output.splitlines()]
    assert ["api", "I am api"] in lines
    assert lines.index(["api", "bye from api"]) < lines.index(["base", "bye from base"])
    assert output.rstrip().endswith("all have ended")


def test_killed_it_leaves_none_behind(tmp_path: Path) -> None:
    with supervised(tmp_path, base="good", api="good", worker="stubborn") as running:
        running.end(signal.SIGKILL)
        for name in ("base", "api", "worker"):
            (pid,) = running.pids(name)
            eventually(partial(gone, pid))
