"""Comparison of two ways to do the same, timed in turns."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from statistics import median
from time import perf_counter, process_time
from typing import NamedTuple

import numpy as np
from xarray import DataArray

LACKING = "pysteps is not installed here (pip install 'nowcast[benchmark]'): not compared"
HEADINGS = ("", "theirs, ms", "ours, ms", "times as fast", "by processor time")


class Comparison(NamedTuple):
    """Times of another's way and of ours, in turns: seconds by the clock and of the processor."""

    what: str
    theirs: Sequence[tuple[float, float]]
    ours: Sequence[tuple[float, float]]
    pairs: int
    """Fields that were compared with fields, each time."""

    def ratio(self, of: int) -> float:
        """How many times as fast ours is, by the clock (0) or by processor time (1)."""
        both = zip(self.theirs, self.ours, strict=True)
        return median(theirs[of] / ours[of] for theirs, ours in both)


def compare(
    what: str, theirs: Callable[[], object], ours: Callable[[], object], pairs: int, rounds: int
) -> Comparison:
    """Time both in turns, after once untimed."""
    theirs(), ours()
    times = [(timed(theirs), timed(ours)) for _ in range(rounds)]
    before, after = zip(*times, strict=True)
    return Comparison(what, before, after, pairs)


def shifted(frames: DataArray, first: int = 1) -> Iterator[DataArray]:
    """The frames (time, y, x), shifted along x by another number of cells each time, without end.

    So nothing that a forecaster keeps of the frames before saves it any work.

    Args:
        frames: In mm/h.
        first: Cells of the first shift, 1 or more.
    """
    rates = frames.to_numpy()
    for cells in count(first):
        yield frames.copy(data=np.roll(rates, cells, axis=2))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Measure clock and processor time of some work, in s."""
    clock, processor = perf_counter(), process_time()
    work()
    return perf_counter() - clock, process_time() - processor


def cells(found: Comparison) -> list[str]:
    """A comparison as it is printed: milliseconds of a field against a field."""
    theirs, ours = (
        1e3 * median(clock for clock, _ in times) / found.pairs
        for times in (found.theirs, found.ours)
    )
    ratios = (f"{found.ratio(of):.1f}" for of in (0, 1))
    return [found.what, f"{theirs:.3f}", f"{ours:.3f}", *ratios]
