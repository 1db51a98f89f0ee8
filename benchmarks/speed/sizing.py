"""Size of a deployment: disk per day, and memory and processor time of each process.

    python -m benchmarks.speed.sizing
    python -m benchmarks.speed.sizing --write docs/operations.md

Simulated radar is ingested, forecast by all served models and verified in this process, which gives
the bytes and the processor time of an issue. Then all processes of `nowcast up` run on the same
data, forecast from its newest frames, and idle: memory is the peak resident set of each.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from benchmarks.report import measured, table, write_section
from benchmarks.server_process import PORT, serving
from benchmarks.speed.startup import so_far
from ingest.simulation.simulate import write
from ingest.simulation.weather import STRATIFORM
from model_zoo.forecasters.contract import HORIZON, STEP_MINUTES
from service.archive.key import to_time
from service.archive.store import BLOCK_BYTES
from service.pipeline.forecast import forecast_auto
from service.pipeline.ingest import ingest_file
from service.pipeline.verify import verify
from service.runtime.deployment import Deployment
from service.settings import Settings

PARTS = {
    "API": "serve",
    "forecast worker": "interactive,scheduled",
    "verification worker": "verify,ingest",
    "beat": "beat",
    "ingest": "--follow",
}
"""A word of the command line of each process."""
INTERVAL = timedelta(minutes=5)
PER_DAY = timedelta(days=1) // INTERVAL
PAST, ISSUES, AHEAD = 24, 3, HORIZON * STEP_MINUTES // 5
"""Frames before the first issue, issues, and frames that verify the last one."""
PATIENCE_SECONDS, IDLE_SECONDS = 1800.0, 60.0
KEPT_DAYS = 400


class Issue(NamedTuple):
    """Bytes and processor seconds of a frame, its forecasts by all models, and their verification.

    Attributes:
        bytes: By kind of data.
        seconds: By step.
    """

    bytes: Mapping[str, float]
    seconds: Mapping[str, float]


class Used(NamedTuple):
    """The most megabytes of a process, and its share of a processor while nothing happens."""

    megabytes: float
    idle: float


def of_issue(deployment: Deployment, radar: Path) -> Issue:
    """Ingest, forecast and verify simulated frames; means of all issues but the first."""
    archive, ledger = deployment.archive, deployment.ledger
    start = datetime(2026, 6, 21, 12, tzinfo=UTC)
    frames = PAST + ISSUES + AHEAD
    now, files = start + timedelta(days=1), list(write(radar, start, frames, 1, STRATIFORM))
    seconds = {
        "ingest": timed(lambda: [ingest_file(archive, ledger, file, now) for file in files])
        / frames
    }
    issues = [to_time(start + (PAST + number) * INTERVAL) for number in range(ISSUES)]

    def forecast(number: int) -> object:
        return forecast_auto(archive, ledger, deployment.forecasters, issues[number], now)

    forecast(0)  # loads and tunes the models
    verify(archive, ledger, now)
    before = ledger_bytes(deployment)
    rest = range(1, ISSUES)
    seconds["forecasts"] = timed(lambda: [forecast(number) for number in rest]) / len(rest)
    seconds["verification"] = timed(lambda: verify(archive, ledger, now)) / len(rest)
    folder = deployment.settings.data / "archive"
    sizes = {
        "frames": disk(folder / "frames") / frames,
        "forecasts": disk(folder / "forecasts") / ISSUES,
        "ledger": (ledger_bytes(deployment) - before) / len(rest),
    }
    return Issue(sizes, seconds)


def timed(do: Callable[[], object]) -> float:
    """Processor seconds of this process for a call, in all threads."""
    begin = time.process_time()
    do()
    return time.process_time() - begin


def disk(folder: Path) -> float:
    """Bytes of all files below a folder, each in whole blocks."""
    files = (path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return float(sum(-(-size // BLOCK_BYTES) * BLOCK_BYTES for size in files))


def ledger_bytes(deployment: Deployment) -> float:
    """Bytes of the SQLite ledger."""
    with deployment.ledger.engine.connect() as connection:
        pages, size = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("page_count", "page_size")
        )
    return float(pages * size)


def of_processes(deployment: Deployment) -> dict[str, Used]:
    """Run all processes on the data of a deployment until they have forecast, and while idle."""
    newest = next(deployment.archive.frame_times())
    with running(deployment.settings.data, newest) as process:
        wait_until(lambda: len(deployment.archive.forecasts(newest)) > len(Settings().models))
        pids = {part: pid_of(process, word) for part, word in PARTS.items()}
        before = {part: so_far(pid) for part, pid in pids.items()}
        time.sleep(IDLE_SECONDS)
        return {
            part: Used(so_far(pid)[1], (so_far(pid)[0] - before[part][0]) / IDLE_SECONDS)
            for part, pid in pids.items()
        }


@contextmanager
def running(data: Path, newest: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run `nowcast up` a few minutes after the newest frame."""
    clock = f"{str(newest)[:19]}Z@{time.time() - 240:.0f}*1"
    more = {"NOWCAST_SIMULATED_TIME": clock, "NOWCAST_RADAR_SERVER": "http://127.0.0.1:9/"}
    command = ("-m", "service.cli", "up", "--data", str(data), "--port", PORT)
    with serving(*command, settings=more) as server:
        yield server.process


