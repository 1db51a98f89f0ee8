"""Targets of speed, each measured on this machine: met or missed.

    python -m benchmarks.speed.targets
    python -m benchmarks.speed.targets --only help scrape

No test holds to them, as a busy or slow machine misses them: run it on a quiet one. The two that
need all processes of the service (`latency`, `load`) are the end-to-end tests of these names, with
their bounds of time; they need `redis-server` and PostgreSQL. Those against pysteps need pysteps:
pip install 'nowcast[benchmark]'. The command fails where a target is missed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

TARGETS = "NOWCAST_TARGETS"
"""Environment variable that makes end-to-end tests hold to their bounds of time."""
ROOT = Path(__file__).parents[2]
ROUNDS = 3


class Found(NamedTuple):
    """A target and what was measured."""

    what: str
    measured: str
    target: str
    met: bool

    def __str__(self) -> str:
        state = "met" if self.met else "MISSED"
        return f"{state}: {self.what}: {self.measured}, should be {self.target}"


def help_seconds() -> Found:
    """Processor time of `nowcast --help`."""
    from benchmarks.speed.startup import HELP_SECONDS, of_help

    least = min(of_help().processor for _ in range(ROUNDS))
    return below("nowcast --help, seconds of processor", least, HELP_SECONDS)


def api_seconds() -> Found:
    """Processor time until the API answers any request."""
    from benchmarks.speed.startup import API_SECONDS, of_api

    with tempfile.TemporaryDirectory(prefix="nowcast-bench-") as name:
        folders = [Path(name) / str(number) for number in range(ROUNDS)]
        least = min(of_api(folder, ["ms-lstm"])[1].processor for folder in folders)
    return below("API that answers, seconds of processor", least, API_SECONDS)


def scrape() -> Found:
    """Processor time of a scrape after a year."""
    from benchmarks.speed.scrape import MOST_MILLISECONDS, milliseconds

    with tempfile.TemporaryDirectory(prefix="nowcast-bench-") as name:
        found = milliseconds(Path(name), scrapes=9)
    return below("scrape after a year, milliseconds of processor", found, MOST_MILLISECONDS)


def counting() -> Found:
    """Counting against pysteps, by processor time."""
    from benchmarks.speed.comparison import compare
    from benchmarks.speed.verification import TARGET, by_pysteps, ours_counted, simulated

    fields = simulated(180, 4).everywhere()
    found = compare("", lambda: by_pysteps(fields), lambda: ours_counted(fields), 48, 9)
    return above("counts, times as fast as pysteps", found.ratio(1), TARGET)


def sprog() -> Found:
    """S-PROG against pysteps', by processor time."""
    from benchmarks.speed.sprog import TARGET, comparisons

    *_, found = comparisons([180], rounds=9)
    return above("S-PROG, times as fast as pysteps", found.ratio(1), TARGET)


def ingest() -> Found:
    """Processor time of ingest over that of decoding alone."""
    from benchmarks.speed.ingest import TARGET, compare, simulated

    with tempfile.TemporaryDirectory(prefix="nowcast-bench-") as name:
        path, ratios = simulated(Path(name)), []
        for number in range(ROUNDS):
            ours, anchor = compare(path, Path(name) / str(number), rounds=20)
            ratios.append(ours.processor / anchor.processor)
    return below("ingest of a frame, times decoding it", min(ratios), TARGET)


def end_to_end(name: str) -> Found:
    """An end-to-end test with its bounds of time."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", f"tests/end_to_end/test_{name}.py"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {TARGETS: "1"}, check=False)
    return Found(name, f"status {done.returncode} of its tests", "0", met=done.returncode == 0)


def below(what: str, measured: float, target: float) -> Found:
    """Compare a measured value with a target that it should stay below."""
    return Found(what, f"{measured:.2f}", f"below {target:g}", met=measured < target)


def above(what: str, measured: float, target: float) -> Found:
    """Compare a measured value with a target that it should reach."""
    return Found(what, f"{measured:.1f}", f"at least {target:g}", met=measured >= target)


ALL: dict[str, Callable[[], Found]] = {
    "help": help_seconds,
    "api": api_seconds,
    "scrape": scrape,
    "counting": counting,
    "sprog": sprog,
    "ingest": ingest,
    "latency": lambda: end_to_end("latency"),
    "load": lambda: end_to_end("load"),
}
NEED_PYSTEPS = ("counting", "sprog")


def main() -> None:
    """Print each, and fail where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[*ALL], choices=[*ALL])
    options = parser.parse_args()
    missed = False
    for name in options.only:
        if name in NEED_PYSTEPS and not find_spec("pysteps"):
            print(f"left out: {name}: pysteps is not installed: pip install 'nowcast[benchmark]'")
            continue
        found = ALL[name]()
        print(found, flush=True)
        missed |= not found.met
    sys.exit(missed)


if __name__ == "__main__":
    main()
