"""Caches of encoded forecasts and of pictures of map layers."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Any

import orjson
from cachetools import LRUCache

MOST_ENCODED = 32
"""Encoded forecasts in the cache: some encodings of some models at the newest issue times, of up to
3 MB each."""
MOST_PICTURE_BYTES = 32 * 2**20
"""Bytes of the pictures that are held: some thousand tiles."""


class EncodedCache:
    """LRU cache of encoded forecasts by entity tag. Thread-safe.

    Attributes:
        on_request: Called at each request with whether it was a hit.
    """

    def __init__(self) -> None:
        self.on_request: Callable[[bool], object] = lambda hit: None
        self._encoded: LRUCache[str, Future[bytes]] = LRUCache(MOST_ENCODED)
        self._lock = Lock()

    def is_ready(self, name: str) -> bool:
        """Whether the forecast of a name is encoded."""
        with self._lock:
            cached = self._encoded.get(name)
        return cached is not None and cached.done()

    def get(self, name: str, encode: Callable[[], bytes]) -> bytes:
        """The encoded forecast of a name, encoded once for all concurrent requests.

        Args:
            name: Name of the forecast and its encoding.
            encode: Encodes the forecast; its exceptions are passed on and not cached.
        """
        with self._lock:
            cached = self._encoded.get(name)
            if cached is None:
                own = self._encoded[name] = Future[bytes]()
        self.on_request(cached is not None)
        if cached is not None:
            return cached.result()
        try:
            own.set_result(encode())
        except BaseException as error:
            with self._lock:
                self._encoded.pop(name, None)
            own.set_exception(error)
            raise
        return own.result()


class PictureCache:
    """LRU cache of pictures by entity tag. Thread-safe."""

    def __init__(self) -> None:
        self._drawn: LRUCache[str, bytes] = LRUCache(MOST_PICTURE_BYTES, len)
        self._lock = Lock()

    def get(self, name: str, draw: Callable[[], bytes]) -> bytes:
        """The picture of a name, drawn where it is not held."""
        with self._lock:
            cached = self._drawn.get(name)
        if cached is not None:
            return cached
        content = draw()
        if len(content) <= MOST_PICTURE_BYTES:
            with self._lock:
                self._drawn[name] = content
        return content


def json_bytes(document: dict[str, Any]) -> bytes:
    """A document as JSON, in memory of its size.

    orjson leaves up to ten times as much allocated behind a large result, while that is kept.
    """
    return bytes(memoryview(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)))


def with_members(encoded: bytes, members: dict[str, Any]) -> bytes:
    """A JSON object, not empty, with further members, which it does not have."""
    return encoded[:-1] + b"," + orjson.dumps(members)[1:]
