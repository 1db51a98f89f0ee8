"""Bytes that a forward pass leaves in place for the backward pass, beside weights and frames.

Networks can be run for real, or on tensors that have a shape, a type and a storage but no numbers
(torch's FakeTensorMode). Either way, what autograd holds on to at the end is added up, each storage
once; so the second is exact and takes no memory.
"""

import weakref
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode

from benchmarks.published.attention import WINDOW
from benchmarks.published.networks import NETWORKS
from model_zoo.cells.lean_gates import recompute_gates
from model_zoo.checkpoints.published_networks import PUBLISHED
from model_zoo.profiling.papers import DataSet
from model_zoo.zoo import MODELS, PLAIN, Model, build

KeptBy = Callable[[str, int, DataSet], int]
"""From the name of a network, its channels and the shape of sequences to bytes."""
Count = Callable[[KeptBy, str, int, DataSet], int]
"""The same, and how to run the network."""

COUNTERPARTS: Mapping[str, str] = MappingProxyType(
    {
        **{published.model: name for name, published in PUBLISHED.items()},
        # other numbers, same work
        "ms-mim": "MS-MIM",
        "ms-motionrnn": "MS-MotionRNN_fixed",
    }
)
"""Our networks, and the published ones that they stand for."""


def kept(run: Callable[[], object], network: nn.Module, frames: Tensor) -> int:
    """Bytes that autograd holds on to after `run`, but for weights of `network` and `frames`.

    What it held in between and let go, of results that were dropped, does not count.
    """
    holders: weakref.WeakSet[Held] = weakref.WeakSet()

    def hold(tensor: Tensor) -> Held:
        holder = Held(tensor)
        holders.add(holder)
        return holder

    with torch.autograd.graph.saved_tensors_hooks(hold, lambda holder: holder.tensor):
        result = run()
    storages = {
        storage_of(holder.tensor): holder.tensor.untyped_storage().nbytes() for holder in holders
    }
    for tensor in (*network.parameters(), frames):
        storages.pop(storage_of(tensor), None)
    del result  # autograd's graph lives until here
    return sum(storages.values())


class Held:
    """A tensor that autograd holds on to; gone with the part of the graph that needs it."""

    def __init__(self, tensor: Tensor) -> None:
        # without its history, which would hold on to the graph that holds on to this
        self.tensor = tensor.detach()


def storage_of(tensor: Tensor) -> int:
    """What two tensors have in common if they share a storage, also where there is no memory."""
    address: int = tensor.untyped_storage()._cdata  # noqa: SLF001  data_ptr() is 0 without memory
    return address


def kept_by_ours(name: str, channels: int, shape: DataSet) -> int:
    """By a network of the zoo, in a forecast of one sequence."""
    network = build(name, channels=channels)
    frames = torch.rand(1, shape.given, 1, shape.height, shape.width)
    return kept(lambda: network(frames, horizon=shape.horizon), network, frames)


def kept_by_lean(name: str, channels: int, shape: DataSet) -> int:
    """By the same, where it works out all gates again."""
    network = build(name, channels=channels)
    recompute_gates(network)
    frames = torch.rand(1, shape.given, 1, shape.height, shape.width)
    return kept(lambda: network(frames, horizon=shape.horizon), network, frames)


def kept_by_theirs(name: str, channels: int, shape: DataSet) -> int:
    """By a published network, likewise."""
    network = NETWORKS[name](channels, shape.height, shape.width)
    frames = torch.rand(shape.given + shape.horizon, 1, 1, shape.height, shape.width)
    return kept(lambda: network.rollout(frames, shape.given), network, frames)


def window_copies(name: str, channels: int, shape: DataSet) -> int:
    """Bytes of keys and values in window copies beyond those of the fields that are copied."""
    pixels = sum(
        (shape.height >> level) * (shape.width >> level) for level in MODELS[name].shape.levels
    )
    steps = shape.given + shape.horizon - 1
    return 2 * channels * (WINDOW**2 - 1) * pixels * steps * torch.float32.itemsize


@cache
def traced(kept_by: KeptBy, name: str, channels: int, shape: DataSet) -> int:
    """Bytes that a network keeps, found without memory."""
    with FakeTensorMode():
        return kept_by(name, channels, shape)


def theirs_of(name: str, channels: int, shape: DataSet, count: Count = traced) -> dict[str, int]:
    """What the published network keeps, by the way its attention is done if it has one."""
    theirs = COUNTERPARTS[name]
    found = count(kept_by_theirs, theirs, channels, shape)
    if f"{theirs}_tiled" not in NETWORKS:
        return {"": found}
    return {
        "windows copied": found,
        "tiles copied": count(kept_by_theirs, f"{theirs}_tiled", channels, shape),
        "scores alone": found - window_copies(name, channels, shape),
    }


def plain_of(name: str) -> str:
    """The plain stack of a network's cells."""
    family = MODELS[name].family
    return next(n for n in COUNTERPARTS if MODELS[n] == Model(family, PLAIN))
