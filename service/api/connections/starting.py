"""The application until the service is loaded: the map page, which says what is being prepared.

It listens a second after the start, while loading the libraries of radar takes several seconds of
processor time, and minutes on a busy machine. Other requests wait for it, as if the connection took
long: few clients ask again after a 503, and those that try whether the port is open take any
response for a sign that the service is there.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.api.connections.problem_document import MEDIA as PROBLEM
from service.api.connections.problem_document import problem_document
from service.api.page import site

if TYPE_CHECKING:
    from service.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

LOADING, OPENING = "loading", "opening"
"""Steps of the start, which the page names: loading libraries; opening the archive and ledger."""
DETAILS = {
    LOADING: "the libraries that read radar are being loaded; try again in seconds",
    OPENING: "the archive and the ledger are being opened; try again in seconds",
}
PREFIX = "/page/"
WAIT_SECONDS = 300.0
"""Time that a request waits for the application."""
CHECK_SECONDS = 0.5
"""Time between looks at whether the service ends."""
MOST_WAITING = 1000
"""Requests that wait for the application; more are refused."""
NO_WAIT = b"wait=0"
"""In `Prefer` (RFC 7240): do not wait, but say what is being prepared."""


class StartingApp:
    """Answers with the page and its files; any other request waits for the application.

    With `Prefer: wait=0`, as the page asks, it is 503 with what is being prepared; so it is after
    `WAIT_SECONDS`, where more than `MOST_WAITING` wait, and when the service ends.

    From `use` on, it passes everything to the application.

    Args:
        settings: Who may show the page in a frame.
        has_ended: Whether the server ends.

    Attributes:
        step: What is being prepared, of `DETAILS`.
        waiting: Number of requests that wait for the application.
    """

    def __init__(self, settings: "Settings", has_ended: Callable[[], bool] = lambda: False) -> None:
        self.step = LOADING
        self._has_ended = has_ended
        self.waiting = 0
        self._in_use = asyncio.Event()
        self._headers = site.page_headers(settings)
        self._site = site.site()
        self._app: App | None = None
        self._lifespan: Lifespan | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listening = threading.Event()

    def use(self, app: App, seconds: float) -> None:
        """Start an application, and pass everything to it from now on. Called from any thread.

        Args:
            app: The application.
            seconds: Time it has to start, and the server to listen, in s.

        Raises:
            TimeoutError: The server does not listen in time.
            RuntimeError: The application does not start.
        """
        if not self._listening.wait(seconds) or self._loop is None:
            raise TimeoutError("the HTTP server does not listen")
        asyncio.run_coroutine_threadsafe(self._use(app), self._loop).result(seconds)

    async def _use(self, app: App) -> None:
        lifespan = Lifespan(app)
        await lifespan.change("startup")
        self._lifespan, self._app = lifespan, app
        self._in_use.set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)
            return
        if self._app is None and self._waits(scope):
            await self._wait()
        if self._app is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, send)

    def _waits(self, scope: Message) -> bool:
        """Whether a request waits for the application."""
        headers = scope.get("headers", ())
        is_asked_not_to = any(name == b"prefer" and NO_WAIT in value for name, value in headers)
        return (
            not is_asked_not_to and self.waiting < MOST_WAITING and self._page_file(scope) is None
        )

    async def _wait(self) -> None:
        """Wait until the application is there, or the service ends."""
        until = time.monotonic() + WAIT_SECONDS
        self.waiting += 1
        try:
            while not self._in_use.is_set() and not self._has_ended() and time.monotonic() < until:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._in_use.wait(), CHECK_SECONDS)
        finally:
            self.waiting -= 1

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._loop = asyncio.get_running_loop()
        await send({"type": "lifespan.startup.complete"})
        self._listening.set()
        await receive()
        if self._lifespan is not None:
            await self._lifespan.change("shutdown")
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Message, send: Send) -> None:
        path, name = scope["path"], self._page_file(scope)
        if name is not None:
            is_index = name == site.INDEX
            headers = self._headers | {
                "Content-Type": f"{site.MEDIA[Path(name).suffix]}; charset=utf-8",
                "Cache-Control": "no-cache",
            }
            content = self._site.html if is_index else self._site.files[name]
            await respond(send, 200, headers, content)
        else:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            title, detail = "The service is starting", DETAILS[self.step]
            body = problem_document(path, status, "Starting", title, detail, step=self.step)
            headers = {"Content-Type": PROBLEM, "Cache-Control": "no-store", "Retry-After": "2"}
            await respond(send, status, headers, body)

    def _page_file(self, scope: Message) -> str | None:
        """Name of the file of the page that a request asks for; None where it is none.

        A client that does not name HTML asks `/` for the links of the API.
        """
        headers = scope.get("headers", ())
        is_program = not any(name == b"accept" and b"text/html" in value for name, value in headers)
        if scope.get("method") not in ("GET", "HEAD") or (scope["path"] == "/" and is_program):
            return None
        return self._file_name(scope["path"])

    def _file_name(self, path: str) -> str | None:
        """Name of the file of the page at a path; None where there is none."""
        if path == "/":
            return site.INDEX
        digest, _, name = path.removeprefix(PREFIX).partition("/")
        page = self._site
        is_file = path.startswith(PREFIX) and digest == page.digest and name in page.files
        return name if is_file else None


async def respond(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    """Send a complete response."""
    fields = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", **headers}
    fields["Content-Length"] = str(len(body))
    raw = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": int(status), "headers": raw})
    await send({"type": "http.response.body", "body": body})


class Lifespan:
    """Start and end of an application, by the lifespan protocol of ASGI."""

    def __init__(self, app: App) -> None:
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        self._task = asyncio.ensure_future(app(scope, self._events.get, self._answers.put))

    async def change(self, event: str) -> None:
        """Start or end the application.

        Args:
            event: `startup` or `shutdown`.

        Raises:
            RuntimeError: It fails.
        """
        await self._events.put({"type": f"lifespan.{event}"})
        answer = await self._answers.get()
        if answer["type"] != f"lifespan.{event}.complete":
            raise RuntimeError(f"the application failed at its {event}: {answer.get('message')}")
