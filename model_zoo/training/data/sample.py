"""Samples of data sets: sequences of frames with masks of known cells.

A data set is a `Sequences`: for a `Draw` it returns a `Sample`, always the same for the same seed,
in any process. The order of batches, augmentation and everything else that is random therefore
follows from the seed and the step, so that training can resume at any step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset


class Split(IntEnum):
    """Use of a sample; the number is part of the seeds, so that splits differ in random numbers."""

    TRAIN = 0
    VALIDATION = 1
    TEST = 2


@dataclass(frozen=True)
class Draw:
    """Index of a sample, in an epoch."""

    epoch: int
    index: int


NOTHING = torch.empty(0)
EVERYTHING = torch.tensor([0.0, 1.0])


class Sample(NamedTuple):
    """A sequence, or a batch with an additional first dimension."""

    frames: Tensor
    """(time, 1, height, width) float32 in 0..1; 0 where not known."""
    mask: Tensor
    """Bool of the same shape: whether the cell is known."""
    guidance: Tensor = NOTHING
    """(lead, 1, height, width) in 0..1: forecast of a baseline for each lead, 0 for no data; empty
    without guidance."""
    measured: Tensor = EVERYTHING
    """Smallest and largest rate, (2,) in 0..1, that the radar product resolves; thresholds outside
    do not count in the loss."""


class Sequences(Dataset[Sample]):
    """Samples by index, and by epoch where a split is drawn again in each."""

    def __len__(self) -> int:
        """Return the number of samples in an epoch."""
        raise NotImplementedError

    @property
    def events(self) -> Sequence[Sequence[int]]:
        """Numbers of the samples of each event, where there are events."""
        return [range(len(self))]

    def __getitem__(self, draw: Draw) -> Sample:
        """Return the sample of a draw."""
        raise NotImplementedError


def rng_of(seed: int, split: Split, draw: Draw) -> np.random.Generator:
    """Return a random generator for a draw, different from those of all others."""
    return np.random.default_rng((seed, int(split), draw.epoch, draw.index))


def known(frames: NDArray[np.float32]) -> Sample:
    """Make a sample of frames (time, height, width) in 0..1 that are known everywhere."""
    tensor = torch.from_numpy(np.ascontiguousarray(frames, np.float32))[:, None]
    return Sample(tensor, torch.ones_like(tensor, dtype=torch.bool))


def spread(events: Sequence[Sequence[int]], samples: int | None) -> list[int]:
    """Choose about so many samples, as many of each event, spread evenly over it.

    Args:
        events: Numbers of the samples of each event.
        samples: How many; None for all.

    Returns:
        Their numbers; all those of an event that has fewer.
    """
    if samples is None:
        return [number for event in events for number in event]
    each = max(samples // len(events), 1)
    return [n for event in events for n in event[:: max(len(event) // each, 1)][:each]]
