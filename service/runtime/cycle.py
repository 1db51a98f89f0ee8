"""What is done at every new frame and what is done from time to time, by nobody in particular: each
may be done again at any point, and by several at once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from model_zoo.forecasters.contract import NO_WEIGHTS
from service.archive.key import Key, Time, to_datetime, to_time
from service.jobs.job import SCHEDULED
from service.pipeline.gap_filling import why_not
from service.pipeline.served_models import AUTO
from service.pipeline.verify import verify

if TYPE_CHECKING:
    from service.runtime.deployment import Deployment

UNDER_WAY = ("accepted", "running")
LONGEST_LEAD = timedelta(days=1)
"""No forecast that we keep reaches so far."""


class Done(NamedTuple):
    """What a cycle has done."""

    asked: int
    """Jobs for forecasts."""
    verified: int
    """Leads of forecasts."""


def run_cycle(desk: "Deployment", now: datetime) -> Done:
    """Ask for the forecasts of fresh frames, and verify what has become verifiable.

    A frame that came later than `forecast_minutes` is not forecast from; what has failed is not
    asked for again.
    """
    asked = 0
    for issue in fresh(desk, now):
        for key in wanted(desk, issue):
            desk.jobs.submit(key, queue=SCHEDULED)
            asked += 1
    unfinished = desk.book.issues_under_way()
    return Done(asked, verify(desk.archive, desk.ledger, now, unfinished))


def fresh(desk: "Deployment", now: datetime) -> Iterator[Time]:
    """Times of the frames to forecast from, newest first."""
    oldest = to_time(now - timedelta(minutes=desk.settings.forecast_minutes))
    return takewhile(lambda time: time >= oldest, desk.archive.frame_times())


def wanted(desk: "Deployment", issue: Time) -> list[Key]:
    """Keys of the scheduled forecasts of an issue that can be made and have no job yet.

    Each served model's, and the one of the best of them when nothing of theirs is under way.
    """
    served = desk.forecasters.all_served()
    keys = {Key(issue, one.name, one.weights): one for one in served}
    auto = Key(issue, AUTO, NO_WEIGHTS)
    rows = desk.book.many(key.id for key in (*keys, auto))
    lacking = [key for key in keys if not desk.archive.has_forecast(key)]
    new = [
        key for key in lacking if key.id not in rows and not why_not(desk.archive, keys[key], issue)
    ]
    waiting = any(key.id in rows and rows[key.id].status in UNDER_WAY for key in lacking)
    if new or waiting or len(keys) < 2 or len(lacking) == len(keys):
        return new
    return [] if auto.id in rows or desk.archive.has_forecast(auto) else [auto]


def remove_old_files(desk: "Deployment", now: datetime) -> int:
    """Remove the files that are past their keeping time. Returns how many.

    The ledger keeps its rows. Frames and forecasts stay as long as a lead is pending that needs
    them. Without new radar little becomes older.
    """
    settings, remove = desk.settings, desk.archive.remove_before
    newest = desk.archive.latest_frame()
    if newest is not None:  # a clock that is ahead by years shall not clear the archive
        now = min(now, to_datetime(newest) + LONGEST_LEAD)
    oldest = now - timedelta(days=settings.keep_days)
    needed = min([oldest, *(row["issue"] for row in desk.ledger.pending(now + LONGEST_LEAD))])
    uploaded = now - timedelta(hours=settings.keep_uploads_hours)
    return (
        remove("frames", to_time(needed))
        + remove("forecasts", to_time(needed))
        + remove("quarantine", to_time(oldest))
        + remove("uploads", to_time(uploaded))
    )
