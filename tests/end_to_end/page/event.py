"""The event that tests of the page show, its clock, and when a page is ready."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from ingest.precipitation import INTERVAL
from service.archive.key import to_datetime
from tests.browser import Watched
from tests.served import api_context

START = np.datetime64("2026-06-21T19:30", "ns")
SEED = 3
FRAMES = 35
NEWEST = START + (FRAMES - 1) * INTERVAL
ISSUES = {"ms-lstm": (18, 34), "advection": (6, 18, 26, 34), "persistence": (6, 18, 26, 34)}
"""Numbers of the frames from which there are forecasts, by model; the first is the default."""
POLL_SECONDS = 1
FIRST = "performance.getEntriesByName('first-picture')[0]?.startTime"
WHOLE = "document.querySelectorAll('#track .frame:not(.loading)').length === 25"
"""All frames of two hours have come."""
AHEAD = "document.querySelectorAll('#track .lead').length === 24"
READY = f"{FIRST} && {WHOLE} && {AHEAD}"
COME = "!document.querySelector('#panes .pane:not([hidden]) .message:not([hidden])')"
"""The maps have what they show, and no message."""
STEPS = [*range(-120, 121, 5)]
"""Minutes from the newest frame."""
Open = Callable[..., Watched]
Tell = Callable[[str], None]


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


def after(time: np.datetime64, **span: float) -> datetime:
    return to_datetime(time) + timedelta(**span)


def clocked_context(folder: Path, clock: Clock, **settings: Any) -> Any:
    parts = api_context(folder, models=tuple(ISSUES), poll_seconds=POLL_SECONDS, **settings)
    return replace(parts, clock=clock)


def ask(url: str, path: str, **parameters: str) -> Any:
    """The JSON that a path of the service answers with."""
    answer = httpx.get(f"{url}/{path}", params=parameters, timeout=300)
    assert answer.status_code == 200, answer.text
    return answer.json()


def find_place(watched: Watched, typed: str, name: str | None = None) -> None:
    """Type a place and choose the first suggestion, which has the name."""
    watched.page.locator("#place-search").fill(typed)
    watched.until("document.querySelector('#place-results li')")
    watched.page.locator("#place-search").press("Enter")
    watched.until_text("#place-name", name or typed)
