"""LRU cache of decoded fields, limited by their bytes."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from xarray import DataArray

from ingest.precipitation import exceedance_probabilities


class FieldCache:
    """LRU cache of fields (time or lead_time, y, x) by name, safe for threads.

    Args:
        most_bytes: Limit of the total size of all fields.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._fields: OrderedDict[str, tuple[DataArray, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, name: str, read: Callable[[str], DataArray]) -> DataArray:
        """Return the field with a name, read if it is not cached; two threads can both read it."""
        with self._lock:
            if name in self._fields:
                self._fields.move_to_end(name)
                return self._fields[name][0]
        field = read(name)
        with self._lock:
            self._drop(name)
            self._fields[name] = field, size(field)
            self._bytes += self._fields[name][1]
            while self._bytes > self.most_bytes:
                self._drop(next(iter(self._fields)))
        return field

    def drop(self, name: str) -> None:
        """Remove the field with a name from the cache."""
        with self._lock:
            self._drop(name)

    def _drop(self, name: str) -> None:
        self._bytes -= self._fields.pop(name, (None, 0))[1]


def size(field: DataArray) -> int:
    """Return the bytes of values and exceedance probabilities of a field (any shape).

    Coordinates are small, or shared by all fields of a grid.
    """
    probabilities = exceedance_probabilities(field).values()
    return int(field.nbytes + sum(probability.nbytes for probability in probabilities))
