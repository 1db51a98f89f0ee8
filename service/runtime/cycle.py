"""Idempotent periodic tasks: forecast new frames, verify, clean up.

Each can be interrupted and repeated at any point, and run by several processes at once.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from model_zoo.errors import ModelError
from model_zoo.forecasters.contract import NO_WEIGHTS, Forecaster
from service.archive.key import Key, Time, stamp, to_datetime, to_time
from service.errors import LedgerAway, NoFrame
from service.jobs.job import SCHEDULED
from service.pipeline.gap_filling import why_not
from service.pipeline.served_models import AUTO, PROVIDER_MODEL
from service.pipeline.verify import verify

if TYPE_CHECKING:
    from service.runtime.deployment import Deployment

log = logging.getLogger(__name__)

UNDER_WAY = ("accepted", "running")
LONGEST_LEAD = timedelta(days=1)
"""Above the longest lead time of any forecast in the archive."""


class CycleResult(NamedTuple):
    """Numbers of submitted forecast jobs and of verified lead times."""

    submitted: int
    verified: int


def run_cycle(deployment: "Deployment", now: datetime) -> CycleResult:
    """Submit the forecasts of new frames, and verify lead times whose frame has come.

    Frames older than `forecast_minutes` start no forecast; failed jobs are not submitted again. A
    frame or model that fails is logged and stops no other.

    Raises:
        LedgerAway: The database is unreachable.
    """
    submitted = 0
    for issue in new_issues(deployment, now):
        try:
            submitted += submit_missing(deployment, issue)
        except LedgerAway:
            raise
        except NoFrame:  # damaged, which the archive has logged
            continue
        except Exception:
            log.exception("no forecasts of %s could be submitted; tried again", stamp(issue))
    unfinished = deployment.job_table.issues_under_way()
    remake = partial(remake_forecast, deployment)
    verified = verify(deployment.archive, deployment.ledger, now, unfinished, remake)
    return CycleResult(submitted, verified)


def submit_missing(deployment: "Deployment", issue: Time) -> int:
    """Submit the jobs of the missing forecasts of an issue. Returns their number."""
    keys = missing_keys(deployment, issue)
    for key in keys:
        deployment.jobs.submit(key, queue=SCHEDULED, again=True)
    return len(keys)


def remake_forecast(deployment: "Deployment", key: Key) -> bool:
    """Have a lost forecast made again; not one of the provider, nor one whose job has failed."""
    if key.model in PROVIDER_MODEL.values():
        return False
    row = deployment.job_table.get(key.id)
    if row is not None and row.status in ("failed", "dismissed"):
        return False
    deployment.jobs.submit(key, queue=SCHEDULED, again=True)
    return True


def new_issues(deployment: "Deployment", now: datetime) -> Iterator[Time]:
    """Yield the times of frames new enough to start a forecast, newest first."""
    oldest = to_time(now - timedelta(minutes=deployment.settings.forecast_minutes))
    return takewhile(lambda time: time >= oldest, deployment.archive.frame_times())


def missing_keys(deployment: "Deployment", issue: Time) -> list[Key]:
    """Return the keys of forecasts of an issue that can be made and have no job.

    These are of each served model, and then of `auto` when none of theirs waits or runs. A forecast
    that was made and is lost can be made again.
    """
    keys = {Key(issue, model.name, model.weights): model for model in loaded_models(deployment)}
    auto = Key(issue, AUTO, NO_WEIGHTS)
    rows = deployment.job_table.many(key.id for key in (*keys, auto))
    # A job is successful after its file is stored, so the rows are read first.
    ended = {id for id, row in rows.items() if row.status != "successful"}  # noqa: A001
    lacking = [key for key in keys if not deployment.archive.has_forecast(key)]
    new = [
        key
        for key in lacking
        if key.id not in ended and not why_not(deployment.archive, keys[key], issue)
    ]
    waiting = any(key.id in rows and rows[key.id].status in UNDER_WAY for key in lacking)
    if new or waiting or len(keys) < 2 or len(lacking) == len(keys):
        return new
    return [] if auto.id in ended or deployment.archive.has_forecast(auto) else [auto]


def loaded_models(deployment: "Deployment") -> Iterator[Forecaster]:
    """Yield the served models; one that cannot be loaded is logged and left out."""
    for name in deployment.forecasters.served:
        try:
            yield deployment.forecasters.get(name)
        except ModelError as error:
            log.warning("%s is left out: %s", name, error)


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
