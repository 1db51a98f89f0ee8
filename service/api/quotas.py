"""Limits on what one client, and all together, can make the service keep."""

import time
from collections import Counter, OrderedDict
from threading import Lock

from service.archive.store import Store
from service.errors import Busy, NoRoom, QuotaExceeded
from service.jobs.job_table import JobTable
from service.settings import Settings

MOST_CLIENTS = 10_000
"""Clients remembered at once; the least recently seen are forgotten first."""
MOST_REMEMBERED = 10_000
"""Idempotency keys remembered in memory."""
COUNTED_SECONDS = 60.0
"""Interval in s between two counts of the disk space of uploads."""


class JobQuota:
    """Limits the unfinished jobs of each client. Thread-safe.

    Args:
        job_table: Knows which jobs are finished.
        most: Limit of one client.
    """

    def __init__(self, job_table: JobTable, most: int) -> None:
        self._job_table, self._most = job_table, most
        self._jobs: OrderedDict[str, set[str]] = OrderedDict()
        self._lock = Lock()

    def admit(self, client: str, job: str) -> None:
        """Check whether a client may wait for one more job, and count it.

        Raises:
            QuotaExceeded: It waits for too many already.
        """
        with self._lock:
            waiting = set(self._jobs.get(client, ()))
        if job not in waiting and len(waiting) >= self._most:
            known = self._job_table.many(waiting)
            waiting = {id for id in waiting if id in known and known[id].finished is None}  # noqa: A001
            if len(waiting) >= self._most:
                raise QuotaExceeded(
                    f"this client waits for {len(waiting)} forecasts, should be under "
                    f"{self._most}; wait for one of them"
                )
        with self._lock:
            self._jobs[client] = waiting | {job}
            self._jobs.move_to_end(client)
            while len(self._jobs) > MOST_CLIENTS:
                self._jobs.popitem(last=False)


class UploadQuota:
    """Limits the disk space of uploads, in all and by client. Thread-safe.

    Uploads leave free space for radar, so that no client can stop the ingest.

    Args:
        store: Where the archive is.
        settings: The limits.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._by_client: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """Begin of the day in which a client's uploads are counted, and their bytes."""
        self._used, self._counted = 0, float("-inf")
        self._lock = Lock()

    def admit(self, client: str, size: int) -> None:
        """Check whether a client may upload frames of a size in bytes, and count them.

        Raises:
            QuotaExceeded: The client has used up its share for a day.
            NoRoom: Uploads take all the space they may, or the disk has no more.
        """
        with self._lock:
            now = time.monotonic()
            begin, used = self._by_client.get(client, (now, 0))
            if now - begin > 3600 * self._settings.keep_uploads_hours:
                begin, used = now, 0
            most = self._settings.uploads_bytes_per_client
            if used + size > most:
                raise QuotaExceeded(
                    f"the uploads of this client take {used} bytes and this one {size} more, "
                    f"should be under {most} in {self._settings.keep_uploads_hours:g} hours"
                )
            self._check_room(size, now)
            self._used += size
            self._by_client[client] = begin, used + size
            self._by_client.move_to_end(client)
            while len(self._by_client) > MOST_CLIENTS:
                self._by_client.popitem(last=False)

    def _check_room(self, size: int, now: float) -> None:
        if now - self._counted > COUNTED_SECONDS:
            self._used, self._counted = self._store.used("uploads"), now
        most = self._settings.uploads_bytes
        if self._used + size > most:
            raise NoRoom(
                f"uploads take {self._used} bytes and this one {size} more, should be under "
                f"{most}; try again when older ones have been removed"
            )
        disk = self._store.free()
        if disk is not None:
            free, total = disk
            reserve = min(self._settings.reserve_bytes, total // 2)
            if free - size < reserve:
                raise NoRoom(
                    f"the disk has {free} bytes free and this upload takes {size}, should leave "
                    f"{reserve} for radar; try again later"
                )


class RequestMemory:
    """Idempotency keys of requests that made no job, for this process. Thread-safe."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._lock = Lock()

    def recall(self, name_hash: str) -> tuple[str, str] | None:
        """Hash of the body of the first request under a key and the id of its forecast."""
        with self._lock:
            return self._known.get(name_hash)

    def remember(self, name_hash: str, body_hash: str, forecast: str) -> tuple[str, str]:
        """Remember the first request under a key, perhaps this one, and return it."""
        with self._lock:
            first = self._known.setdefault(name_hash, (body_hash, forecast))
            while len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return first


class StreamQuota:
    """Limits the streams of events that are open at the same time. Belongs to the event loop.

    Args:
        most: Streams of all clients.
        most_of_client: Streams of one client.
    """

    def __init__(self, most: int, most_of_client: int) -> None:
        self._most, self._most_of_client = most, most_of_client
        self._open = Counter[str]()

    def admit(self, client: str) -> None:
        """Count a stream of a client.

        Raises:
            Busy: Too many streams are open.
        """
        if self._open.total() >= self._most or self._open[client] >= self._most_of_client:
            raise Busy(
                f"{self._open.total()} event streams are open, {self._open[client]} of this "
                f"client, should be under {self._most} and {self._most_of_client}; close one or "
                f"try again later"
            )
        self._open[client] += 1

    def leave(self, client: str) -> None:
        """End the count of a stream."""
        self._open[client] -= 1
        self._open += Counter()  # forgets clients without streams
