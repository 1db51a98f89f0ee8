"""How long processes take to begin, and what memory they take.

    python -m benchmarks.speed.startup
    python -m benchmarks.speed.startup --write docs/performance.md

Every figure is of a fresh process, from its start: by the clock, by processor time, which other
work disturbs less, and the most memory it ever held. The best of several rounds is shown. Beside
the command line stands a bare interpreter; beside the API a FastAPI with one route and uvicorn.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from benchmarks.report import at_least_one, measured, table, write_section
from benchmarks.server_process import Server, serving
from benchmarks.speed.ingest import simulated

HELP_SECONDS, API_SECONDS = 0.5, 5.0
MOST_MB = {
    "help": 64,
    "ingest": 900,
    "forecast ms-lstm": 1200,
    "API": 1000,
    "API, models": 1300,
}
"""What a process may take."""
BARE_API = """
import sys, uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
"""
LAUNCHER = """
import os, subprocess, sys, time
begun = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
seconds = time.perf_counter() - begun
print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Starts a process and prints what it took. It is small itself: the most memory of a process is at
least that of the one it was forked from."""
FORECAST = """
import sys
from model_zoo import load_forecaster
from service.pipeline.served_models import sample_frames
forecaster = load_forecaster(sys.argv[1])
forecaster(sample_frames(forecaster.needs))
"""


class Start(NamedTuple):
    """What a process took until it ended, or until it answered."""

    seconds: float
    processor: float
    megabytes: float

    def best(self, other: "Start") -> "Start":
        """The least of each; of memory the most."""
        return Start(
            min(self.seconds, other.seconds),
            min(self.processor, other.processor),
            max(self.megabytes, other.megabytes),
        )


def ended(*arguments: str) -> Start:
    """Run Python with arguments to its end.

    Raises:
        RuntimeError: It failed.
    """
    command = [sys.executable, "-c", LAUNCHER, sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)[:80]} failed: {done.stderr[-500:]}")
    return Start(*map(float, done.stdout.splitlines()[-1].split()))


def answers(server: Server, path: str) -> Start:
    """What a server has taken by the time it answers a path.

    Raises:
        RuntimeError: It ended before, or does not answer in time.
    """
    server.wait_for(path)
    return Start(perf_counter() - server.begun, *so_far(server.process.pid))


def so_far(pid: int) -> tuple[float, float]:
    """Processor seconds of a running process, and the most megabytes it held. Of Linux."""
    folder = Path("/proc") / str(pid)
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    lines = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    return ticks / os.sysconf("SC_CLK_TCK"), int(lines["VmHWM"].split()[0]) / 1024


# what is measured


def of_help() -> Start:
    """`nowcast --help`."""
    return ended("-m", "service.cli", "--help")


def of_api(folder: Path, models: Sequence[str]) -> tuple[Start, Start, Start]:
    """`nowcast serve`: until its page answers, its application, and until all models are loaded."""
    arguments = ("serve", "--port", "PORT", "--data", str(folder), "--models", ",".join(models))
    with serving("-m", "service.cli", *arguments) as server:
        page = answers(server, "/")
        ready = answers(server, "/healthz")
        for model in models:
            loaded = answers(server, f"/nowcasts/latest?model={model}")
    return page, ready, loaded


def of_bare_api() -> Start:
    """Measure an API without the service."""
    with serving("-c", BARE_API, "PORT") as server:
        return answers(server, "/healthz")


def measure(models: Sequence[str], rounds: int) -> dict[str, Start]:
    """The best of each, by name."""
    found: dict[str, Start] = {}

    def note(name: str, start: Start) -> None:
        found[name] = found[name].best(start) if name in found else start

    with tempfile.TemporaryDirectory(prefix="nowcast-bench-") as name:
        folder = Path(name)
        file = simulated(folder)
        for number in range(rounds):
            note("bare Python", ended("-c", "pass"))
            note("help", of_help())
            data = str(folder / str(number))
            note("ingest", ended("-m", "service.cli", "ingest", str(file), "--data", data))
            note("forecast ms-lstm", ended("-c", FORECAST, "ms-lstm"))
            note("bare FastAPI", of_bare_api())
            page, ready, loaded = of_api(folder / str(number), models)
            note("API, page", page)
            note("API", ready)
            note("API, models", loaded)
    return found


# output

HEADINGS = ("process", "seconds", "of processors", "most seconds", "MB", "most MB")
SAID = {
    "bare Python": "`python -c pass`",
    "help": "`nowcast --help`",
    "ingest": "`nowcast ingest FILE`, to its end",
    "forecast ms-lstm": "a forecast by ms-lstm, to its end",
    "bare FastAPI": "FastAPI with one route, first answer",
    "API, page": "`nowcast serve`, its page",
    "API": "`nowcast serve`, its application",
    "API, models": "`nowcast serve`, all models loaded",
}
MOST_SECONDS = {"help": HELP_SECONDS, "API": API_SECONDS}


def cells(name: str, start: Start) -> list[str]:
    """A process as it is printed."""
    seconds, megabytes = MOST_SECONDS.get(name), MOST_MB.get(name)
    return [
        SAID[name],
        f"{start.seconds:.2f}",
        f"{start.processor:.2f}",
        "" if seconds is None else f"{seconds:g}",
        f"{start.megabytes:,.0f}",
        "" if megabytes is None else f"{megabytes:,}",
    ]


def section(found: dict[str, Start]) -> str:
    """What was found, as Markdown."""
    about = measured(
        "benchmarks.speed.startup --write docs/performance.md", "torch", "fastapi", "xarray"
    )
    rows = [cells(*item) for item in found.items()]
    return f"""\
## Start-up and memory

{about}

{table(HEADINGS, rows)}
{NOTES}"""


NOTES = """
Each run is a new process; seconds are the minimum of several runs, memory is the peak resident set.
The page answers before the application is loaded, which answers before its models are; a request
for a model waits until it is loaded.
"""


def main() -> None:
    """Print a row for each process, and write all as a section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=at_least_one, default=3)
    parser.add_argument("--models", nargs="+", default=["ms-lstm", "ms-preciplstm", "advection"])
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    options = parser.parse_args()
    tell(measure(options.models, options.rounds), options.write)


def tell(found: dict[str, Start], file: Path | None) -> None:
    """Print what was found, and write it into a Markdown file."""
    print(table(HEADINGS, [cells(*item) for item in found.items()]))
    if file:
        write_section(file, section(found), "start-up and memory")


if __name__ == "__main__":
    main()
