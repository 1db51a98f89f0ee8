"""A small service for tests: an hour of simulated showers, forecast and verified."""

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from fastapi.testclient import TestClient
from httpx import Response
from numpy.typing import NDArray

from model_zoo import load_forecaster
from service.api.dependencies import ApiContext
from service.archive.archive import Archive
from service.archive.key import Key
from service.jobs.queue import Jobs
from service.jobs.transport import ThreadTransport
from service.ledger.ledger import Ledger
from service.pipeline.forecast import forecast_by_key, forecast_model
from service.pipeline.verify import verify
from service.runtime.deployment import Deployment
from service.runtime.run_job import run_job
from service.runtime.server import running
from service.settings import Settings
from tests.showers import frame, moment, time

MODELS = ("advection", "persistence")
NEWEST = 12
"""Number of the newest frame."""
ISSUES = (0, 6, 11)
"""Frames from which there are forecasts: the newest is not among them, and advection cannot start
from the first."""
LATEST = ISSUES[-1]
SUM_PERIODS = (15, 30, 60, 120, 360)
"""Periods in minutes that map layers have sums of."""
SECONDS = 500.0
"""A request may take so long on a slow machine."""
NOW = moment(NEWEST) + timedelta(minutes=4)


def layer_names(*parts: str) -> list[str]:
    """Names of the map layers of radar and models without probabilities, in their order."""
    return [
        name
        for part in parts
        for name in (part, *(f"{part}_sum_{minutes}" for minutes in SUM_PERIODS))
    ]


def fill(folder: Path, frames: int = NEWEST + 1) -> None:
    """Put frames, forecasts and their verification into a folder of data."""
    archive, ledger = Archive(folder / "archive"), Ledger(f"sqlite:///{folder / 'ledger.sqlite'}")
    for number in range(frames):
        archive.put_frame(frame(number))
    for number in ISSUES:
        for model in MODELS[not number :]:
            generated = moment(number) + timedelta(minutes=4)
            forecast_model(archive, ledger, load_forecaster(model), time(number), generated)
    verify(archive, ledger, NOW)
    ledger.engine.dispose()


def serving(folder: Path) -> AbstractContextManager[str]:
    """The address of a service on a folder of data, as it really runs."""
    return running(
        Deployment(Settings(data=folder, models=MODELS, port=0, request_seconds=SECONDS))
    )


def connected(url: str, seconds: float) -> socket.socket:
    """A connection to a service, on which nothing is waited for longer than so many seconds."""
    there = httpx.URL(url)
    return socket.create_connection((there.host, there.port or 80), timeout=seconds)


def received(connection: socket.socket) -> bytes:
    """All that arrives until the connection ends."""
    found = b""
    try:
        while piece := connection.recv(2**16):
            found += piece
    except ConnectionError:
        pass
    return found


class StandingStill(Deployment):
    """A deployment whose clock stands still, and whose jobs wait for what tests do first."""

    def __init__(self, settings: Settings, now: datetime, before: Callable[[Key], object]) -> None:
        super().__init__(settings)
        self.now, self.before = now, before

    @cached_property
    def jobs(self) -> Jobs:
        settings = self.settings
        limits = settings.jobs_waiting, settings.oldest_job_seconds, settings.worker_seconds
        transport = ThreadTransport(lambda job: run_job(self, job, "test"))
        return Jobs(self.job_table, transport, lambda: self.now, *limits)

    def make_forecast(self, key: Key) -> None:
        self.before(key)
        forecast_by_key(self.archive, self.ledger, self.forecasters, key, self.now)


def api_context(
    folder: Path,
    now: datetime = NOW,
    before: Callable[[Key], object] = lambda key: None,
    jobs_waiting: int = 4,
    **settings: Any,
) -> ApiContext:
    """The API context of a service on a folder of data, whose clock stands still.

    Args:
        before: Called in the thread of jobs before each forecast is made.
        settings: More of them.
    """
    wanted = {"data": folder, "models": MODELS, "jobs_waiting": jobs_waiting, **settings}
    wanted.setdefault("allowed_hosts", ("testserver",))
    wanted.setdefault("request_seconds", SECONDS)
    wanted.setdefault("event_streams", 0)  # the test client waits for the end of an answer
    parts = StandingStill(Settings.model_validate(wanted), now, before)
    return ApiContext(
        settings=parts.settings,
        archive=parts.archive,
        ledger=parts.ledger,
        forecasters=parts.forecasters,
        jobs=parts.jobs,
        clock=lambda: now,
    )


def iso(number: int) -> str:
    """The time of a frame as the service writes it."""
    return f"{moment(number):%Y-%m-%dT%H:%M:%SZ}"


def problem(answer: Response, status: int) -> dict[str, Any]:
    """The body of an answer, which must be a problem of this status (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= set(body)
    assert body["status"] == status
    assert body["instance"] == answer.request.url.path
    assert body["detail"]
    return body


def put_frames(archive: Archive, *numbers: int) -> None:
    for number in numbers:
        archive.put_frame(frame(number))


def make_forecasts(
    archive: Archive, ledger: Ledger, *numbers: int, models: Sequence[str] = MODELS
) -> None:
    for number in numbers:
        for model in models:
            forecast_model(archive, ledger, load_forecaster(model), time(number), moment(number))


def counted_by_hand(
    forecast: NDArray[np.float32], observed: NDArray[np.float32], mask: Any, threshold: float
) -> dict[str, int]:
    """Counts of one lead, cell by cell."""
    tally = dict.fromkeys(("hits", "misses", "false_alarms", "correct_negatives"), 0)
    for forecast_rate, rate_seen in zip(forecast[mask], observed[mask], strict=True):
        wet, rained = forecast_rate >= np.float32(threshold), rate_seen >= np.float32(threshold)
        names = {(1, 1): "hits", (0, 1): "misses", (1, 0): "false_alarms"}
        tally[names.get((int(wet), int(rained)), "correct_negatives")] += 1
    return tally


def ask(client: TestClient, issue: int | str = "latest", **headers: str) -> Response:
    """POST /nowcast for the frame of a number, or another issue."""
    wanted = {"issue": iso(issue) if isinstance(issue, int) else issue}
    answer: Response = client.post("/nowcast", json=wanted, headers=headers)
    return answer


class Gate:
    """Keeps the jobs of a service waiting until it is opened."""

    def __init__(self) -> None:
        self.open, self.reached = threading.Event(), threading.Semaphore(0)
        self.asked: list[Key] = []

    def __call__(self, key: Key) -> None:
        self.asked.append(key)
        self.reached.release()
        assert self.open.wait(300)
