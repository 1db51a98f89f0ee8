"""Memory of the allocator of the C library: kept small where many threads take and free much of it.

glibc gives each thread an arena of its own, and what the threads of a burst of requests have freed
stays with the process. Other C libraries have none of these functions, and nothing is done there.
"""

import ctypes
import logging
import threading

log = logging.getLogger(__name__)

M_ARENA_MAX = -8
"""Parameter of mallopt(3) of glibc."""
ARENAS = 4
"""Arenas that all threads share."""
CHECK_SECONDS = 20.0
"""Interval between two checks, in s."""
MOST_FREE_BYTES = 64 * 2**20
"""Freed memory above which it is given back to the system."""


class Mallinfo(ctypes.Structure):
    """Result of mallinfo2(3) of glibc, over all arenas."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def limit_arenas() -> bool:
    """Let all threads share a few arenas. Returns whether the C library does so.

    Arenas that exist already stay, so it is called before many threads have started.
    """
    library = ctypes.CDLL(None)
    return hasattr(library, "mallopt") and bool(library.mallopt(M_ARENA_MAX, ARENAS))


def free_bytes() -> int | None:
    """Freed memory in bytes that the process still has; None where that is not known."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return None
    library.mallinfo2.restype = Mallinfo
    return int(library.mallinfo2().fordblks)


def return_free_memory() -> bool:
    """Give freed memory back to the system where there is much. Returns whether some was."""
    free = free_bytes()
    if free is None or free < MOST_FREE_BYTES:
        return False
    return bool(ctypes.CDLL(None).malloc_trim(0))


def keep_small(stop: threading.Event) -> None:
    """Give freed memory back from time to time, until stopped."""
    while not stop.wait(CHECK_SECONDS):
        if return_free_memory():
            log.debug("freed memory was given back to the system")
