"""Many clients at once, in a process of their own.

    python -m tests.load_client PORT SECONDS CLIENTS RATE

Each client asks in turn for a forecast (POST /nowcast) and for the newest one (GET), over a
connection that it keeps. Prints one JSON object: seconds of each answer by kind, and statuses.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from typing import Any

POST = (
    b"POST /nowcast HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Prefer: wait=20\r\nContent-Length: 2\r\n\r\n{}"
)
GET = b"GET /nowcasts/latest HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n"


class Crowd:
    """What the clients saw."""

    def __init__(self, port: int, seconds: float, clients: int, rate: float) -> None:
        self.port, self.clients = port, clients
        self.pause, self.end = clients / rate, time.monotonic() + seconds
        self.seconds: dict[str, list[float]] = {"ask": [], "read": []}
        self.statuses: dict[str, Counter[int]] = {"ask": Counter(), "read": Counter()}
        self.problems: Counter[str] = Counter()

    async def run(self) -> dict[str, Any]:
        await asyncio.gather(*(self.client(number) for number in range(self.clients)))
        return {
            "seconds": self.seconds,
            "statuses": {kind: dict(found) for kind, found in self.statuses.items()},
            "problems": dict(self.problems),
        }

    async def client(self, number: int) -> None:
        draw = random.Random(number)
        await asyncio.sleep(draw.uniform(0, self.pause))
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        due = time.monotonic()
        turn = number
        while time.monotonic() < self.end:
            # one in ten asks, the others read what is there
            kind, request = ("ask", POST) if turn % 10 == 0 else ("read", GET)
            began = time.monotonic()
            writer.write(request)
            status, body = await answer(reader)
            self.seconds[kind].append(time.monotonic() - began)
            self.statuses[kind][status] += 1
            if status >= 400:
                self.problems[body[:300].decode(errors="replace")] += 1
            turn += 1
            due = max(due + self.pause, time.monotonic() - self.pause)
            await asyncio.sleep(max(due - time.monotonic(), 0))
        writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of an answer that says how long it is."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    return int(head.split()[1]), await reader.readexactly(int(fields["content-length"]))


if __name__ == "__main__":
    port, seconds, clients, rate = (float(word) for word in sys.argv[1:])
    crowd = Crowd(int(port), seconds, int(clients), rate)
    print(json.dumps(asyncio.run(crowd.run())))