def wait_until(true: Callable[[], bool]) -> None:
    """Wait until a condition holds.

    Raises:
        RuntimeError: It does not in time.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > until:
            raise RuntimeError("the processes have not forecast from the newest frame in time")
        time.sleep(1)


def pid_of(process: subprocess.Popen[bytes], word: str) -> int:
    """Process id of the child of a process that has a word on its command line.

    Raises:
        RuntimeError: There is none.
    """
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text().split("\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
        if parent == process.pid and word in words:
            return int(folder.name)
    raise RuntimeError(f"there is no process {word!r}")


# output


def section(issue: Issue, processes: Mapping[str, Used]) -> str:
    """What was found, as Markdown."""
    models = len(Settings().models)
    about = measured("benchmarks.speed.sizing --write docs/operations.md", "torch", "xarray")
    daily = {name: size * PER_DAY / 1e6 for name, size in issue.bytes.items()}
    daily["all"] = sum(daily.values())
    rows = [
        [name, f"{daily[name]:,.0f}", f"{daily[name] * KEPT_DAYS / 1000:,.0f}"] for name in daily
    ]
    parts = [
        [part, f"{used.megabytes:,.0f}", f"{100 * used.idle:.1f} %"]
        for part, used in processes.items()
    ]
    steps = [
        [step, f"{seconds:.2f}", f"{100 * seconds / INTERVAL.total_seconds():.1f} %"]
        for step, seconds in issue.seconds.items()
    ]
    forecasts = f"{models} models and `auto`"
    return f"""\
## Sizing

{about}

A frame of wide rain every five minutes, forecast by {forecasts} and verified at {AHEAD} leads. The
ledger keeps its rows for ever, the archive its files for `NOWCAST_KEEP_DAYS`.

{table(("disk", "MB per day", f"GB in {KEPT_DAYS} days"), rows)}

Processor time of a frame, and what share of a processor that is:

{table(("step", "seconds", "of a processor"), steps)}

Memory of the processes of `nowcast up` after forecasts by all models, and their share of a
processor while nothing happens:

{table(("process", "MB at most", "idle"), parts)}
"""


def main() -> None:
    """Print the section, and write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", type=Path, help="a Markdown file, docs/operations.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nowcast-sizing-") as name:
        deployment = Deployment(Settings(data=Path(name) / "data"))
        issue = of_issue(deployment, Path(name) / "radar")
        found = section(issue, of_processes(deployment))
        deployment.ledger.engine.dispose()
    print(found)
    if options.write:
        write_section(options.write, found, "sizing")


if __name__ == "__main__":
    main()
