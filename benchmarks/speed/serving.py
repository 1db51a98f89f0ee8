"""Reading a forecast over HTTP, against servers that do nothing but send it.

    python -m benchmarks.speed.serving
    python -m benchmarks.speed.serving --rounds 9 --write docs/performance.md

Three servers, each a process on one event loop of uvicorn, answer GET with the same forecast in
JSON: the service as it runs; a bare ASGI application that has the same headers and bytes in memory
and does nothing else, which is the most there can be; and a plain FastAPI handler that has the
fields as an array in memory and returns them as lists, which is what one writes first. They are
asked in turns in one run, so that whatever else the machine does slows all alike; ratios are
medians over rounds, by the clock and by the processor time of the server, which other work disturbs
less. No server logs requests.
"""

import argparse
import os
import platform
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from benchmarks.server_process import PORT, serving

SERVICE, BARE, LISTS = "service", "bare ASGI", "FastAPI, lists"
SERVERS = (BARE, SERVICE, LISTS)
CONNECTIONS = 8
RATE = 100.0
"""Requests per second where it is measured how long one takes."""
TARGETS = {BARE: 0.8, LISTS: 50.0}
"""How fast the service should be, in terms of the others."""
PATH = "/nowcasts/latest"
MODEL = "persistence"
ADDED = ("date", "server", "connection")
NAME = "reading a forecast over HTTP"


class Taken(NamedTuple):
    """What a server did in a round."""

    per_second: float
    processor: float
    """Seconds of it per request."""
    seconds: Sequence[float]
    """Of each answer, at a fixed rate."""


Rounds = Mapping[str, Sequence[Taken]]


# servers


def serve(kind: str, folder: Path, port: int) -> None:
    """Answer until killed."""
    import uvicorn

    if kind == SERVICE:
        from service.runtime.server import serve as serve_really

        opened = deployment(folder, port)
        serve_really(opened.settings, lambda: opened)
        return
    head, _, body = (folder / "answer").read_bytes().partition(b"\n\n")
    app: Any = bare(head, body) if kind == BARE else lists(body)
    uvicorn.run(app, port=port, log_level="warning", access_log=False)


def bare(head: bytes, body: bytes) -> Any:  # noqa: ANN401  an ASGI application
    """Make an ASGI application that sends a stored response."""
    headers = [tuple(line.split(b": ", 1)) for line in head.split(b"\n")]

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    return app


def lists(body: bytes) -> Any:  # noqa: ANN401
    """Make a FastAPI application that encodes a document of lists for each request."""
    import orjson
    from fastapi import FastAPI

    app, document = FastAPI(), orjson.loads(body)
    rates = np.array(document.pop("rainfall_rate"), np.float32)  # null becomes NaN

    @app.get(PATH)
    def latest() -> Any:  # noqa: ANN401
        rounded = np.round(rates.astype(float), 2).astype(object)
        rounded[np.isnan(rates)] = None
        return document | {"rainfall_rate": rounded.tolist()}

    return app


def deployment(folder: Path, port: int) -> Any:  # noqa: ANN401
    """Open a deployment in a folder."""
    from service.runtime.deployment import Deployment
    from service.settings import Settings

    return Deployment(Settings(data=folder, models=(MODEL,), port=port, access_log=False))


def fill(folder: Path) -> None:
    """A frame of simulated rain, and a forecast from it."""
    from datetime import UTC, datetime

    from ingest.simulation.simulate import write
    from service.archive.key import to_time
    from service.pipeline.forecast import forecast_model
    from service.pipeline.ingest import ingest_file

    deployed = deployment(folder, 0)
    (path,) = write(folder / "radar", np.datetime64("2025-06-21T12:35"), 1, seed=1)
    arrival = ingest_file(deployed.archive, deployed.ledger, path, datetime.now(UTC))
    assert arrival.frame_time is not None
    model, now = deployed.forecasters.get(MODEL), datetime.now(UTC)
    forecast_model(deployed.archive, deployed.ledger, model, to_time(arrival.frame_time), now)
    deployed.ledger.engine.dispose()


@contextmanager
def running(kind: str, folder: Path) -> Iterator["Client"]:
    """A server in a process of its own, and a client that asks it."""
    command = ("-m", "benchmarks.speed.serving", "--serve", kind, str(folder), PORT)
    with serving(*command) as server:
        server.wait_for(PATH)
        yield Client(server.port, server.process.pid)


# client


