"""The devices that train together: one process each, as `torchrun` starts them, or just one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch import distributed as dist


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this one writes the files."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum of a tensor over all processes, the same in each."""
        if self.size == 1:
            return tensor
        total = tensor.detach().clone()
        dist.all_reduce(total)
        return total

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """Join the others, if `torchrun` started some, by NCCL on GPUs and gloo on the CPU.

    Args:
        device: As torch names it, or "auto" for the GPU if there is one.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if "WORLD_SIZE" not in os.environ:
        yield Ranks(0, 1, torch.device(device))
        return
    at = torch.device(device)
    if at.type == "cuda":
        at = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(at)
    dist.init_process_group("nccl" if at.type == "cuda" else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size(), at)
    finally:
        dist.destroy_process_group()
