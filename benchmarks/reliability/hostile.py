"""Hostile clients of an HTTP server, each kind a coroutine that repeats one attack, and readers.

The attacks are drawn from a seed, so that a run can be repeated.
"""

import asyncio
import gzip
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache

READERS = 8
"""Connections over which the readers ask."""
READ_PATHS = ("/nowcasts/latest", "/healthz")
PIECE = b"a" * 2**16
HEAD = b"POST /nowcast HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n"
JSON = HEAD % b"application/json"


@dataclass
class Target:
    """The server under attack.

    Attributes:
        port: Its port on this machine.
        end: Monotonic time in s at which the attack ends.
        issues: Issue times of its forecasts, as in URLs.
        connections: Number of connections opened by kind.
        statuses: Number of responses by kind and status; 0 where it hung up.
    """

    port: int
    end: float
    issues: Sequence[str]
    connections: Counter[str] = field(default_factory=Counter)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    @property
    def is_over(self) -> bool:
        """Whether the attack has ended."""
        return time.monotonic() >= self.end

    async def connect(self, kind: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection."""
        self.connections[kind] += 1
        return await asyncio.open_connection("127.0.0.1", self.port)


Attack = Callable[
    [Target, asyncio.StreamReader, asyncio.StreamWriter, random.Random], Awaitable[None]
]


def get(path: str) -> bytes:
    """A GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


async def endlessly(writer: asyncio.StreamWriter, target: Target, *pieces: bytes) -> None:
    """Send pieces again and again until the server hangs up."""
    while not target.is_over and not writer.transport.is_closing():
        for piece in pieces:
            writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)


async def trickle(writer: asyncio.StreamWriter, target: Target, piece: bytes) -> None:
    """Send a piece every second until the server hangs up."""
    while not target.is_over and not writer.transport.is_closing():
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(1)


