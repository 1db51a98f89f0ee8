"""What the service does by itself, and how often: by Celery beat and workers, or in one process."""

import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from service.clock import Clock, utc_now
from service.jobs.queue import send_lost
from service.runtime.periodic import Round
from service.settings import Settings

if TYPE_CHECKING:
    from service.runtime.deployment import Deployment

log = logging.getLogger(__name__)

VERIFY, INGEST = "verify", "ingest"
"""Queues of what is no forecast; those of forecasts are in `service.jobs.job`."""
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
    from service.pipeline import tasks

    tasks.cycle(desk, desk.clock())


def refresh_windows(desk: "Deployment") -> None:
    from service.pipeline import tasks

    tasks.refresh_windows(desk, desk.clock())


def clean_up(desk: "Deployment") -> None:
    from service.pipeline import tasks

    tasks.clean_up(desk, desk.clock())
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


# in one process


def process_name() -> str:
    """A name that no other process has or had: a container is started anew as the same process of
    the same host."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def heartbeat(desk: "Deployment", queues: Sequence[str], device: str = "") -> Round:
    """Says again and again that this process is alive, also while it is busy.

    Raises:
        LedgerAway: There is nobody to say it to.
    """
    book = desk.book

    def beat() -> None:
        book.beat(desk.name, queues, device, utc_now())

    return Round("heartbeat", desk.settings.worker_seconds / 6, beat)


@contextmanager
def at_work(
    desk: "Deployment", queues: Sequence[str], *names: str
) -> Iterator[Callable[[str], None]]:
    """Say that this process is alive; and where there is no Redis, do the named things in it.

    Yields:
        Has the thing of a name done soon, here or by a worker.
    """
    with ExitStack() as stack:
        stack.enter_context(closing(heartbeat(desk, queues)))
        if desk.settings.redis:
            from service.jobs.celery_transport import Messages

            yield Messages(desk.settings).call
            return
        # What is unfinished of before the start; of the rest, whoever does it is not disturbed.
        send_lost(desk.jobs, utc_now() + desk.jobs.silence)
        items = schedule(desk.settings)
        rounds = {
            name: Round(name, items[name].seconds, partial(items[name].do, desk)) for name in names
        }
        for one in rounds.values():
            stack.enter_context(closing(one))
        yield lambda name: rounds[name].soon()
