"""Fields that were read lately, ready for who asks next."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from xarray import DataArray

from ingest.precipitation import exceedance_probabilities


class Memory:
    """Fields by name; those not asked for the longest go first.

    Args:
        most_bytes: What all together may take up.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._held: OrderedDict[str, tuple[DataArray, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, name: str, read: Callable[[str], DataArray]) -> DataArray:
        """The field of a name, read where it is not held. Two threads may both read it."""
        with self._lock:
            if name in self._held:
                self._held.move_to_end(name)
                return self._held[name][0]
        field = read(name)
        with self._lock:
            self._drop(name)
            self._held[name] = field, size(field)
            self._bytes += self._held[name][1]
            while self._bytes > self.most_bytes:
                self._drop(next(iter(self._held)))
        return field

    def drop(self, name: str) -> None:
        """Hold the field of a name no more."""
        with self._lock:
            self._drop(name)

    def _drop(self, name: str) -> None:
        self._bytes -= self._held.pop(name, (None, 0))[1]


def size(field: DataArray) -> int:
    """Bytes of the values; coordinates are small, or shared by all fields of a grid."""
    probabilities = exceedance_probabilities(field).values()
    return int(field.nbytes + sum(probability.nbytes for probability in probabilities))
