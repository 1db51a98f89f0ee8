"""Confidence intervals of scores by a block bootstrap over forecast starts."""

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray import DataArray, Dataset

from verification.errors import BadResample

FEWEST_BLOCKS = 3
"""Blocks of starts that the interval of a single event needs."""


class Interval(NamedTuple):
    """Bounds of the confidence interval of a score."""

    low: DataArray
    high: DataArray


def interval(
    counts: Dataset,
    score: Callable[[Dataset], DataArray],
    over: Hashable,
    *,
    samples: int = 1000,
    seed: int = 0,
    level: float = 0.9,
    block: int | None = None,
) -> Interval:
    """Confidence interval of a score of summed counts, by resampling the starts.

    Forecasts that start minutes apart see the same rain, so blocks of consecutive starts are drawn
    and not single ones: the circular block bootstrap of Politis and Romano (1992). Blocks are drawn
    with replacement and cut to as many starts as there are; the score is made of the sum of each
    sample, and the interval is that of its percentiles.

    Several models or leads are drawn together, so the interval of a difference between two models
    is that of `score=lambda counts: csi(counts.sel(model="a")) - csi(counts.sel(model="b"))`.

    Args:
        counts: Counts or sums with the dim `over`, its starts in order of time.
        score: Makes the score of a Dataset that lacks `over` and has a dim `sample` instead.
        over: The dim of the starts, or of the events (with `block=1`: events are independent).
        samples: How often to draw.
        seed: Same seed, same interval.
        level: Share of the samples between the bounds.
        block: Consecutive starts in a block, at least as long as the weather has memory; by default
            the cube root of their number (the order of Hall, Horowitz and Jing, 1995).

    Returns:
        low and high, over the samples where the score is defined; NaN where it is in none.

    Raises:
        BadResample: Nothing to draw from, no draws, or a level or block out of range.
    """
    length = _block(counts, over, block, samples, level)
    rng = np.random.default_rng(seed)
    return _bounds(_replicates(counts, score, over, samples, length, rng), level)


def event_mean(
    events: Sequence[Dataset], score: Callable[[Dataset], DataArray], over: Hashable
) -> DataArray:
    """Return the mean over events of a score of summed counts; each event has the same weight.

    Args:
        events: Counts or sums of each event with the dimension `over`.
        score: Computes the score from counts or sums, as for `interval`.
        over: Dimension of the issue times.

    Returns:
        The mean, shaped as the score, over events where it is defined for every model; NaN if
        there are none.
    """
    scores: list[DataArray] = [score(entry.sum([over])) for entry in events]
    return _mean(xr.concat(scores, "event"))


def pooled_interval(
    events: Sequence[Dataset],
    score: Callable[[Dataset], DataArray],
    over: Hashable,
    *,
    samples: int = 1000,
    seed: int = 0,
    level: float = 0.9,
    blocks: Sequence[int] | None = None,
) -> Interval:
    """Confidence interval of `event_mean`, by resampling events and blocks of starts within them.

    Each sample draws as many events as there are, with replacement, and for each of them blocks of
    its starts independently. With few events it is wide, as it should be.

    Args:
        events: Counts or sums of each event with the dim `over`, its starts in order of time.
        score: As of `interval`.
        over: The dim of the starts.
        samples: How often to draw.
        seed: Same seed, same interval.
        level: Share of the samples between the bounds.
        blocks: Consecutive starts in a block, for each event; see `interval`.

    Returns:
        low and high, over the samples where the score is defined; NaN where it is in none.

    Raises:
        BadResample: Nothing to draw from, no draws, or a level or block out of range.
    """
    if not events:
        raise BadResample("there is no event to draw from")
    rng = np.random.default_rng(seed)
    found = []
    lengths: Sequence[int | None] = blocks or [None] * len(events)
    for entry, block in zip(events, lengths, strict=True):
        length = _block(entry, over, block, samples, level)
        found.append(_replicates(entry, score, over, samples, length, rng))
    replicates = xr.concat(found, "event")
    drawn = []
    for _ in events:  # each of the drawn events with draws of its own
        event = DataArray(rng.integers(len(events), size=samples), dims="sample")
        draw = DataArray(rng.permutation(samples), dims="sample")
        drawn.append(replicates.isel(event=event, sample=draw))
    return _bounds(_mean(xr.concat(drawn, "event")), level)


