"""A browser, and a service on an event, shared by all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from ingest import to_model_grid
from ingest.grid import NATIONAL_SPHERE
from ingest.precipitation import INTERVAL, SIMULATED, make
from ingest.simulation.simulate import simulate
from model_zoo import load_forecaster
from service.api.app import create_app
from service.archive.archive import Archive
from service.ledger.ledger import Ledger
from service.pipeline.forecast import forecast_model
from service.pipeline.verify import verify
from tests.browser import Watched, chromium, serving
from tests.end_to_end.page.event import (
    FRAMES,
    ISSUES,
    NEWEST,
    READY,
    SEED,
    START,
    Clock,
    Open,
    after,
    clocked_context,
)


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An event of three hours with its forecasts, verified."""
    folder: Path = tmp_path_factory.mktemp("event")
    archive, ledger = Archive(folder / "archive"), Ledger(f"sqlite:///{folder / 'ledger.sqlite'}")
    for time, rate in simulate(START, FRAMES, SEED):
        archive.put_frame(to_model_grid(make(rate, time, NATIONAL_SPHERE, "RY", SIMULATED)))
    for model, numbers in ISSUES.items():
        forecaster = load_forecaster(model)
        for number in numbers:
            issue = START + number * INTERVAL
            forecast_model(archive, ledger, forecaster, issue, after(issue, minutes=4))
    verify(archive, ledger, after(NEWEST, minutes=4))
    ledger.engine.dispose()
    return folder


@pytest.fixture(scope="package")
def service_clock() -> Clock:
    """The clock of the service."""
    return Clock(after(NEWEST, minutes=6))


@pytest.fixture
def clock(service_clock: Clock) -> Clock:
    """The same, six minutes after the newest frame."""
    service_clock.now = after(NEWEST, minutes=6)
    return service_clock


@pytest.fixture(scope="package")
def service(folder: Path, service_clock: Clock) -> Iterator[str]:
    """A warm service on the event; gives its URL."""
    with serving(create_app(clocked_context(folder, service_clock))) as url:
        for path in ("grids/latest", "grids/outlines/sphere"):
            httpx.get(f"{url}/{path}", timeout=550).raise_for_status()
        yield url


@pytest.fixture
def url(service: str, clock: Clock) -> str:
    """The service at the usual time."""
    del clock
    return service


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(autouse=True)
def close_pages(browser: Browser) -> Iterator[None]:
    """Close all pages at the end of a test."""
    yield
    for context in browser.contexts:
        context.close()


@pytest.fixture
def open_page(browser: Browser, url: str) -> Iterator[Open]:
    """Opens the page with a fragment of its address, a window size and options of the browser.

    At the end of the test the page must have logged no error and sent no request elsewhere.
    """
    opened: list[Watched] = []

    def show(
        fragment: str = "", size: tuple[int, int] = (1280, 800), ready: str = READY, **more: Any
    ) -> Watched:
        wanted = {"locale": "en-GB", "viewport": {"width": size[0], "height": size[1]}, **more}
        watched = Watched(browser.new_context(**wanted).new_page())
        watched.page.goto(f"{url}/#{fragment}")
        watched.until(ready)
        watched.until_painted()
        opened.append(watched)
        return watched

    yield show
    for watched in opened:
        assert not watched.errors
        assert all(asked.startswith(url) for asked in watched.requests)
