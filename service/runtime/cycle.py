"""Idempotent periodic tasks: forecast new frames, verify, clean up.

Each can be interrupted and repeated at any point, and run by several processes at once.
"""

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
"""Above the longest lead time of any forecast in the archive."""


class CycleResult(NamedTuple):
    """Numbers of submitted forecast jobs and of verified lead times."""

    submitted: int
    verified: int


def run_cycle(deployment: "Deployment", now: datetime) -> CycleResult:
    """Submit the forecasts of new frames, and verify lead times whose frame has come.

    Frames older than `forecast_minutes` start no forecast; failed jobs are not submitted again.
    """
    submitted = 0
    for issue in new_issues(deployment, now):
        for key in missing_keys(deployment, issue):
            deployment.jobs.submit(key, queue=SCHEDULED)
            submitted += 1
    unfinished = deployment.job_table.issues_under_way()
    return CycleResult(submitted, verify(deployment.archive, deployment.ledger, now, unfinished))


def new_issues(deployment: "Deployment", now: datetime) -> Iterator[Time]:
    """Yield the times of frames new enough to start a forecast, newest first."""
    oldest = to_time(now - timedelta(minutes=deployment.settings.forecast_minutes))
    return takewhile(lambda time: time >= oldest, deployment.archive.frame_times())


def missing_keys(deployment: "Deployment", issue: Time) -> list[Key]:
    """Return the keys of forecasts of an issue that can be made and have no job.

    These are of each served model, and then of `auto` when none of theirs waits or runs.
    """
    served = deployment.forecasters.all_served()
    keys = {Key(issue, model.name, model.weights): model for model in served}
    auto = Key(issue, AUTO, NO_WEIGHTS)
    rows = deployment.job_table.many(key.id for key in (*keys, auto))
    lacking = [key for key in keys if not deployment.archive.has_forecast(key)]
    new = [
        key
        for key in lacking
        if key.id not in rows and not why_not(deployment.archive, keys[key], issue)
    ]
    waiting = any(key.id in rows and rows[key.id].status in UNDER_WAY for key in lacking)
    if new or waiting or len(keys) < 2 or len(lacking) == len(keys):
        return new
    return [] if auto.id in rows or deployment.archive.has_forecast(auto) else [auto]


def remove_old_files(deployment: "Deployment", now: datetime) -> int:
    """Remove files past their retention. Returns their number.

    Rows of the ledger stay. Frames and forecasts stay while a pending lead time needs them. The age
    of files is limited to that at the newest frame plus a day.
    """
    settings, remove = deployment.settings, deployment.archive.remove_before
    newest = deployment.archive.latest_frame()
    if newest is not None:  # a clock that is years ahead must not empty the archive
        now = min(now, to_datetime(newest) + LONGEST_LEAD)
    oldest = now - timedelta(days=settings.keep_days)
    needed = min([oldest, *(row["issue"] for row in deployment.ledger.pending(now + LONGEST_LEAD))])
    uploaded = now - timedelta(hours=settings.keep_uploads_hours)
    return (
        remove("frames", to_time(needed))
        + remove("forecasts", to_time(needed))
        + remove("quarantine", to_time(oldest))
        + remove("uploads", to_time(uploaded))
    )
