"""Radar as it comes: files from the provider's server into the archive, each once, for years."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from threading import Lock
from typing import NamedTuple

from ingest.errors import SourceUnavailable
from ingest.sources.polled_server import Source, expected
from service.archive.archive import Archive
from service.archive.key import Key, ledger_key, to_time
from service.ledger.ledger import Arrival, Ledger
from service.pipeline.ingest import take_in
from service.pipeline.served_models import PROVIDER_MODEL
from service.settings import Settings


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
            arrival = take_in(archive, ledger, data, name, now)
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
        return archive.has_forecast(key) and ledger.has_forecast(ledger_key(key))
    return archive.has_frame(to_time(time)) and ledger.has_accepted(time)


def starts_cycle(arrival: Arrival) -> bool:
    """Whether a file brought a new frame to forecast from."""
    return arrival.outcome == "accepted" and arrival.valid_area is not None
