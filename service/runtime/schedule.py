"""Schedule of the periodic tasks, run by Celery beat and workers or in one process."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from service.clock import Clock, utc_now
from service.jobs.job import INGEST, VERIFY
from service.jobs.queue import send_lost
from service.settings import Settings

if TYPE_CHECKING:
    from service.runtime.deployment import Deployment

log = logging.getLogger(__name__)

FOLLOWING = "following"
"""Queue name in heartbeats of processes that follow the provider's server."""
ALERT_SECONDS = 5.0
"""Interval at which messages of alerts that are due are sent, in s."""
SHORTEST_SECONDS = 0.5
"""Shortest interval when simulated time runs fast."""
FORGOTTEN = timedelta(days=1)
"""Workers without a heartbeat for this long are deleted from the job table."""

Task = Callable[["Deployment"], object]


class Item(NamedTuple):
    """An idempotent periodic task with its interval in s and its queue; it can run in parallel."""

    seconds: float
    queue: str
    task: Task


def schedule(settings: Settings) -> Mapping[str, Item]:
    """Return the periodic tasks by name."""
    speed = Clock(settings.simulated_time).speed

    def scaled(seconds: float) -> float:
        return max(seconds / speed, min(seconds, SHORTEST_SECONDS))

    return {
        "cycle": Item(scaled(15), VERIFY, cycle),
        "refresh_windows": Item(scaled(300), VERIFY, refresh_windows),
        "clean_up": Item(scaled(3600), VERIFY, clean_up),
        "send_lost": Item(settings.worker_seconds / 3, VERIFY, find_lost),
        "send_alerts": Item(ALERT_SECONDS, VERIFY, send_alerts),
        "poll": Item(settings.poll_seconds, INGEST, poll),
    }


# The tasks import torch only when they run, since beat does without it.


def cycle(deployment: "Deployment") -> None:
    """Submit the forecasts of new frames, verify, and evaluate alerts."""
    from service.runtime.cycle import run_cycle

    begin = perf_counter()
    result = run_cycle(deployment, deployment.clock())
    log.log(
        logging.INFO if any(result) else logging.DEBUG,  # most cycles find nothing to do
        "cycle: %d forecasts submitted, %d lead times verified",
        *result,
        extra={"seconds": perf_counter() - begin},
    )
    deployment.evaluate_alerts()


def refresh_windows(deployment: "Deployment") -> None:
    """Refresh the rolling windows of verification."""
    deployment.ledger.refresh_windows(deployment.clock())


def clean_up(deployment: "Deployment") -> None:
    """Remove files past their retention, workers without a heartbeat and old messages."""
    from service.pipeline.alerts.deliver import REMEMBERED
    from service.runtime.cycle import remove_old_files

    remove_old_files(deployment, deployment.clock())
    deployment.job_table.forget(utc_now() - FORGOTTEN)
    deployment.alert_table.forget(utc_now() - REMEMBERED)


def find_lost(deployment: "Deployment") -> None:
    """Expire old scheduled jobs and send lost jobs again."""
    now = utc_now()
    deployment.job_table.expire(now - timedelta(minutes=deployment.settings.forecast_minutes))
    if count := send_lost(deployment.jobs, now):
        log.info("sent %d lost jobs again", count)


def send_alerts(deployment: "Deployment") -> None:
    """Send the messages of alerts that are due."""
    from service.pipeline.alerts.channels import Channels
    from service.pipeline.alerts.deliver import deliver

    deliver(deployment.alert_table, Channels(deployment.settings))


def poll(deployment: "Deployment") -> None:
    """Poll the provider's server unless a process follows it; a new frame starts a cycle."""
    from service.pipeline.poll import poll_once, starts_cycle

    since = utc_now() - deployment.jobs.silence
    if any(
        FOLLOWING in worker.queues and worker.seen >= since
        for worker in deployment.job_table.workers()
    ):
        return
    archive, ledger, hours = (
        deployment.archive,
        deployment.ledger,
        deployment.settings.backfill_hours,
    )
    for source in deployment.sources:
        polled = poll_once(archive, ledger, [source], deployment.clock(), hours)
        for error in polled.errors:
            log.warning("%s", error)
        deployment.process.polled(source.product, failed=bool(polled.errors))
        if any(map(starts_cycle, polled.arrivals)):
            cycle(deployment)
