"""Processes of one machine that belong together: started, watched, started anew, and ended.

    python -m service.runtime.supervisor PARENT PROGRAM ARGUMENTS...

runs a program that does not outlive the process PARENT, whatever that one dies of.
"""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TextIO

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
"""Before a process is started anew: twice as long after each death that comes too soon."""
SOON_SECONDS = 60.0
ENDING_SECONDS = 20.0
"""How long processes have to end by themselves."""
PR_SET_PDEATHSIG = 1
"""Of prctl(2), on Linux."""


class Part(NamedTuple):
    """A program to be kept running.

    Attributes:
        last: Ended when the others have: they need it to the end.
    """

    name: str
    command: Sequence[str]
    last: bool = False


class Running:
    """A part as it runs now, or as it waits for being started anew."""

    def __init__(self, part: Part, environment: Mapping[str, str]) -> None:
        self.part = part
        self._environment = environment
        self._pause = SHORTEST_PAUSE_SECONDS
        self.start()

    def start(self) -> None:
        leash = [sys.executable, "-m", "service.runtime.supervisor", str(os.getpid())]
        # A session of its own: Ctrl-C comes to us alone, and we end them in order.
        self.process = subprocess.Popen(  # noqa: S603  programs of ours
            [*leash, *self.part.command],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._started, self._due = time.monotonic(), 0.0
        assert self.process.stdout is not None
        passing = (self.part.name, self.process.stdout)
        threading.Thread(target=pass_on, args=passing, daemon=True).start()

    def look(self) -> None:
        """Start it anew if it has died, after a pause."""
        code, now = self.process.poll(), time.monotonic()
        if code is None:
            return
        if not self._due:
            lived = now - self._started
            self._pause = SHORTEST_PAUSE_SECONDS if lived > SOON_SECONDS else self._pause
            self._due = now + self._pause
            how = f"signal {-code}" if code < 0 else f"code {code}"
            log.warning("%s ended with %s; again in %g s", self.part.name, how, self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        elif now >= self._due:
            self.start()


def supervise(parts: Sequence[Part], environment: Mapping[str, str]) -> None:
    """Keep programs running until SIGTERM or SIGINT comes, then end them all.

    What they write goes to stdout, line by line, behind their names.
    """
    with told_to_stop() as stop:
        running = [Running(part, environment) for part in parts]
        try:
            while not stop.is_set():
                for one in running:
                    one.look()
                stop.wait(LOOK_SECONDS)
        finally:
            end([one.process for one in running if not one.part.last])
            end([one.process for one in running if one.part.last])


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """An event that is set when this process is told to end."""
    stop = threading.Event()
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Tell processes to end, and kill those that do not."""
    for process in processes:
        process.terminate()
    until = time.monotonic() + ENDING_SECONDS
    for process in processes:
        try:
            process.wait(max(until - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def pass_on(name: str, lines: TextIO) -> None:
    for line in lines:
        print(f"{name:<10}", line.rstrip(), flush=True)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, of whatever."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before
        sys.exit(1)


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  a program of ours
