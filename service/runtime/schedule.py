"""What the service does by itself, and how often: by Celery beat and workers, or in one process."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from service.clock import Clock, utc_now
from service.jobs.job import INGEST, VERIFY
from service.jobs.queue import send_lost
from service.settings import Settings

if TYPE_CHECKING:
    from service.runtime.deployment import Deployment

log = logging.getLogger(__name__)

FOLLOWING = "following"
"""What those who follow the provider's server say that they do, in place of queues."""
SHORTEST_SECONDS = 0.5
"""In drills, where time runs faster."""
FORGOTTEN = timedelta(days=1)
"""Workers that have not been heard of for so long are forgotten."""

Do = Callable[["Deployment"], object]


class Item(NamedTuple):
    """A thing to do again and again. It may be done twice, and by several at once."""

    seconds: float
    queue: str
    do: Do


def schedule(settings: Settings) -> Mapping[str, Item]:
    """What is done how often, by name."""
    speed = Clock(settings.drill).speed

    def weather(seconds: float) -> float:
        return max(seconds / speed, min(seconds, SHORTEST_SECONDS))

    return {
        "cycle": Item(weather(15), VERIFY, cycle),
        "refresh_windows": Item(weather(300), VERIFY, refresh_windows),
        "clean_up": Item(weather(3600), VERIFY, clean_up),
        "send_lost": Item(settings.worker_seconds / 3, VERIFY, find_lost),
        "poll": Item(settings.poll_seconds, INGEST, poll),
    }


# Tasks bring torch with them: they are imported by those who do them, and not by beat.


def cycle(desk: "Deployment") -> None:
    from service.runtime.cycle import run_cycle

    run_cycle(desk, desk.clock())


def refresh_windows(desk: "Deployment") -> None:
    desk.ledger.refresh_windows(desk.clock())


def clean_up(desk: "Deployment") -> None:
    from service.runtime.cycle import remove_old_files

    remove_old_files(desk, desk.clock())
    desk.book.forget(utc_now() - FORGOTTEN)


def find_lost(desk: "Deployment") -> None:
    """Send again what was lost, but for scheduled jobs that are of no use any more."""
    now = utc_now()
    desk.book.expire(now - timedelta(minutes=desk.settings.forecast_minutes))
    if found := send_lost(desk.jobs, now):
        log.info("sent %d jobs again", found)


def poll(desk: "Deployment") -> None:
    """Look at the provider's server, unless somebody follows it; a new frame starts a cycle."""
    from service.pipeline import poll as live

    since = utc_now() - desk.jobs.silence
    if any(FOLLOWING in one.queues and one.seen >= since for one in desk.book.workers()):
        return
    archive, ledger, hours = desk.archive, desk.ledger, desk.settings.backfill_hours
    for source in desk.sources:
        came = live.poll_once(archive, ledger, [source], desk.clock(), hours)
        for trouble in came.troubles:
            log.warning("%s", trouble)
        desk.process.polled(source.product, failed=bool(came.troubles))
        if any(map(live.starts_cycle, came.arrivals)):
            cycle(desk)
