"""A small service for tests: an hour of made-up showers, forecast and verified, and its desk."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from httpx import Response

from model_zoo import load_forecaster
from service import tasks
from service.api.dependencies import Desk
from service.archive import Archive, Key
from service.forecasters import Forecasters
from service.jobs import EmbeddedJobs
from service.ledger import Ledger
from service.settings import Settings
from tests.showers import frame, moment, time

MODELS = ("advection", "persistence")
NEWEST = 12
"""Number of the newest frame."""
ISSUES = (0, 6, 11)
"""Frames from which there are forecasts: the newest is not among them, and advection cannot start
from the first."""
LATEST = ISSUES[-1]
NOW = moment(NEWEST) + timedelta(minutes=4)


def fill(folder: Path, frames: int = NEWEST + 1) -> None:
    """Put frames, forecasts and their verification into a folder of data."""
    archive, ledger = Archive(folder / "archive"), Ledger(f"sqlite:///{folder / 'ledger.sqlite'}")
    for number in range(frames):
        archive.put_frame(frame(number))
    for number in ISSUES:
        for model in MODELS[not number :]:
            made = moment(number) + timedelta(minutes=4)
            tasks.forecast(archive, ledger, load_forecaster(model), time(number), made)
    tasks.verify(archive, ledger, NOW)
    ledger.engine.dispose()


def desk(
    folder: Path,
    now: datetime = NOW,
    before: Callable[[Key], object] = lambda key: None,
    jobs_waiting: int = 4,
) -> Desk:
    """The desk of a service on a folder of data, whose clock stands still.

    Args:
        before: Called in the thread of jobs before each forecast is made.
    """
    settings = Settings(data=folder, jobs_waiting=jobs_waiting)
    archive, ledger = Archive(folder / "archive"), Ledger(settings.ledger_url)
    forecasters = Forecasters(settings.models)

    def make(key: Key) -> None:
        before(key)
        tasks.forecast(archive, ledger, forecasters.get(key.model), key.issue, now)

    jobs = EmbeddedJobs(make, lambda: now, settings.jobs_waiting)
    return Desk(settings, archive, ledger, forecasters, jobs, clock=lambda: now)


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
