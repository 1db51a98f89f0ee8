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
from pathlib import Path

from service.archive import Archive
from service.arrivals import Opened, enter, opened_at
from service.ledger import Arrival, Ledger

AHEAD = 2
"""Files for each thread that are opened before they are kept."""


def ingest_all(
    archive: Archive,
    ledger: Ledger,
    paths: Iterable[Path],
    clock: Callable[[], datetime],
    threads: int | None = None,
) -> Generator[Arrival, None, None]:
    """Take in radar files that lie on disk, in their order; see `service.arrivals.take_in`.

    Args:
        clock: What time it is, asked for each file as it is kept.
        threads: That open files; None for one on each processor that this process may use.

    Yields:
        What became of each; closing it leaves the rest as it is.

    Raises:
        OSError: A file cannot be read at all; those before it have been taken in.
    """
    threads = threads or processors()
    waiting: deque[Future[Opened]] = deque()
    with ThreadPoolExecutor(threads, "open") as pool:
        try:
            for path in paths:
                waiting.append(pool.submit(opened_at, ledger, path))
                if len(waiting) >= AHEAD * threads:
                    yield taken(archive, ledger, waiting.popleft().result(), clock())
            while waiting:
                yield taken(archive, ledger, waiting.popleft().result(), clock())
        finally:
            for future in waiting:
                future.cancel()


def taken(archive: Archive, ledger: Ledger, file: Opened, now: datetime) -> Arrival:
    """What becomes of a file, or has become of the same one since it was opened."""
    return ledger.arrival(file.fingerprint) or enter(archive, ledger, file, now)


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
