"""LRU cache of decoded fields, limited by their bytes."""

from collections.abc import Callable
from threading import Lock

from cachetools import LRUCache
from xarray import DataArray

from ingest.precipitation import exceedance_probabilities


class FieldCache:
    """LRU cache of fields (time or lead_time, y, x) by name, safe for threads.

    Args:
        most_bytes: Limit of the total size of all fields; larger fields are not cached.
    """

    def __init__(self, most_bytes: int) -> None:
        self._fields: LRUCache[str, DataArray] = LRUCache(most_bytes, getsizeof=size)
        self._lock = Lock()

    def get(self, name: str, read: Callable[[str], DataArray]) -> DataArray:
        """Return the field with a name, read if it is not cached; two threads can both read it."""
        with self._lock:
            cached = self._fields.get(name)
        if cached is not None:
            return cached
        field = read(name)
        if size(field) <= self._fields.maxsize:
            with self._lock:
                self._fields[name] = field
        return field

    def drop(self, name: str) -> None:
        """Remove the field with a name from the cache."""
        with self._lock:
            self._fields.pop(name, None)


def size(field: DataArray) -> int:
    """Return the bytes of values and exceedance probabilities of a field (any shape).

    Coordinates are small, or shared by all fields of a grid.
    """
    probabilities = exceedance_probabilities(field).values()
    return int(field.nbytes + sum(probability.nbytes for probability in probabilities))
