"""The application until the service is loaded: the map page, which says what is being prepared.

It listens a second after the start, while loading PyTorch and the libraries of radar takes several
seconds of processor time, and minutes on a busy machine.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, MutableMapping
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
    LOADING: "PyTorch and the libraries that read radar are being loaded; try again in seconds",
    OPENING: "the archive and the ledger are being opened; try again in seconds",
}
PREFIX = "/page/"


class StartingApp:
    """Answers with the page and its files; anything else is 503 with what is being prepared.

    So is `/healthz`: once it answers 200, any request is answered.

    From `use` on, it passes everything to the application.

    Args:
        settings: Who may show the page in a frame.

    Attributes:
        step: What is being prepared, of `DETAILS`.
    """

    def __init__(self, settings: "Settings") -> None:
        self.step = LOADING
        self._headers = site.page_headers(settings)
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

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, send)

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
        path = scope["path"]
        name = self._file_name(path) if scope["method"] in ("GET", "HEAD") else None
        if name is not None:
            is_index = name == site.INDEX
            headers = self._headers | {
                "Content-Type": f"{site.MEDIA[Path(name).suffix]}; charset=utf-8",
                "Cache-Control": "no-cache",
            }
            page = site.site()
            await respond(send, 200, headers, page.html if is_index else page.files[name])
        else:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            title, detail = "The service is starting", DETAILS[self.step]
            body = problem_document(path, status, "Starting", title, detail, step=self.step)
            headers = {"Content-Type": PROBLEM, "Cache-Control": "no-store", "Retry-After": "2"}
            await respond(send, status, headers, body)

    @staticmethod
    def _file_name(path: str) -> str | None:
        """Name of the file of the page at a path; None where there is none."""
        if path == "/":
            return site.INDEX
        digest, _, name = path.removeprefix(PREFIX).partition("/")
        page = site.site()
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
