"""Follows the provider's server, each source in a thread of its own."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from threading import Event, Lock, Thread
from typing import Protocol

from ingest.errors import SourceUnavailable
from ingest.sources.polled_server import MOST, Source
from service.ledger.ledger import Arrival
from service.pipeline.poll import lacking, poll_source, starts_cycle
from service.runtime.deployment import Deployment

log = logging.getLogger(__name__)

JOIN_SECONDS = 5.0
"""Timeout at the end for files being fetched, in s; interrupted files are fetched again."""


def follow(
    deployment: Deployment,
    sources: Sequence[Source],
    stop: Event,
    clock: Callable[[], datetime],
    on_frame: Callable[[], object] = lambda: None,
) -> None:
    """Ingest new files of all sources until `stop` is set.

    Failures are logged and tried again at the next poll.

    Args:
        deployment: Archive, ledger and settings.
        sources: Sources to poll, each in a thread.
        stop: Event that ends all threads.
        clock: Returns the current time.
        on_frame: Called at each new frame; must return quickly.
    """
    archive, ledger, hours, turn = (
        deployment.archive,
        deployment.ledger,
        deployment.settings.backfill_hours,
        Lock(),
    )

    def follow_source(source: Source) -> None:
        is_first = True

        def poll() -> Iterator[Arrival]:
            nonlocal is_first
            if is_first:
                announce_backfill(lacking(archive, ledger, source, clock(), hours), source, hours)
                is_first = False
            for arrival in poll_source(archive, ledger, source, clock(), hours, turn):
                if starts_cycle(arrival):
                    on_frame()
                yield arrival

        on_poll = partial(deployment.process.polled, source.product)
        keep_polling(poll, str(source), deployment.settings.poll_seconds, stop, on_poll)

    # Daemons: a request that hangs does not keep the process from ending.
    threads = [Thread(target=follow_source, args=[source], daemon=True) for source in sources]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        stop.set()
        for thread in threads:
            thread.join(JOIN_SECONDS)


def announce_backfill(times: Sequence[datetime], source: Source, hours: float) -> None:
    """Log how many files are missing at the start, as after an interruption."""
    if len(times) > 1:
        log.info(
            "%s: %d files of the last %g h are fetched where the server has them, newest first",
            source,
            len(times),
            hours,
        )


class OnPoll(Protocol):
    """Callback after every poll."""

    def __call__(self, *, failed: bool) -> object:
        """Take the result of a poll: whether it failed."""


def keep_polling(
    poll: Callable[[], Iterable[Arrival]], name: str, seconds: float, stop: Event, on_poll: OnPoll
) -> None:
    """Poll a source until `stop` is set, without a pause while more files are available."""
    log.info("following %s, every %g s", name, seconds)
    last_error = ""
    while not stop.is_set():
        count, failed = 0, True
        try:
            for _ in poll():
                count += 1
        except SourceUnavailable as error:
            if str(error) != last_error:
                log.warning("%s", error)
            last_error = str(error)
        except Exception:
            log.exception("files of %s could not be ingested; the next poll tries again", name)
        else:
            if last_error:
                log.info("%s answers again", name)
            last_error, failed = "", False
        on_poll(failed=failed)
        stop.wait(0 if count >= MOST else seconds)
