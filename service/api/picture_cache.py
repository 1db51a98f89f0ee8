"""Cache of pictures of map layers."""

from collections.abc import Callable
from threading import Lock

from cachetools import LRUCache

MOST_BYTES = 32 * 2**20
"""Bytes of the pictures that are held: some thousand tiles."""


class PictureCache:
    """LRU cache of pictures by entity tag. Thread-safe."""

    def __init__(self) -> None:
        self._drawn: LRUCache[str, bytes] = LRUCache(MOST_BYTES, len)
        self._lock = Lock()

    def get(self, name: str, draw: Callable[[], bytes]) -> bytes:
        """The picture of a name, drawn where it is not held."""
        with self._lock:
            cached = self._drawn.get(name)
        if cached is not None:
            return cached
        content = draw()
        if len(content) <= MOST_BYTES:
            with self._lock:
                self._drawn[name] = content
        return content
