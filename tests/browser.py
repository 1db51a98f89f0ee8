"""A real browser, and a real server for it in the test's own process."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from service.runtime.server import wait_until_started

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 300_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with a profile of its own; the test is skipped where there is none."""
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM}, which is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The application answering in a thread, on a free port; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        wait_until_started(server, lambda: not thread.is_alive())
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(300)


class Watched:
    """A page of which it is noted what went wrong and what was asked of whom."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("console", self.note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.set_default_timeout(PATIENCE_MS)

    def note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def until(self, script: str) -> Any:
        """What a script (an expression) says, once it says something true.

        By evaluation from outside: the page's policy forbids evaluating text inside.
        """
        for _ in range(PATIENCE_MS // 25):
            if found := self.page.evaluate(script):
                return found
            self.page.wait_for_timeout(25)
        raise AssertionError(f"not within {PATIENCE_MS} ms: {script}")

    def until_text(self, selector: str, text: str) -> None:
        """Wait until an element has a text."""
        shown = f"document.querySelector({json.dumps(selector)})?.innerText"
        self.until(f"({shown} ?? '').includes({json.dumps(text)})")

    def until_painted(self) -> None:
        """Wait until all is drawn that follows from what has happened so far."""
        self.page.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def until_error(self, word: str) -> None:
        """Wait until an error with a word is logged."""
        for _ in range(PATIENCE_MS // 25):
            if any(word in error for error in self.errors):
                return
            self.page.wait_for_timeout(25)
        raise AssertionError(f"not among the errors: {word}; {self.errors}")

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()