class Estimate(NamedTuple):
    """A score with the bounds of its confidence interval, NaN where there are too few starts."""

    value: DataArray
    low: DataArray
    high: DataArray


def estimate(
    events: Sequence[Dataset],
    score: Callable[[Dataset], DataArray],
    over: Hashable,
    blocks: Sequence[int],
) -> Estimate:
    """Score of one event or mean score of several, with a 90 % interval.

    Of a single event with fewer than `FEWEST_BLOCKS` blocks there is no interval.

    Args:
        events: Counts or sums of each event with the dim `over`, its starts in order of time.
        score: As of `interval`.
        over: The dim of the starts.
        blocks: Consecutive starts in a block, for each event; at most all of them.
    """
    value = event_mean(events, score, over)
    if len(events) > 1:
        lengths = [
            min(block, entry.sizes[over]) for entry, block in zip(events, blocks, strict=True)
        ]
        return Estimate(value, *pooled_interval(events, score, over, blocks=lengths))
    (alone,), (block,) = events, blocks
    if alone.sizes[over] < FEWEST_BLOCKS * block:
        nothing = xr.full_like(value, np.nan)
        return Estimate(value, nothing, nothing)
    return Estimate(value, *interval(alone, score, over, block=block))


def _mean(scores: DataArray) -> DataArray:
    """Mean over events, of those where no model lacks the score."""
    if "model" in scores.dims:
        scores = scores.where(scores.notnull().all("model"))
    mean: DataArray = scores.mean("event")
    return mean


def _block(counts: Dataset, over: Hashable, block: int | None, samples: int, level: float) -> int:
    """Check what is drawn, and return the length of a block.

    Raises:
        BadResample: Nothing to draw from, no draws, or a level or block out of range.
    """
    starts = counts.sizes.get(over, 0)
    length = round(starts ** (1 / 3)) if block is None else block
    if starts == 0 or samples < 1 or not 0 < level < 1 or not 1 <= length <= starts:
        raise BadResample(
            f"{starts} starts along {over!r}, {samples} samples, level {level}, block {length}: "
            "all must be above 0, the level below 1 and the block no longer than the starts"
        )
    return length


def _replicates(
    counts: Dataset,
    score: Callable[[Dataset], DataArray],
    over: Hashable,
    samples: int,
    length: int,
    rng: np.random.Generator,
) -> DataArray:
    """The score of each sample, with a dim `sample`."""
    drawn = _draws(counts.sizes[over], samples, length, rng)
    weights = DataArray(drawn, dims=["sample", over])
    return score(counts.drop_vars([over], errors="ignore").map(lambda n: weights.dot(n, [over])))


def _bounds(scores: DataArray, level: float) -> Interval:
    """Percentiles over the dim `sample`."""
    defined = scores.notnull().any("sample")
    bounds = scores.where(defined, 0).quantile([(1 - level) / 2, (1 + level) / 2], "sample")
    low, high = (bounds.isel(quantile=i, drop=True).where(defined) for i in range(2))
    return Interval(low, high)


def _draws(starts: int, samples: int, length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each start is in each sample: (sample, start), each row adding up to the starts."""
    first = rng.integers(starts, size=(samples, -(-starts // length)))
    drawn = (first[..., None] + np.arange(length)).reshape(samples, -1)[:, :starts] % starts
    number = np.zeros((samples, starts))
    np.add.at(number, (np.arange(samples)[:, None], drawn), 1)
    return number
