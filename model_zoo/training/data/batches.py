"""Batches of samples as a function of seed and step only, so that training can resume."""

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler

from model_zoo.training.data.sample import Draw
from model_zoo.training.errors import BadExperiment


class Batches(Sampler[list[Draw]]):
    """Batches of one device from a step on, with a new order in each epoch.

    Each device takes a part of every batch, so that together they train on the same samples as a
    single device. An incomplete batch at the end of an epoch is dropped.
    """

    def __init__(
        self,
        samples: int,
        batch: int,
        *,
        seed: int,
        first: int,
        steps: int,
        rank: int = 0,
        ranks: int = 1,
        in_order: bool = False,
    ) -> None:
        """Set up the batches of the steps from `first` to before `steps`.

        Args:
            samples: In an epoch.
            batch: Samples of a step on all devices together.
            seed: Of the order.
            first: Step to begin with, from 0.
            steps: Step to end before.
            rank: Number of this device.
            ranks: How many devices there are.
            in_order: Leave samples in their own order.

        Raises:
            BadExperiment: An epoch has no complete batch, or a batch cannot be divided evenly.
        """
        if batch % ranks:
            raise BadExperiment(f"a batch of {batch} cannot be shared evenly by {ranks} devices")
        if samples < batch:
            raise BadExperiment(f"{samples} samples of training do not make a batch of {batch}")
        self.samples = samples
        self.batch = batch
        self.seed = seed
        self.span = range(first, steps)
        self.mine = slice(rank * batch // ranks, (rank + 1) * batch // ranks)
        self.in_order = in_order
        self.per_epoch = samples // batch

    def __len__(self) -> int:
        return len(self.span)

    def __iter__(self) -> Iterator[list[Draw]]:
        epoch, order = -1, torch.empty(0)
        for step in self.span:
            if step // self.per_epoch != epoch:
                epoch = step // self.per_epoch
                order = self.order(epoch)
            start = step % self.per_epoch * self.batch
            chosen = order[start : start + self.batch][self.mine]
            yield [Draw(epoch, index) for index in chosen.tolist()]

    def order(self, epoch: int) -> torch.Tensor:
        """Return the order of the samples of an epoch, (sample,)."""
        if self.in_order:
            return torch.arange(self.samples)
        return torch.randperm(self.samples, generator=generator(self.seed, epoch))


def generator(*seeds: int) -> torch.Generator:
    """Return a torch random generator that is seeded by several integers."""
    mixed = 0
    for seed in seeds:
        # multiplicative mixing as in splitmix64, so that neighbours have nothing in common
        mixed = (mixed ^ seed) * 0x9E3779B97F4A7C15 % 2**64
        mixed ^= mixed >> 31
    return torch.Generator().manual_seed(mixed % 2**63)
