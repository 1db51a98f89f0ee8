"""The same request sent twice under one Idempotency-Key is one request."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from service.api.schemas import NowcastRequest
from service.archive import Key
from service.errors import BadRequest

REMEMBERED = 10_000


class Asked:
    """What was asked for under which idempotency key."""

    def __init__(self) -> None:
        self._asked: OrderedDict[str, tuple[NowcastRequest, Key]] = OrderedDict()
        self._lock = Lock()

    def key(self, name: str | None, wanted: NowcastRequest, resolve: Callable[[], Key]) -> Key:
        """The forecast a request is about: for a known idempotency key, what it was then.

        Raises:
            BadRequest: The idempotency key came with another request before.
        """
        if name is None:
            return resolve()
        with self._lock:
            known = self._asked.get(name)
        if known is None:
            resolved = resolve()
            with self._lock:
                known = self._asked.setdefault(name, (wanted, resolved))
                while len(self._asked) > REMEMBERED:
                    self._asked.popitem(last=False)
        before, found = known
        if before != wanted:
            raise BadRequest(
                f"Idempotency-Key {name!r} came with another request before; "
                f"take a new key for a new request"
            )
        return found
