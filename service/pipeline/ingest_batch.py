"""Many radar files that lie on disk, such as those of a day.

Files are opened side by side, as most of that is done outside the interpreter's lock, and kept one
after the other in their order: so it comes to the same as taking them in one by one, sooner.
Processes would have to import all anew, which takes as long as some hundred frames.
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

from ingest import BadField
from ingest.sources.stored_files import StoredFile, stored_files
from service.archive.archive import Archive
from service.ledger.ledger import Arrival, Ledger
from service.pipeline.ingest import field_of, fingerprint_of, take_in

AHEAD = 2
"""Files for each thread that are opened before they are kept."""


class Opened(NamedTuple):
    """A file that lies on disk, looked into unless it came before."""

    data: bytes
    name: str
    looked_into: Callable[[], DataArray]


def ingest_all(
    archive: Archive,
    ledger: Ledger,
    paths: Iterable[Path],
    clock: Callable[[], datetime],
    threads: int | None = None,
) -> Generator[Arrival, None, None]:
    """Take in radar files that lie on disk, in their order; see `service.pipeline.ingest.take_in`.

    An archive of many is taken in file by file. What cannot be read goes to quarantine, as far as
    it can, and what comes after it is taken in.

    Args:
        clock: What time it is, asked for each file as it is kept.
        threads: That open files; None for one on each processor that this process may use.

    Yields:
        What became of each; closing it leaves the rest as it is.
    """
    threads = threads or processors()
    waiting: deque[Future[Opened]] = deque()

    def taken() -> Arrival:
        file = waiting.popleft().result()
        return take_in(archive, ledger, file.data, file.name, clock(), file.looked_into)

    with ThreadPoolExecutor(threads, "open") as pool:
        try:
            for file in chain.from_iterable(map(stored_files, paths)):
                waiting.append(pool.submit(opened, ledger, file))
                if len(waiting) >= AHEAD * threads:
                    yield taken()
            while waiting:
                yield taken()
        finally:
            for future in waiting:
                future.cancel()


def opened(ledger: Ledger, file: StoredFile) -> Opened:
    """Open a file. Nothing is changed by it, so that any number of threads may do so."""
    if ledger.arrival(fingerprint_of(file.data, file.name)):
        return Opened(file.data, file.name, partial(field_of, file))
    found: Future[DataArray] = Future()
    try:
        found.set_result(field_of(file))
    except BadField as error:  # told when it is its turn
        found.set_exception(error)
    return Opened(file.data, file.name, found.result)


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
