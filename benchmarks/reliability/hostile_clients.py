"""The service under attack: how long readers wait, and what memory it takes.

    python -m benchmarks.reliability.hostile_clients
    python -m benchmarks.reliability.hostile_clients --write docs/reliability.md

The service runs in a process of its own. Hostile clients of each kind in
`benchmarks.reliability.hostile` attack it from a second one, from the address of the readers, who
ask for the newest forecast and for the health at a fixed rate from a third.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from benchmarks.reliability.hostile import ATTACKS, READ_PATHS, Reads, Target, besiege
from benchmarks.server_process import PORT, Server, serving

NAME = "hostile clients"
MODEL = "persistence"
LOG = "server.log"
FRAMES = 14
SEED = 20250621
QUIET_LOAD = 0.5
"""Load of a machine below which nothing else runs on it."""
BEGIN = np.datetime64("2025-06-21T12:00")


class Outcome(NamedTuple):
    """What was measured.

    Attributes:
        quiet: Reads without attack.
        reads: Reads during the attack.
        connections: Number of hostile connections by kind.
        statuses: Number of responses to hostile clients by kind and status.
        memory: Resident memory of the server in MB: before, at most, and after the attack.
        errors: Number of tracebacks in the log of the server by their last line.
        load: Mean number of other processes that wanted a processor in the minute before.
    """

    quiet: Reads
    reads: Reads
    connections: Counter[str]
    statuses: Counter[tuple[str, int]]
    memory: tuple[float, float, float]
    errors: Counter[str]
    load: float


def fill(folder: Path) -> list[str]:
    """Ingest simulated frames and forecast from them. Returns the issue times."""
    from datetime import UTC, datetime

    from ingest.simulation.simulate import write
    from service.archive.key import iso, to_datetime, to_time
    from service.pipeline.forecast import forecast_model
    from service.pipeline.ingest import ingest_file
    from service.runtime.deployment import Deployment
    from service.settings import Settings

    deployment = Deployment(Settings(data=folder, models=(MODEL,)))
    model, issues = deployment.forecasters.get(MODEL), []
    for path in write(folder / "radar", BEGIN, FRAMES, seed=1):
        now = datetime.now(UTC)
        arrival = ingest_file(deployment.archive, deployment.ledger, path, now)
        assert arrival.frame_time is not None
        time = to_time(arrival.frame_time)
        forecast_model(deployment.archive, deployment.ledger, model, time, now)
        issues.append(iso(to_datetime(time)))
    deployment.ledger.engine.dispose()
    return issues


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """The service on a folder of data, in a process of its own, with its output in `LOG`."""
    settings = {"NOWCAST_DATA": str(folder), "NOWCAST_MODELS": MODEL}
    command = ("-m", "service.cli", "serve", "--port", PORT)
    with (
        (folder / LOG).open("wb") as output,
        serving(*command, settings=settings, output=output) as server,
    ):
        server.wait_for("/healthz")
        yield server


def resident(server: Server) -> float:
    """Resident memory of a server in MB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


class Clients(NamedTuple):
    """Clients in a process of their own, which prints what they saw to a file."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]

    def answer(self) -> dict[str, Any]:
        """What they saw, when they have ended."""
        self.process.wait()
        self.output.seek(0)
        found: dict[str, Any] = json.load(self.output)
        return found


def ask(arguments: Sequence[str]) -> Clients:
    """Run clients in a process of their own."""
    module = "benchmarks.reliability.hostile_clients"
    output = tempfile.TemporaryFile()  # noqa: SIM115  open while the process runs
    command = [sys.executable, "-m", module, *arguments]
    return Clients(subprocess.Popen(command, stdout=output), output)


def run_clients(request: dict[str, Any]) -> dict[str, Any]:
    """Attack or read, as requested, in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, hard), hard))
    del soft
    target = Target(request["port"], time.monotonic() + request["seconds"], request["issues"])
    reads = asyncio.run(
        besiege(target, request["clients"], request["rate"], SEED, ATTACKS)
        if request["clients"]
        else besiege(target, 0, request["rate"], SEED)
    )
    return {
        "seconds": reads.seconds,
        "reads": [[*key, n] for key, n in reads.statuses.items()],
        "connections": dict(target.connections),
        "statuses": [[*key, n] for key, n in target.statuses.items()],
    }


def reads_of(answer: dict[str, Any]) -> Reads:
    """Reads as a process of clients printed them."""
    return Reads(answer["seconds"], Counter({(path, s): n for path, s, n in answer["reads"]}))


