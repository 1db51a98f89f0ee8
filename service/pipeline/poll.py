"""Radar as it comes: files from the provider's server into the archive, each once, for years."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from threading import Event, Lock, Thread
from typing import NamedTuple, Protocol

from ingest.errors import SourceUnavailable
from ingest.sources.polled_server import MOST, Source, expected
from service.archive.archive import Archive, Key, to_time
from service.ledger.ledger import Arrival, Ledger
from service.pipeline import tasks
from service.pipeline.served_models import PROVIDER_MODEL
from service.runtime.deployment import Deployment
from service.settings import Settings

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""How long the end waits for files on their way; what is cut off comes again next time."""


class Poll(NamedTuple):
    """What one look at the server brought."""

    arrivals: list[Arrival]
    troubles: list[SourceUnavailable]
    """Of sources that could not be had."""


def sources_of(settings: Settings) -> list[Source]:
    """The sources of a deployment, in its order.

    Raises:
        SourceUnavailable: A setting names no files.
    """
    if not settings.radar_files:
        raise SourceUnavailable(
            "NOWCAST_RADAR_FILES is empty; leave it out to take DWD's RY and RV"
        )
    return [Source(settings.radar_server, files) for files in settings.radar_files]


def poll_once(
    archive: Archive, ledger: Ledger, sources: Sequence[Source], now: datetime, hours: float
) -> Poll:
    """Take in what the server has and the archive lacks, newest first, a bounded part at a time.

    May be repeated at any point. A source that cannot be had does not stop the others.

    Args:
        sources: Best the same objects at every call: they remember what they asked for.
        hours: How far back to look.

    Raises:
        OSError: The archive cannot be written to.
    """
    turn, came = Lock(), Poll([], [])
    for source in sources:
        try:
            for arrival in poll_source(archive, ledger, source, now, hours, turn):
                came.arrivals.append(arrival)
        except SourceUnavailable as error:
            came.troubles.append(error)
    return came


def poll_source(
    archive: Archive,
    ledger: Ledger,
    source: Source,
    now: datetime,
    hours: float,
    turn: AbstractContextManager[object],
) -> Iterator[Arrival]:
    """As `poll_once`, of one source, file by file.

    Args:
        turn: Held while a file is taken in: two sources may have the same frame.

    Raises:
        SourceUnavailable: The server cannot be reached, or answers with nothing but errors.
    """
    for name, data in source.poll(lacking(archive, ledger, source, now, hours), now):
        with turn:
            arrival = tasks.take_in(archive, ledger, data, name, now)
        yield arrival


def lacking(
    archive: Archive, ledger: Ledger, source: Source, now: datetime, hours: float
) -> list[datetime]:
    """Times of the last hours of which a source may have a file that we do not have."""
    times = expected(now, hours)
    return [time for time in times if not is_had(archive, ledger, source.product, time)]


def is_had(archive: Archive, ledger: Ledger, product: str, time: datetime) -> bool:
    """Whether the frame or the provider's forecast of a time is in the archive and the ledger."""
    if product in PROVIDER_MODEL:
        key = Key(to_time(time), PROVIDER_MODEL[product], "none")
        return archive.has_forecast(key) and ledger.has_forecast(tasks.ledger_key(key))
    return archive.has_frame(to_time(time)) and ledger.has_accepted(time)


def starts_cycle(arrival: Arrival) -> bool:
    """Whether a file brought a new frame to forecast from."""
    return arrival.outcome == "accepted" and arrival.valid_area is not None


def follow(
    desk: Deployment,
    sources: Sequence[Source],
    stop: Event,
    clock: Callable[[], datetime],
    on_frame: Callable[[], object] = lambda: None,
) -> None:
    """Take in what comes, each source in a thread of its own, until `stop` is set.

    Nothing ends it but that: what fails is said in the log and tried again at the next poll.

    Args:
        on_frame: Called at each new frame; returns soon.
    """
    archive, ledger, hours, turn = desk.archive, desk.ledger, desk.settings.backfill_hours, Lock()

    def watch(source: Source) -> None:
        def poll() -> Iterator[Arrival]:
            for arrival in poll_source(archive, ledger, source, clock(), hours, turn):
                if starts_cycle(arrival):
                    on_frame()
                yield arrival

        polled = partial(desk.process.polled, source.product)
        keep_polling(poll, str(source), desk.settings.poll_seconds, stop, polled)

    # Daemons: a request that hangs does not keep the process from ending.
    threads = [Thread(target=watch, args=[source], daemon=True) for source in sources]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)


class Polled(Protocol):
    """Hears of every poll whether it failed."""

    def __call__(self, *, failed: bool) -> object: ...


def keep_polling(
    poll: Callable[[], Iterable[Arrival]], name: str, seconds: float, stop: Event, polled: Polled
) -> None:
    """Poll a source until `stop` is set, with a pause where there is no more to be had at once."""
    log.info("following %s, every %g s", name, seconds)
    trouble = ""
    while not stop.is_set():
        came, failed = 0, True
        try:
            for came, arrival in enumerate(poll(), start=1):  # noqa: B007  read after the loop
                log.info("%s: %s", arrival.name, arrival.outcome)
        except SourceUnavailable as error:
            if str(error) != trouble:
                log.warning("%s", error)
            trouble = str(error)
        except Exception:
            log.exception("what came from %s could not be taken in; it will be tried again", name)
        else:
            if trouble:
                log.info("%s answers again", name)
            trouble, failed = "", False
        polled(failed=failed)
        stop.wait(0 if came >= MOST else seconds)
