"""The provider's server followed until told to stop, each source in a thread of its own."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from threading import Event, Lock, Thread
from typing import Protocol

from ingest.errors import SourceUnavailable
from ingest.sources.polled_server import MOST, Source
from service.ledger.ledger import Arrival
from service.pipeline.poll import poll_source, starts_cycle
from service.runtime.deployment import Deployment

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""How long the end waits for files on their way; what is cut off comes again next time."""


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