def measure(seconds: float, clients: int, rate: float) -> Outcome:
    """Read for a fifth of the time in quiet, and then under attack."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="nowcast-siege-") as directory:
        issues = fill(Path(directory))
        with running(Path(directory)) as server:
            basis = {"port": server.port, "issues": issues}
            readers = basis | {"clients": 0, "rate": rate}
            quiet = ask(["--run", json.dumps(readers | {"seconds": seconds / 5})])
            found_quiet = quiet.answer()
            before = most = resident(server)
            reading = ask(["--run", json.dumps(readers | {"seconds": seconds})])
            attack = basis | {"clients": clients, "rate": 0.1, "seconds": seconds}
            attacking = ask(["--run", json.dumps(attack)])
            while reading.process.poll() is None:
                most = max(most, resident(server))
                time.sleep(0.5)
            found = reading.answer()
            hostile = attacking.answer()
            after = resident(server)
            errors = errors_in((Path(directory) / LOG).read_text())
    statuses = Counter({(kind, status): n for kind, status, n in hostile["statuses"]})
    memory = before, most, after
    connections = Counter(hostile["connections"])
    quiet_reads, reads = reads_of(found_quiet), reads_of(found)
    return Outcome(quiet_reads, reads, connections, statuses, memory, errors, load)


def errors_in(log: str) -> Counter[str]:
    """Number of tracebacks in a log by their last line."""
    found, inside = Counter[str](), False
    for line in log.splitlines():
        if inside and not line.startswith(" "):
            found[line[:100]] += 1
        inside = "Traceback" in line or (inside and line.startswith(" "))
    return found


# report


HEADINGS = ("GET", "", "responses", "not 200", "p50, ms", "p99, ms", "longest, ms")


def rows(outcome: Outcome) -> Iterator[list[str]]:
    """A row for each path, without and under attack."""
    for path in READ_PATHS:
        for name, reads in (("alone", outcome.quiet), ("under attack", outcome.reads)):
            p50, p99, longest = np.quantile(reads.seconds[path] or [np.nan], [0.5, 0.99, 1]) * 1000
            others = (n for key, n in reads.statuses.items() if key[0] == path and key[1] != 200)
            bad = sum(others)
            number = f"{len(reads.seconds[path]):,}"
            yield [
                f"`{path}`",
                name,
                number,
                str(bad),
                *(f"{ms:.0f}" for ms in (p50, p99, longest)),
            ]


def section(outcome: Outcome, seconds: float, clients: int, rate: float) -> str:
    """What was measured, as Markdown."""
    from benchmarks.report import measured, table

    before, most, after = outcome.memory
    kinds = ", ".join(f"{kind.replace('_', ' ')} {n:,}" for kind, n in outcome.connections.items())
    answers: Counter[int] = Counter()
    for (_, status), n in outcome.statuses.items():
        answers[status] += n
    by_status = ", ".join(f"{status or 'hung up'}: {n:,}" for status, n in sorted(answers.items()))
    command = "benchmarks.reliability.hostile_clients --write docs/reliability.md"
    errors = f"{outcome.errors.total()} tracebacks"
    if outcome.errors:
        errors += f" ({'; '.join(f'{n} of `{line}`' for line, n in outcome.errors.items())})"
    others = "with no other program"
    if outcome.load >= QUIET_LOAD:
        others = (
            f"with {outcome.load:.0f} other busy processes: on a quiet machine times are shorter"
        )
    return f"""\
### Hostile clients

{measured(command, "uvicorn", "fastapi")}

{clients} clients of each of {len(ATTACKS)} kinds for {seconds:g} s from the address of the readers,
who ask {rate:g} times a second. Clients, readers and the service share the processors, {others}.

{table(HEADINGS, rows(outcome))}

Memory of the service: {before:.0f} MB before, at most {most:.0f} MB, {after:.0f} MB after.
{errors} in its log. Hostile connections: {kinds}. Their responses by status,
where they waited for one: {by_status}.
"""


def main() -> None:
    """Measure, print, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--clients", type=int, default=200, help="of each kind")
    parser.add_argument("--rate", type=float, default=100, help="reads per second")
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(run_clients(json.loads(options.run))))
        return
    outcome = measure(options.seconds, options.clients, options.rate)
    text = section(outcome, options.seconds, options.clients, options.rate)
    print(text)
    if options.write:
        from benchmarks.report import write_section

        write_section(options.write, text, NAME)


if __name__ == "__main__":
    main()
