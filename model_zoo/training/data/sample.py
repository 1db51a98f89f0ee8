"""What a network is trained on: sequences of frames beside masks of where they are known.

A data set is a `Sequences`: asked for a `Draw`, it gives a `Sample`, and the same one whenever it
is asked again with the same seed, in whatever process. So the order of batches, augmentation and
all else that is random follows from the seed and the step, and a run can be taken up anywhere.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset


class Split(IntEnum):
    """What samples are for; the number goes into the seeds, so that splits never draw alike."""

    TRAIN = 0
    VALIDATION = 1
    TEST = 2


@dataclass(frozen=True)
class Draw:
    """Which sample is asked for."""

    epoch: int
    index: int


class Sample(NamedTuple):
    """A sequence, or with a dimension in front a batch of them."""

    frames: Tensor
    """(time, 1, height, width) float32 in 0..1; 0 where nothing is known."""
    mask: Tensor
    """The same shape, bool: whether the cell is known."""


class Sequences(Dataset[Sample]):
    """Samples by number. Where a split is drawn anew in each epoch, the epoch matters as well."""

    def __len__(self) -> int:
        """Samples in an epoch."""
        raise NotImplementedError

    def __getitem__(self, draw: Draw) -> Sample:
        """The sample of a draw."""
        raise NotImplementedError


def random_of(seed: int, split: Split, draw: Draw) -> np.random.Generator:
    """The random numbers of a draw, which no other draw shares."""
    return np.random.default_rng((seed, int(split), draw.epoch, draw.index))


def known(frames: NDArray[np.float32]) -> Sample:
    """A sample of frames (time, height, width) in 0..1 that are known everywhere."""
    tensor = torch.from_numpy(np.ascontiguousarray(frames, np.float32))[:, None]
    return Sample(tensor, torch.ones_like(tensor, dtype=torch.bool))
