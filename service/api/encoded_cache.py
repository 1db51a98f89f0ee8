"""What was sent lately, ready for who asks next."""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock

MOST = 32
"""Representations held: some forms of some models of the newest issues, of up to 3 MB each."""


class EncodedCache:
    """Representations by name; those not asked for the longest go first.

    Attributes:
        on_request: Called at each request with whether it was held.
    """

    def __init__(self) -> None:
        self.on_request: Callable[[bool], object] = lambda held: None
        self._held: OrderedDict[str, Future[bytes]] = OrderedDict()
        self._lock = Lock()

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The representation of a name; where it is not held it is made, once however many ask."""
        with self._lock:
            found = self._held.get(name)
            if found is None:
                mine = self._held[name] = Future[bytes]()
                if len(self._held) > MOST:
                    self._held.popitem(last=False)
            else:
                self._held.move_to_end(name)
        self.on_request(found is not None)
        if found is not None:
            return found.result()
        try:
            mine.set_result(make())
        except BaseException as error:
            with self._lock:
                self._held.pop(name, None)
            mine.set_exception(error)
            raise
        return mine.result()
