"""Supervises the processes of one machine: starts, restarts and ends them.

    python -m service.runtime.supervisor PARENT PROGRAM ARGUMENTS...

runs a program that is killed when the process PARENT dies.
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
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    from service.settings import LogForm

log = logging.getLogger(__name__)

CHECK_SECONDS = 0.1
"""Interval between two checks of the processes, in s."""
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
"""Pause before a restart, in s: doubled after each process that lived less than `SOON_SECONDS`."""
SOON_SECONDS = 60.0
ENDING_SECONDS = 20.0
"""Time between SIGTERM and SIGKILL, in s."""
OUTPUT_SECONDS = 10.0
"""How long the last output of a process that has ended is waited for, in s."""
PR_SET_PDEATHSIG = 1
"""Option of prctl(2) on Linux."""


class Part(NamedTuple):
    """A program to keep running.

    Attributes:
        name: Name in the output.
        command: Program and arguments.
        last: Whether it is ended after all others, which need it.
    """

    name: str
    command: Sequence[str]
    last: bool = False


class Running:
    """A part with its running process, or waiting for its restart."""

    def __init__(self, part: Part, environment: Mapping[str, str], form: "LogForm") -> None:
        self.part = part
        self._environment, self._form = environment, form
        self._pause = SHORTEST_PAUSE_SECONDS
        self.start()

    def start(self) -> None:
        """Start the process."""
        wrapper = [sys.executable, "-m", "service.runtime.supervisor", str(os.getpid())]
        # In its own session, Ctrl-C reaches only the supervisor, which ends all in order.
        self.process = subprocess.Popen(  # noqa: S603  own programs
            [*wrapper, *self.part.command],
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
        passing = (self.part.name, self.process.stdout, self._form)
        self._passing_on = threading.Thread(target=pass_on, args=passing, daemon=True)
        self._passing_on.start()

    def check(self) -> None:
        """Restart the process after a pause if it has died."""
        code, now = self.process.poll(), time.monotonic()
        if code is None:
            return
        if not self._due:
            lived = now - self._started
            self._pause = SHORTEST_PAUSE_SECONDS if lived > SOON_SECONDS else self._pause
            self._due = now + self._pause
            how = f"signal {-code}" if code < 0 else f"code {code}"
            log.warning("%s ended with %s; restart in %g s", self.part.name, how, self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        elif now >= self._due:
            self.start()

    def wait(self, seconds: float | None) -> None:
        """Wait until the process has ended, and its output is printed.

        Raises:
            subprocess.TimeoutExpired: It has not ended after these seconds; None waits on.
        """
        self.process.wait(seconds)
        # A process that it has left behind may keep the pipe open.
        self._passing_on.join(OUTPUT_SECONDS)


def supervise(
    parts: Sequence[Part], environment: Mapping[str, str], form: "LogForm" = "console"
) -> None:
    """Keep programs running until SIGTERM or SIGINT, then end them all.

    Their output goes to stdout, each line behind the name of its part, or all lines as JSON.
    """
    with stop_signals() as stop:
        processes = [Running(part, environment, form) for part in parts]
        try:
            while not stop.is_set():
                for running in processes:
                    running.check()
                stop.wait(CHECK_SECONDS)
        finally:
            end([running for running in processes if not running.part.last])
            end([running for running in processes if running.part.last])


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM, SIGINT and SIGHUP set."""
    stop = threading.Event()
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end(processes: Sequence[Running]) -> None:
    """Send SIGTERM to processes, and SIGKILL to those that do not end in time."""
    for running in processes:
        running.process.terminate()
    until = time.monotonic() + ENDING_SECONDS
    for running in processes:
        try:
            running.wait(max(until - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.wait(None)


def pass_on(name: str, lines: TextIO, form: "LogForm") -> None:
    """Print the output of a process, each line behind its name or as JSON."""
    for line in lines:
        text = line.rstrip()
        if form == "console":
            text = f"{name:<14} {text}"
        elif not text.startswith("{"):  # of a program that does not log JSON
            from service.monitoring.logs import json_line

            text = json_line(name, "info", text)
        sys.stdout.write(f"{text}\n")  # in one piece: lines of several threads never mix
        sys.stdout.flush()


def die_with(parent: int) -> None:
    """Let the kernel kill this process when its parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent has died already
        sys.exit(1)


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  own program
