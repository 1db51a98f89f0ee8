"""Answers of the service before it had OGC API EDR and map layers, beside those of today.

    git worktree add --detach ../before 24d2100
    python -m benchmarks.speed.served.before ../before
    python -m benchmarks.speed.served.before ../before --write docs/performance.md

The last commit before OGC API EDR, map layers and content codings serves simulated radar and
forecasts from its own checkout, in this Python. The service of today runs at the same time, and
both are asked for the same by turns, so that whatever else the machine does slows both alike. An
answer that did not exist then has no figures before. Takes about three minutes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.report import measured, table, write_section
from benchmarks.server_process import PORT, serving
from benchmarks.speed.served.answers import (
    FRAMES,
    ISSUES,
    MODELS,
    MOST,
    every_request,
    frame_times,
    service,
)
from benchmarks.speed.served.timed_requests import Answers, Client, Request

COMMIT = "24d2100"
"""The last commit before OGC API EDR, map layers and content codings."""
BROWSER = "gzip, deflate, br, zstd"
"""Content codings that a browser accepts."""
NAME = "answers before and now"
NONE = "none"
TURNS = 4
SAME = (
    "POST /nowcast", "position, CoverageJSON", "latest nowcast, JSON", "latest nowcast, netCDF",
    "latest nowcast, PNG",
    "latest nowcast, one lead, JSON", "verification", "map page, HTML", "health", "readiness",
    "overview of the map page", "metrics", "OpenAPI document", "outlines of the map page",
)  # fmt: skip
"""Answers that existed before at the same address."""

Pair = tuple[Answers | None, Answers]
"""An answer before, None where there was none, and now."""


@contextmanager
def former_service(checkout: Path) -> Iterator[int]:
    """The service of a checkout, with radar, forecasts and scores of its own. Yields its port."""
    with tempfile.TemporaryDirectory(prefix="nowcast-bench-") as folder:
        environment = {
            "PYTHONPATH": str(checkout.resolve()),
            "NOWCAST_DATA": folder,
            "NOWCAST_MODELS": ",".join(MODELS),
        }
        command = ("-P", "-m", "service.cli")  # -P: not the service of the working directory
        fill(lambda *words: run(environment, *command, *words), f"{folder}/radar")
        with serving(*command, "serve", "--port", PORT, settings=environment) as server:
            server.wait_for("/readyz")
            yield server.port


def run(environment: Mapping[str, str], *words: str) -> None:
    """Run Python until its end.

    Raises:
        CalledProcessError: It has failed.
    """
    command = [sys.executable, *words]
    subprocess.run(command, env={**os.environ, **environment}, check=True, stdout=sys.stderr)


def fill(command: Callable[..., None], folder: str) -> None:
    """Radar until now, forecasts from it and their verification, by the command line."""
    times = frame_times(datetime.now(UTC))
    command("simulate", folder, "--frames", str(FRAMES), "--start", f"{times[0]:%Y-%m-%dT%H:%MZ}")
    command("ingest", folder, "--quiet")
    for issue in ISSUES:
        for model in MODELS:
            issue_time = f"{times[issue]:%Y-%m-%dT%H:%MZ}"
            command("forecast", "--model", model, "--issue", issue_time)
    command("verify")


def former_requests(
    requests: Sequence[Request], document: Callable[[str], Any]
) -> dict[str, Request]:
    """What asked for the same before, by the name of the answer.

    Args:
        requests: All that are measured now.
        document: Gives the document of the former service at a path.
    """
    found = {request.name: request for request in requests if request.name in SAME}
    frame = document("/grids/latest")["radar"]["times"][-1]
    issue = document("/nowcasts/latest")["issue_time"]
    moved = {
        "radar of the map page": [f"/grids/radar/{frame}"],
        "forecast of the map page": [f"/grids/forecasts/{issue}"],
    }
    return found | {name: Request(name, paths) for name, paths in moved.items()}


def compare(
    then: int, now: int, former: Mapping[str, Request], requests: Sequence[Request], seconds: float
) -> list[Pair]:
    """Both services asked by turns.

    Args:
        then: Port of the former service.
        now: Port of that of today.
        former: Requests to the former service by name.
        requests: Those to that of today.
        seconds: At most, of each kind and service.
    """
    found: list[Pair] = []
    for request in requests:
        before: list[Answers] = []
        after: list[Answers] = []
        for _ in range(TURNS):
            if request.name in former:
                before.append(one_turn(then, former[request.name], seconds))
            after.append(one_turn(now, request, seconds))
        found.append((combined(before) if before else None, combined(after)))
    return found


def one_turn(port: int, request: Request, seconds: float) -> Answers:
    """Answers to one kind of request in one turn, over a connection of its own.

    A service closes connections that are idle while the other one is asked.
    """
    with closing(Client(port)) as client:
        return client.measure(request, seconds / TURNS, MOST // TURNS, (BROWSER,))


def combined(turns: Sequence[Answers]) -> Answers:
    """Answers to the same request in several turns, with the sizes of the first."""
    seconds = [second for turn in turns for second in turn.seconds]
    return turns[0]._replace(seconds=seconds)


def section(pairs: Sequence[Pair], commit: str) -> str:
    """What was found, as Markdown."""
    about = measured(
        "benchmarks.speed.served.before ../before --write docs/performance.md", "uvicorn"
    )
    headings = (
        "answer", "bytes before", "now", "p50 before, ms", "now", "p99 before, ms", "now",
    )  # fmt: skip
    rows = [[now.name, *between(figures(before), figures(now))] for before, now in pairs]
    return f"""\
## Answers before and now

{about}

{table(headings, rows)}

Before is commit {commit}, the last one in which OGC API EDR was no more than the query of a
position, without map layers and content codings of documents. It runs with the same versions of
packages. "{NONE}": there was no such answer. Bytes on the wire for a client that accepts what a
browser does ({BROWSER}); times without content coding. Both services run at the same time and are
asked by turns, one request after the other over one connection. Documents such as metrics and that
of OpenAPI have grown with what they describe.
"""


def figures(answers: Answers | None) -> list[str]:
    """Bytes, median and 99th percentile."""
    if answers is None:
        return [NONE] * 3
    return [f"{answers.sizes[BROWSER]:,}", *answers.quantiles()]


def between(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """Figures by turns."""
    return [figure for pair in zip(before, now, strict=True) for figure in pair]


def commit_of(checkout: Path) -> str:
    """The commit of a checkout.

    Raises:
        ValueError: It is not the one before.
    """
    words = ["git", "-C", str(checkout), "rev-parse", "--short=7", "HEAD"]
    commit = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    if commit != COMMIT:
        raise ValueError(
            f"{checkout} is at commit {commit}, should be at {COMMIT}: "
            f"git worktree add --detach {checkout} {COMMIT}"
        )
    return commit


def measure(checkout: Path, seconds: float) -> list[Pair]:
    """Answers of each kind, before and now."""
    with former_service(checkout) as former_port, service() as port:
        with closing(Client(former_port)) as then, closing(Client(port)) as now:
            requests = every_request(now.document)
            former = former_requests(requests, then.document)
        return compare(former_port, port, former, requests, seconds)


def main() -> None:
    """Print the table, and write it as a section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path, help=f"a checkout of commit {COMMIT}")
    parser.add_argument("--seconds", type=float, default=1.2, help="at most, of each kind")
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    options = parser.parse_args()
    commit = commit_of(options.checkout)
    text = section(measure(options.checkout, options.seconds), commit)
    print(text)
    if options.write:
        write_section(options.write, text, NAME)


if __name__ == "__main__":
    main()
