"""Fields are kept in memory up to a number of bytes, those not asked for the longest go first."""

import numpy as np
import pytest
import xarray as xr
from xarray import DataArray

from ingest.precipitation import exceedance_probability
from service.archive.field_cache import FieldCache
from tests.showers import frame

FRAME = frame(0).nbytes


class Reads(list[str]):
    """What was read, and the frame it came to."""

    def __call__(self, name: str) -> DataArray:
        self.append(name)
        return frame(int(name))


def test_what_is_held_is_not_read_again_and_what_is_over_goes_oldest_first() -> None:
    memory, reads = FieldCache(3 * FRAME), Reads()
    for name in ("0", "1", "2", "0", "3", "0", "2", "1"):
        assert memory.get(name, reads).equals(frame(int(name)))
    assert reads == ["0", "1", "2", "3", "1"], "asked for again, 0 outlives 1"


def test_probabilities_count_too() -> None:
    memory, reads = FieldCache(8 * FRAME), Reads()
    with_probabilities = frame(0).rename(time="lead_time")
    for threshold in (0.5, 2.0, 5.0):
        with_probabilities.coords[f"exceedance_probability_{threshold:g}"] = exceedance_probability(
            threshold, with_probabilities.values
        )
    for name in ("a", "b", "c"):
        memory.get(name, lambda _: with_probabilities)
    for name in ("c", "b"):
        memory.get(name, reads.__getitem__)  # type: ignore[arg-type]
    memory.get("a", lambda _: reads("0"))
    assert reads == ["0"]


def test_a_field_larger_than_the_cache_is_returned_and_evicts_no_other() -> None:
    cache, reads = FieldCache(FRAME), Reads()
    large = xr.concat([frame(0), frame(1)], "time")
    cache.get("0", reads)
    for _ in range(2):
        assert cache.get("large", lambda _: large) is large
    cache.get("0", reads)
    assert reads == ["0"]


def test_what_is_dropped_or_cannot_be_read_is_not_held() -> None:
    memory, reads = FieldCache(3 * FRAME), Reads()
    memory.get("0", reads)
    memory.drop("0")
    memory.drop("never held")
    memory.get("0", reads)
    assert reads == ["0", "0"]

    def fail(name: str) -> DataArray:
        raise FileNotFoundError(name)

    with pytest.raises(FileNotFoundError):
        memory.get("1", fail)
    np.testing.assert_array_equal(memory.get("1", reads), frame(1))