class Client:
    """Asks a server, over connections that are kept; threads, which mostly wait."""

    def __init__(self, port: int, process: int) -> None:
        self.port, self.process = port, process

    def connect(self) -> socket.socket:
        """A new connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def processor(self) -> float:
        """Seconds of the processor that the server has used."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def take(self, seconds: float) -> Taken:
        """As many requests as can be answered, and then some at a fixed rate."""
        before, begin = self.processor(), time.perf_counter()
        done = self.ask(seconds, pause=0.0)
        took, used = time.perf_counter() - begin, self.processor() - before
        paced = self.ask(seconds, pause=CONNECTIONS / RATE)
        return Taken(len(done) / took, used / len(done), paced)

    def ask(self, seconds: float, pause: float) -> list[float]:
        """Ask over all connections at once. Returns the seconds of each answer."""
        found: list[float] = []
        connections = [self.connect() for _ in range(CONNECTIONS)]
        end = time.perf_counter() + seconds

        def go(number: int) -> None:
            due = time.perf_counter() + pause * number / CONNECTIONS
            buffer = bytearray(2**18)
            while (begin := max(time.perf_counter(), due)) < end:
                if pause:
                    time.sleep(max(due - time.perf_counter(), 0))
                    begin = time.perf_counter()
                    due += pause
                fetch(connections[number], buffer)
                found.append(time.perf_counter() - begin)

        threads = [threading.Thread(target=go, args=[n]) for n in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for connection in connections:
            connection.close()
        return found


def fetch(connection: socket.socket, buffer: bytearray) -> None:
    """Ask once, and receive all of the answer.

    Raises:
        ValueError: It is not what it should be.
    """
    connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    first = b""
    while b"\r\n\r\n" not in first:
        piece = connection.recv(2**16)
        if not piece:
            raise ValueError("the connection ended, should be answered")
        first += piece
    head, _, body = first.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise ValueError(f"the answer is {head[:200]!r}, should be 200")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    left = int(fields[b"content-length"]) - len(body)
    while left and (received := connection.recv_into(buffer, min(left, len(buffer)))):
        left -= received
    if left:
        raise ValueError(f"the answer ended {left} bytes before its end")


def whole(url: str) -> tuple[bytes, bytes]:
    """An answer: its headers, a line each, but for those that the server itself adds; its body."""
    from urllib.request import urlopen

    with urlopen(url) as answer:
        headers = [(name.lower(), value) for name, value in answer.getheaders()]
        kept = [f"{name}: {value}" for name, value in headers if name not in ADDED]
        return "\n".join(kept).encode(), answer.read()


def measure(rounds: int, seconds: float) -> tuple[dict[str, list[Taken]], int]:
    """What each server did in each round, and how many bytes the forecast has."""
    with tempfile.TemporaryDirectory(prefix="nowcast-bench-") as directory, ExitStack() as stack:
        folder = Path(directory)
        fill(folder)
        clients = {SERVICE: stack.enter_context(running(SERVICE, folder))}
        head, body = whole(f"http://127.0.0.1:{clients[SERVICE].port}{PATH}")
        (folder / "answer").write_bytes(head + b"\n\n" + body)
        clients |= {kind: stack.enter_context(running(kind, folder)) for kind in (BARE, LISTS)}
        for client in clients.values():
            client.ask(0.2, pause=0.0)
        found: dict[str, list[Taken]] = {kind: [] for kind in SERVERS}
        for _ in range(rounds):
            for kind in SERVERS:
                found[kind].append(clients[kind].take(seconds))
    return found, len(body)


# output


def ratio(found: Rounds, other: str) -> tuple[float, float]:
    """How many times as fast as another the service is: by the clock, by processor time."""
    pairs = list(zip(found[SERVICE], found[other], strict=True))
    return (
        median(ours.per_second / theirs.per_second for ours, theirs in pairs),
        median(theirs.processor / ours.processor for ours, theirs in pairs),
    )


HEADINGS = (
    "server",
    "requests/s",
    "processor, ms each",
    "service to it, by clock",
    "by processor time",
    "should be",
    f"p50 at {RATE:g}/s, ms",
    "p99, ms",
)


def table(found: Rounds) -> str:
    """Servers as Markdown."""
    lines = [HEADINGS, ["---", *["---:"] * (len(HEADINGS) - 1)]]
    lines += [cells(found, kind) for kind in SERVERS]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells(found: Rounds, kind: str) -> list[str]:
    """Return the row of a kind of server."""
    taken = found[kind]
    clock, processor = ratio(found, kind)
    paced = [seconds for run in taken for seconds in run.seconds]
    p50, p99 = np.quantile(paced, [0.5, 0.99]) * 1000
    return [
        kind,
        f"{median(run.per_second for run in taken):,.1f}",
        f"{1000 * median(run.processor for run in taken):.2f}",
        *(["", ""] if kind == SERVICE else [f"{clock:.2f}", f"{processor:.2f}"]),
        f"{TARGETS[kind]:g}" if kind in TARGETS else "",
        f"{p50:.1f}",
        f"{p99:.1f}",
    ]


def section(found: Rounds, size: int, rounds: int) -> str:
    """What was found, as Markdown."""
    from benchmarks.report import where

    today = date.today()  # noqa: DTZ011  the day where it ran
    return f"""\
## Reading a forecast over HTTP

Written by `python -m benchmarks.speed.serving --write docs/performance.md`; no figure by hand.
{where("cpu")}, Python {platform.python_version()}, uvicorn {version("uvicorn")}, {today}.

A forecast in JSON of {size:,} bytes, over {CONNECTIONS} persistent connections; medians of
{rounds} rounds in turns. The service looks up the newest forecast four times a second and answers
other requests from its cache. The last two columns are at a rate that all but the slowest sustain;
the slowest is measured at its own rate.

{table(found)}
"""


def arguments() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each part of a round")
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Print a row for each server, and write all as a section."""
    options = arguments()
    if options.serve:
        kind, folder, port = options.serve
        serve(kind, Path(folder), int(port))
        return
    found, size = measure(options.rounds, options.seconds)
    print(table(found))
    if options.write:
        from benchmarks.report import write_section

        write_section(options.write, section(found, size, options.rounds), NAME)


if __name__ == "__main__":
    main()
