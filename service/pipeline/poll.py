"""Polls the provider's server and ingests new files, each once."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from threading import Lock
from time import perf_counter
from typing import NamedTuple

from ingest.errors import NotRead, SourceUnavailable
from ingest.sources.polled_server import Source, expected
from service.archive.archive import Archive
from service.archive.key import Key, Time, ledger_key, to_datetime, to_time
from service.errors import ServiceError
from service.ledger.ledger import Arrival, Ledger
from service.pipeline.ingest import ingest_bytes
from service.pipeline.served_models import PROVIDER_MODEL
from service.settings import Settings

log = logging.getLogger(__name__)

SERVER_HOURS = 48
"""Age in h up to which DWD's server keeps files."""


class PollResult(NamedTuple):
    """Arrivals of a poll, and errors of unavailable sources."""

    arrivals: list[Arrival]
    errors: list[SourceUnavailable]


def sources_of(settings: Settings) -> list[Source]:
    """Create the sources of a deployment, in the order of its settings.

    Raises:
        SourceUnavailable: NOWCAST_RADAR_FILES is empty.
    """
    if not settings.radar_files:
        raise SourceUnavailable("NOWCAST_RADAR_FILES is empty; leave it out to use DWD's RY and RV")
    return [Source(settings.radar_server, files) for files in settings.radar_files]


def poll_once(
    archive: Archive, ledger: Ledger, sources: Sequence[Source], now: datetime, hours: float
) -> PollResult:
    """Ingest files that the server has and the archive lacks, newest first, a limited number.

    The function is idempotent. An unavailable source does not stop the others.

    Args:
        archive: Archive of frames and forecasts.
        ledger: Ledger of arrivals.
        sources: Sources, the same objects at every call since they keep the state of polls.
        now: Current time.
        hours: Age up to which missing files are fetched, in h.

    Raises:
        OSError: The archive is not writable.
    """
    turn, result = Lock(), PollResult([], [])
    for source in sources:
        try:
            for arrival in poll_source(archive, ledger, source, now, hours, turn):
                result.arrivals.append(arrival)
        except SourceUnavailable as error:
            result.errors.append(error)
    return result


def fetch_lost(
    archive: Archive,
    ledger: Ledger,
    sources: Sequence[Source],
    now: datetime,
    times: Sequence[Time],
) -> None:
    """Fetch lost frames again that the server may still have.

    Args:
        archive: Archive of frames and forecasts.
        ledger: Ledger of arrivals.
        sources: Sources of radar files.
        now: Current time.
        times: Times of lost frames, oldest first.

    Raises:
        SourceUnavailable: The server is unreachable, or keeps none of them that long.
    """
    hours = (now - to_datetime(times[-1])).total_seconds() / 3600
    if not 0 <= hours <= SERVER_HOURS:
        raise SourceUnavailable(
            f"the newest is {hours:.0f} h old, and the server keeps {SERVER_HOURS} h; ingest the "
            f"files by hand"
        )
    while True:  # each poll fetches a limited number
        result = poll_once(archive, ledger, sources, now, SERVER_HOURS)
        if result.errors:
            raise result.errors[0]
        if not result.arrivals:
            return


def poll_source(
    archive: Archive,
    ledger: Ledger,
    source: Source,
    now: datetime,
    hours: float,
    turn: AbstractContextManager[object],
) -> Iterator[Arrival]:
    """Ingest the missing files of one source; see `poll_once`.

    A file that cannot be read now stops no other; the next poll fetches it again.

    Args:
        archive: Archive of frames and forecasts.
        ledger: Ledger of arrivals.
        source: The source.
        now: Current time.
        hours: Age up to which missing files are fetched, in h.
        turn: Lock held while a file is ingested, since two sources can have the same frame.

    Yields:
        The arrival of each file.

    Raises:
        SourceUnavailable: The server is unreachable or answers only with errors.
    """
    for name, data in source.poll(lacking(archive, ledger, source, now, hours), now):
        begin = perf_counter()
        try:
            with turn:
                arrival = ingest_bytes(archive, ledger, data, name, now)
        except (ServiceError, OSError):  # not caused by the file
            raise
        except Exception as error:
            log.warning("%s is fetched again: %s", name, error, exc_info=not is_busy(error))
            source.fetch_again(name)
        else:
            log_arrival(arrival, perf_counter() - begin)
            yield arrival


OUTCOMES = {
    "accepted": "kept",
    "late": "kept, older than the newest frame",
    "duplicate": "known already",
}
"""Outcomes of arrivals in logs; a quarantined file has its own warning."""


def log_arrival(arrival: Arrival, seconds: float) -> None:
    """Log a file that was ingested in some seconds."""
    if arrival.outcome in OUTCOMES:
        values = {"seconds": seconds, "delay_seconds": arrival.delay_seconds}
        log.info("%s: %s", arrival.name, OUTCOMES[arrival.outcome], extra=values)


def is_busy(error: Exception) -> bool:
    """Whether a file was not read for lack of time or memory."""
    return isinstance(error, NotRead | MemoryError)


def lacking(
    archive: Archive, ledger: Ledger, source: Source, now: datetime, hours: float
) -> list[datetime]:
    """Return the times of the last hours whose file of a source is missing."""
    times = expected(now, hours)
    return [time for time in times if not is_stored(archive, ledger, source.product, time)]


def is_stored(archive: Archive, ledger: Ledger, product: str, time: datetime) -> bool:
    """Whether archive and ledger have the frame or the provider's forecast of a time."""
    if product in PROVIDER_MODEL:
        key = Key(to_time(time), PROVIDER_MODEL[product], "none")
        return archive.has_forecast(key) and ledger.has_forecast(ledger_key(key))
    return archive.has_frame(to_time(time)) and ledger.has_accepted(time)


def starts_cycle(arrival: Arrival) -> bool:
    """Whether the file is a new frame that starts a forecast cycle."""
    return arrival.outcome == "accepted" and arrival.valid_area is not None
