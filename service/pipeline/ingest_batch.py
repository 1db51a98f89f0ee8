"""Ingests many radar files on disk, such as those of a day.

Files are parsed in parallel threads, mostly outside the interpreter lock, and stored one after the
other in their order: the result is that of ingesting them one by one. Processes would need imports
that take as long as some hundred frames.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from xarray import DataArray

from ingest.domain import Domain
from ingest.errors import IngestError
from ingest.sources.stored_files import StoredFile, stored_files
from service.archive.archive import Archive
from service.ledger.ledger import Arrival, Ledger
from service.pipeline.ingest import field_of, fingerprint_of, ingest_stored

AHEAD = 2
"""Files per thread that are parsed before they are stored."""


class ParsedFile(NamedTuple):
    """A file on disk; `read_field` returns its field or raises, parsed already if it is new."""

    file: StoredFile
    read_field: Callable[[], DataArray]


def ingest_all(
    archive: Archive,
    ledger: Ledger,
    paths: Iterable[Path],
    clock: Callable[[], datetime],
    threads: int | None = None,
) -> Generator[Arrival, None, None]:
    """Ingest radar files on disk in their order; see `service.pipeline.ingest.ingest_stored`.

    An archive (tar, zip) is ingested file by file. A file that cannot be read is quarantined, and
    the next one follows.

    Args:
        archive: Archive of frames and forecasts.
        ledger: Ledger of arrivals.
        paths: Files in order.
        clock: Returns the current time, called as each file is stored.
        threads: Number of parsing threads; None for one per available processor.

    Yields:
        The arrival of each file; closing the generator skips the rest.
    """
    threads = threads or processors()
    waiting: deque[Future[ParsedFile]] = deque()

    def ingest_next() -> Arrival:
        parsed_file = waiting.popleft().result()
        return ingest_stored(archive, ledger, parsed_file.file, clock(), parsed_file.read_field)

    with ThreadPoolExecutor(threads, "parse") as pool:
        try:
            for file in chain.from_iterable(map(stored_files, paths)):
                waiting.append(pool.submit(parsed, ledger, file, archive.domain))
                if len(waiting) >= AHEAD * threads:
                    yield ingest_next()
            while waiting:
                yield ingest_next()
        finally:
            for future in waiting:
                future.cancel()


def parsed(ledger: Ledger, file: StoredFile, domain: Domain | None) -> ParsedFile:
    """Parse a file unless it came before. Changes nothing, so threads can run in parallel."""
    if ledger.arrival(fingerprint_of(file.data, file.name)):
        return ParsedFile(file, partial(field_of, file, domain))
    field: Future[DataArray] = Future()
    try:
        field.set_result(field_of(file, domain))
    except IngestError as error:  # raised when it is stored
        field.set_exception(error)
    return ParsedFile(file, field.result)


def processors() -> int:
    """Return the number of processors available to this process."""
    return len(os.sched_getaffinity(0))
