"""DWD's server in small: files and their listing over HTTP, with the faults of a real one."""

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote

CONDITIONS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}

Fault = Callable[["Handler", bytes], None]
"""What answers a request for a file of these bytes in the place of a 200 with them."""


class Request(NamedTuple):
    path: str
    status: int


class Provider:
    """What the server has and does; a test changes it at any time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: dict[str, bytes] = {}
        """By path below the root."""
        self.outage: Fault | None = None
        """What answers every request as long as it is there."""
        self.faults: dict[str, deque[Fault]] = {}
        """By path: one for each request to come, then the file is sent."""
        self.unlisted: set[str] = set()
        """Paths that the listing does not show yet."""
        self.listed: set[str] = set()
        """Paths that the listing shows too, though there is no file yet."""
        self.lists = True
        """Whether there is a listing."""
        self.version = "ETag"
        """How it tells one version of a file from another; or by Last-Modified."""
        self.requests: list[Request] = []
        self.at_once = self.most_at_once = 0
        """Requests that wait for an answer."""
        self.lock = threading.Lock()

    def fault(self, path: str, *faults: Fault) -> None:
        self.faults.setdefault(path, deque()).extend(faults)

    def asked(self, path: str) -> list[int]:
        """Statuses of the answers for a path, in order, whole or broken off."""
        return [request.status for request in self.requests if request.path == path]

    def page(self, folder: str) -> bytes:
        there = (set(self.files) | self.listed) - self.unlisted
        names = sorted(p.removeprefix(folder) for p in there if p.startswith(folder))
        rows = "\n".join(
            f'<a href="{name}">{name[:20]}..&gt;</a>  20-Nov-2026 08:04   40K' for name in names
        )
        return (
            '<html><h1>Index</h1><pre><a href="?C=N;O=D">Name</a> <a href="?C=S;O=A">Size</a>\n'
            f'<a href="/weather/">Parent Directory</a>\n<a href="content.log.bz2">content</a>\n'
            f"{rows}\n</pre></html>"
        ).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    provider: Provider

    def do_GET(self) -> None:
        provider, path = self.provider, unquote(self.path).removeprefix("/")
        with provider.lock:
            self.waits = True
            provider.at_once += 1
            provider.most_at_once = max(provider.most_at_once, provider.at_once)
            waiting = provider.faults.get(path)
            fault = provider.outage or (waiting.popleft() if waiting else send)
        try:
            if path.endswith("/"):
                data = provider.page(path) if provider.lists else None
            else:
                data = provider.files.get(path)
            if data is None and fault is send:
                refuse(404)(self, b"")
            else:
                fault(self, data or b"")
        except OSError:  # the client has had enough
            self.close_connection = True
        finally:
            self.end_wait()

    def end_wait(self) -> None:
        """The client waits no longer for an answer: it may ask for the next file."""
        with self.provider.lock:
            self.provider.at_once -= self.waits
            self.waits = False

    def start(self, status: int, headers: dict[str, str]) -> None:
        self.end_wait()
        self.provider.requests.append(Request(unquote(self.path).removeprefix("/"), status))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


def send(handler: Handler, data: bytes) -> None:
    """The file, unless the client has it."""
    header = handler.provider.version
    digest = hashlib.sha256(data).hexdigest()[:7]
    version = {"ETag": f'"{digest}"', "Last-Modified": formatdate(int(digest, 16), usegmt=True)}
    about = {header: version[header]}
    if handler.headers[CONDITIONS[header]] == version[header]:
        handler.start(304, about)
    else:
        handler.start(200, about | {"Content-Length": str(len(data))})
        handler.wfile.write(data)


def slow(handler: Handler, data: bytes) -> None:
    """The file, after a while."""
    threading.Event().wait(0.1)
    send(handler, data)


def refuse(status: int, **headers: str) -> Fault:
    """Another status, with a page that says so."""

    def answer(handler: Handler, data: bytes) -> None:
        del data
        page = f"<html>{status}</html>".encode()
        handler.start(status, headers | {"Content-Length": str(len(page))})
        handler.wfile.write(page)

    return answer


def cut(handler: Handler, data: bytes) -> None:
    """Half of the file, then the connection breaks."""
    handler.start(200, {"Content-Length": str(len(data))})
    handler.wfile.write(data[: len(data) // 2])
    handler.close_connection = True


def half(handler: Handler, data: bytes) -> None:
    """Half of the file as if it were all of it."""
    send(handler, data[: len(data) // 2])


def other(body: bytes) -> Fault:
    """Another body, as if it were the file."""
    return lambda handler, data: send(handler, body)


def drip(seconds: float) -> Fault:
    """A byte now and then, for ever."""

    def answer(handler: Handler, data: bytes) -> None:
        handler.start(200, {"Content-Length": str(len(data))})
        pause = threading.Event()
        for place in range(200):
            handler.wfile.write(data[place : place + 1])
            handler.wfile.flush()
            pause.wait(seconds)
        handler.close_connection = True

    return answer


def stall(seconds: float) -> Fault:
    """Nothing, then the connection breaks."""

    def answer(handler: Handler, data: bytes) -> None:
        del data
        threading.Event().wait(seconds)
        handler.close_connection = True

    return answer


@contextmanager
def provider() -> Iterator[Provider]:
    """A server on a free port of this machine."""

    class Bound(Handler):
        pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up is none."""

    server = Server(("127.0.0.1", 0), Bound)
    Bound.provider = Provider(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Bound.provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
