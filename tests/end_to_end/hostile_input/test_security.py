"""What strangers send over a real socket: paths out of the folder, bodies without end, clients that
never finish. No other client waits for it, and nothing is written."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from service.runtime.deployment import Deployment
from service.runtime.server import running
from service.settings import Settings
from tests.process_cluster import until
from tests.served import MODELS, connected, fill, received
from tests.state_snapshot import files_of

SECONDS = 3.0
"""What a request may take in these tests."""
SLACK = 100.0
"""How much later it may end on a busy machine."""
JSON, NETCDF = "application/json", "application/x-netcdf"
LARGE = 50 * 2**20


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("security")
    fill(folder)
    return folder


@pytest.fixture(scope="module")
def url(data: Path) -> Iterator[str]:
    """The service as it really runs, with little patience."""
    settings = Settings(
        data=data,
        models=MODELS,
        port=0,
        request_seconds=SECONDS,
        header_seconds=SECONDS,
        stall_seconds=SECONDS,
    )
    with running(Deployment(settings)) as address:
        assert httpx.get(f"{address}/nowcasts/latest", timeout=550).status_code in {200, 503}
        yield address


@pytest.fixture
def unharmed(url: str, data: Path) -> Iterator[None]:
    """After the test the service answers as before, and its folder is as it was."""
    before = {name for name in files_of(data) if not name.startswith("ledger")}
    yield
    assert answered(url, "/healthz")
    assert {name for name in files_of(data) if not name.startswith("ledger")} == before


def answered(url: str, path: str) -> bool:
    """Whether a path is answered, at the second try where the machine stops amid the first."""
    statuses = (httpx.get(f"{url}{path}", timeout=SLACK).status_code for _ in range(3))
    return 200 in statuses


PATHS = [
    "/../../../../etc/passwd",
    "/..%2f..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "//etc/passwd",
    "/page/../../settings.py",
    "/page/x/..%2f..%2f..%2fsettings.py",
    "/page/x/%2fetc%2fpasswd",
    "/page/x/....//....//etc/passwd",
    "/jobs/..%2f..%2fledger.sqlite",
    "/jobs/../../ledger.sqlite/results",
    "/nowcasts/..%2f..%2fledger.sqlite",
    "/nowcasts/latest?model=..%2f..%2fledger.sqlite",
    "/nowcasts/latest?model=%2fetc%2fpasswd",
    "/nowcasts/latest?model=file:%2f%2f%2fetc%2fpasswd",
    "/grids/forecasts/2026-06-21T23:25:00Z?model=..%2f..&version=none",
    "/grids/radar/..%2f..%2f..%2fledger.sqlite",
    "/grids/outlines/..%2f..%2fetc%2fpasswd",
    "/jobs/20260621T2330Z-..%2f..%2fx-none",
    "/jobs/20260621T2330Z-advection-none-..%2f..%2f..%2f.",
    "/jobs/20260621T2330Z-advection-none%00.nc",
    "/\\..\\..\\etc\\passwd",
    "/file:///etc/passwd",
]


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_no_path_leads_out_of_the_folder(url: str, method: str, path: str) -> None:
    with connected(url, SECONDS + SLACK) as caller:
        caller.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = received(caller)
    status = int(answer.split()[1])
    assert 400 <= status < 500, answer[:300]
    for secret in (b"root:", b"SQLite format", b"class Settings"):
        assert secret not in answer


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("kind", [JSON, NETCDF])
@pytest.mark.parametrize("pieces", [False, True])
def test_a_body_without_end_is_413(url: str, kind: str, pieces: bool) -> None:
    body = (b"x" * 2**20 for _ in range(LARGE // 2**20)) if pieces else b"x" * LARGE
    answer = httpx.post(f"{url}/nowcast", content=body, headers={"Content-Type": kind}, timeout=550)
    assert answer.status_code in {408, 413}, "408 where the machine is too busy to read it in time"
    assert answer.headers["content-type"] == "application/problem+json"


def trickle(url: str, begin: bytes, more: bytes, seconds: float) -> tuple[bytes, float]:
    """Send something, and then a little now and then: what is answered, and after how long."""
    began = time.monotonic()
    with connected(url, SECONDS + SLACK) as caller:
        caller.sendall(begin)
        caller.settimeout(0.2)
        received = b""
        while time.monotonic() - began < seconds:
            try:
                caller.sendall(more)
                piece = caller.recv(2**16)
            except TimeoutError:
                continue
            except OSError:
                break
            if not piece:
                break
            received += piece
    return received, time.monotonic() - began


HEAD = (
    b"POST /nowcast HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: %s\r\nContent-Length: 100000\r\n\r\n"
)


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("kind", [JSON.encode(), NETCDF.encode()])
def test_a_body_that_trickles_in_is_408_and_the_connection_ends(url: str, kind: bytes) -> None:
    answer, seconds = trickle(url, HEAD % kind, b" ", 3 * SECONDS + SLACK)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer.lower()
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 408
    assert SECONDS <= seconds < 3 * SECONDS + SLACK


@pytest.mark.usefixtures("unharmed")
def test_headers_that_trickle_in_are_not_waited_for(url: str) -> None:
    began = b"GET /nowcasts/latest HTTP/1.1\r\nHost: x\r\n"
    answer, seconds = trickle(url, began, b"x: y\r\n", 3 * SECONDS + SLACK)
    assert answer == b""
    assert seconds < 3 * SECONDS + SLACK


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("sent", [b"", b"GET"])
def test_who_connects_and_says_nothing_is_not_waited_for(url: str, sent: bytes) -> None:
    with connected(url, SECONDS + SLACK) as caller:
        caller.sendall(sent)
        assert received(caller) == b""


def is_taken(caller: socket.socket) -> bool:
    """Whether a process has the other end of a connection, as Linux lists it."""
    port = f":{caller.getsockname()[1]:04X}"
    ends = map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(
        remote.endswith(port) and inode != "0"
        for _, _, remote, *_, inode in (end[:10] for end in ends)
    )


@pytest.mark.usefixtures("unharmed")
def test_who_does_not_take_the_answer_is_not_waited_for(url: str) -> None:
    with socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        there = httpx.URL(url)
        caller.settimeout(SECONDS + SLACK)
        caller.connect((there.host, there.port or 80))
        question = b"GET /grids/outlines/sphere HTTP/1.1\r\nHost: x\r\n\r\n"
        caller.sendall(question * 40)
        assert caller.recv(1), "the server begins to answer"
        until(lambda: not is_taken(caller), SLACK, "the server gives the connection up")
        answer = received(caller)
    headers = {"Accept-Encoding": ""}
    whole = httpx.get(f"{url}/grids/outlines/sphere", headers=headers, timeout=SLACK)
    size = len(whole.content)
    assert len(answer) < 40 * size


@pytest.mark.usefixtures("unharmed")
def test_many_who_never_finish_keep_nobody_waiting(url: str) -> None:
    callers = [connected(url, SECONDS + SLACK) for _ in range(100)]
    for number, caller in enumerate(callers):
        caller.sendall(b"GET / HTTP/1.1\r\n" if number % 2 else HEAD % NETCDF.encode())
    try:
        for _ in range(5):
            assert answered(url, "/nowcasts/latest")
    finally:
        for caller in callers:
            caller.close()


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize(
    "body",
    [
        b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 400,
        b"CDF\x01" + b"\xff" * 5000,
        b"CDF\x05" + b"\0" * 100_000,
        b"",
        b"\0" * 2_000_000,
    ],
    ids=["hdf5", "classic", "cdf5", "empty", "zeros"],
)
def test_a_file_that_is_none_is_refused(url: str, body: bytes) -> None:
    def send(_: int) -> int:
        headers = {"Content-Type": NETCDF}
        return httpx.post(f"{url}/nowcast", content=body, headers=headers, timeout=550).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(send, range(4))) <= {422, 503}


def test_an_api_on_an_open_address_without_keys_does_not_start(data: Path) -> None:
    command = [sys.executable, "-m", "service.cli", "serve", "--host", "0.0.0.0", "--port", "0"]
    done = subprocess.run(
        [*command, "--data", data], capture_output=True, text=True, timeout=550, check=False
    )
    assert done.returncode == 2
    assert "nowcast key NAME" in " ".join(done.stderr.split())
