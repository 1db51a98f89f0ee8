"""The quarantine of an archive: invalid files that came, and its own files that are damaged."""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from operator import itemgetter

from service.archive.store import Store

log = logging.getLogger(__name__)

FOLDER = "quarantine"
LARGEST_QUARANTINED, HEAD_QUARANTINED = 2 * 2**20, 2**20
"""Bytes of the largest file quarantined in full, and those kept of a larger one."""
MOST_QUARANTINED = 1000
"""Largest number of quarantined files, each with its reason: at most 2 GB."""
REASON = ".reason.txt"
DAMAGED = re.compile(r"[0-9a-f]{16}-damaged_(frames|forecasts|uploads)_.*(?<!\.reason\.txt)")
"""Names of quarantined files of the archive itself."""


class Damaged(FileNotFoundError):
    """A file of the archive was damaged and is now in quarantine; the cause says in what."""


class Quarantine:
    """Invalid and damaged files with the reason, the newest of them.

    Args:
        store: The store of the archive.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, data: bytes, name: str, fingerprint: str, reason: str) -> str:
        """Store a file with the reason; of a large file only the beginning.

        Only the newest are kept, so that invalid files do not fill the disk.

        Args:
            data: Content of the file.
            name: Its name.
            fingerprint: SHA-256 of content and name.
            reason: Why it is invalid.

        Returns:
            Its path in the store.
        """
        safe = re.sub(r"[^\w.+-]", "_", name, flags=re.ASCII)[-120:]
        path = f"{FOLDER}/{fingerprint[:16]}-{safe}"
        self._store.put(f"{path}{REASON}", reason.encode(errors="backslashreplace") + b"\n")
        self._store.put(path, data if len(data) <= LARGEST_QUARANTINED else data[:HEAD_QUARANTINED])
        self._thin()
        return path

    def take_out(self, path: str, data: bytes, reason: str) -> None:
        """Move a damaged file of the archive here, unless another process has replaced it.

        Where nothing can be written the file stays and is treated as missing.

        Args:
            path: Its path in the store.
            data: Its content, as it was read.
            reason: Why it is damaged.
        """
        log.error("%s is damaged: %s; it is moved to quarantine", path, reason)
        fingerprint = hashlib.sha256(data + path.encode()).hexdigest()
        try:
            self.put(data, f"damaged_{path.replace('/', '_')}", fingerprint, f"{path}: {reason}")
            if self._store.get(path) == data:
                self._store.remove(path)
        except FileNotFoundError:  # moved by another process
            return
        except OSError as error:
            log.error("%s cannot be moved to quarantine: %s", path, error)

    def damaged(self) -> dict[str, int]:
        """Return how many files of the archive lie here because they are damaged, by kind."""
        found = map(DAMAGED.fullmatch, self._store.names(FOLDER))
        return dict(Counter(match[1] for match in found if match))

    def _thin(self) -> None:
        """Remove the oldest files, with their reasons, if there are too many."""
        if len(self._store.names(FOLDER)) <= 2 * MOST_QUARANTINED:
            return
        for path, _ in sorted(self._with_age(), key=itemgetter(1))[: MOST_QUARANTINED // 5]:
            self._store.remove(path)

    def _with_age(self) -> Iterator[tuple[str, datetime]]:
        """Yield the paths of all files and when each was stored."""
        for path in list(self._store.files(FOLDER)):
            try:
                yield path, self._store.modified(path)
            except FileNotFoundError:  # removed by another process
                continue
