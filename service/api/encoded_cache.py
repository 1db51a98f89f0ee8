"""Cache of encoded forecasts."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock

from cachetools import LRUCache

MOST_ENCODED = 32
"""Encoded forecasts in the cache: some encodings of some models at the newest issue times, of up to
3 MB each."""


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