async def silent(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Connect and send nothing."""
    del target, writer, draw
    await reader.read()


async def slow_headers(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Send a header every second."""
    del reader, draw
    writer.write(b"GET / HTTP/1.1\r\n")
    await trickle(writer, target, b"x: y\r\n")


async def endless_headers(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Send headers without end."""
    del reader, draw
    writer.write(b"GET / HTTP/1.1\r\n")
    await endlessly(writer, target, b"x: ", PIECE, b"\r\n")


async def endless_url(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Send a URL without end."""
    del reader, draw
    writer.write(b"GET /")
    await endlessly(writer, target, PIECE)


async def slow_body(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Send a byte of a body every second."""
    del reader, draw
    writer.write(JSON + b"Content-Length: 100000\r\n\r\n")
    await trickle(writer, target, b" ")


async def endless_body(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Send a body in chunks without end."""
    del reader, draw
    writer.write(JSON + b"Transfer-Encoding: chunked\r\n\r\n")
    await endlessly(writer, target, b"10000\r\n", PIECE, b"\r\n")


async def endless_trailers(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Send trailers without end."""
    del reader, draw
    writer.write(JSON + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
    await endlessly(writer, target, b"x: ", PIECE, b"\r\n")


async def slow_reader(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Ask for forecasts and do not read them."""
    del reader
    reading = writer.transport
    reading.pause_reading()  # type: ignore[attr-defined]
    for _ in range(20):
        writer.write(get(f"/nowcasts/{draw.choice(target.issues)}?model=persistence"))
    await trickle(writer, target, b"")


async def hang_up(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Hang up in the middle of a body."""
    del target, reader
    writer.write(JSON + b"Content-Length: 50\r\n\r\n{")
    await writer.drain()
    await asyncio.sleep(draw.uniform(0, 0.5))


async def nonsense(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Send bytes that are no HTTP."""
    writer.write(draw.randbytes(1000))
    await note(target, "nonsense", reader)


async def pipelined(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Send thousands of requests without waiting for a response."""
    del draw
    writer.write(get("/grids/latest") * 2000)
    await note(target, "pipelined", reader)


async def pictures(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Ask for pictures of forecasts, each of an area of its own."""
    issue, west = draw.choice(target.issues), draw.uniform(5, 9)
    area = f"bbox={west:.4f},47,15,55&lead=30&width=1024&height=1024"
    writer.write(get(f"/nowcasts/{issue}?model=persistence&f=png&{area}"))
    await note(target, "pictures", reader)


async def maps(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Ask for the largest pictures of the radar, each of an area of its own."""
    area = f"bbox={draw.uniform(5, 9):.4f},47,15,55&width=2048&height=2048"
    writer.write(get(f"/maps/radar.png?{area}"))
    await note(target, "maps", reader)


async def areas(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Ask for the values in large areas, each another."""
    west = draw.uniform(5, 7)
    ring = f"{west:.4f}%2047,15%2047,15%2055,{west:.4f}%2055,{west:.4f}%2047"
    writer.write(get(f"/collections/nowcast/area?coords=POLYGON(({ring}))"))
    await note(target, "areas", reader)


async def verification(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Ask for verification over long periods, each another."""
    second = draw.randrange(86400)
    begin = f"2025-06-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"
    writer.write(get(f"/verification?from={begin}&to=2025-07-01T00:00:00Z"))
    await note(target, "verification", reader)


async def uploads(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Upload frames of random rain."""
    rates = [[[round(draw.random(), 2)] * 32 for _ in range(32)] for _ in range(2)]
    axis = [1000.0 * cell for cell in range(32)]
    grid = {"x": axis, "y": axis[::-1], "projection": "EPSG:3035"}
    times = ["2025-06-21T12:00:00Z", "2025-06-21T12:05:00Z"]
    frames = {"times": times, "rainfall_rate": rates, "grid": grid}
    body = json.dumps({"model": "persistence", "frames": frames}).encode()
    writer.write(JSON + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await note(target, "uploads", reader)


async def packed_bodies(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Upload a body that unpacks to a thousand times its size."""
    del draw
    body = bomb()
    writer.write(JSON + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await note(target, "packed_bodies", reader)


@cache
def bomb() -> bytes:
    """64 MB of zeros, packed."""
    return gzip.compress(bytes(2**26))


async def idempotency_keys(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
) -> None:
    """Ask for a forecast that exists, with another Idempotency-Key each time."""
    key = draw.randbytes(50).hex().encode()
    for _ in range(10):
        writer.write(JSON + b"Idempotency-Key: " + key + b"\r\nContent-Length: 2\r\n\r\n{}")
    await note(target, "idempotency_keys", reader)


ATTACKS: tuple[Attack, ...] = (
    silent,
    slow_headers,
    endless_headers,
    endless_url,
    slow_body,
    endless_body,
    endless_trailers,
    slow_reader,
    hang_up,
    nonsense,
    pipelined,
    pictures,
    maps,
    areas,
    verification,
    uploads,
    packed_bodies,
    idempotency_keys,
)
"""All kinds of hostile clients."""


async def note(target: Target, kind: str, reader: asyncio.StreamReader) -> None:
    """Note the status of a response and read on for a moment."""
    line = await asyncio.wait_for(reader.readline(), 70)
    target.statuses[kind, int(line.split()[1]) if line.startswith(b"HTTP/1.1 ") else 0] += 1
    with suppress(TimeoutError):
        await asyncio.wait_for(reader.read(2**20), 0.2)


async def attack_repeatedly(target: Target, attack: Attack, seed: int) -> None:
    """Repeat an attack over a new connection each time the last one ends."""
    draw, kind = random.Random(seed), getattr(attack, "__name__", "attack")
    while not target.is_over:
        writer: asyncio.StreamWriter | None = None
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            reader, writer = await target.connect(kind)
            left = max(target.end - time.monotonic(), 0.01)
            await asyncio.wait_for(attack(target, reader, writer, draw), left)
        if writer is not None:
            writer.transport.abort()
        await asyncio.sleep(draw.uniform(0.1, 0.5))


@dataclass
class Reads:
    """What the readers received.

    Attributes:
        seconds: Seconds of each response by path.
        statuses: Number of responses by path and status; 0 where the connection ended.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: {p: [] for p in READ_PATHS})
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)


async def read_repeatedly(target: Target, reads: Reads, number: int, pause: float) -> None:
    """Ask in turn for the newest forecast and for the health, at a fixed rate."""
    await asyncio.sleep(pause * number / READERS)
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    due, turn = time.monotonic(), number
    while not target.is_over:
        path, turn = READ_PATHS[turn % len(READ_PATHS)], turn + 1
        begin = time.monotonic()
        try:
            if streams is None:
                streams = await asyncio.open_connection("127.0.0.1", target.port)
            reader, writer = streams
            writer.write(get(path))
            reads.statuses[path, await response(reader)] += 1
            reads.seconds[path].append(time.monotonic() - begin)
        except (OSError, asyncio.IncompleteReadError):
            reads.statuses[path, 0] += 1
            streams = None
        due += pause
        await asyncio.sleep(max(due - time.monotonic(), 0))
    if streams is not None:
        streams[1].close()


async def response(reader: asyncio.StreamReader) -> int:
    """Read a response. Returns its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    await reader.readexactly(int(fields["content-length"]))
    return int(head.split()[1])


async def besiege(
    target: Target, clients: int, rate: float, seed: int, attacks: Sequence[Attack] = ATTACKS
) -> Reads:
    """Attack a server with some clients of each kind, while others read at a rate per second."""
    reads = Reads()
    readers = [read_repeatedly(target, reads, n, READERS / rate) for n in range(READERS)]
    attackers = [
        attack_repeatedly(target, attack, seed + 1000 * kind + n)
        for kind, attack in enumerate(attacks)
        for n in range(clients)
    ]
    await asyncio.gather(*readers, *attackers)
    return reads
