"""Weights of the networks published with the MS-RNN and MS-LSTM papers, taken into ours."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from model_zoo.checkpoints import checkpoint
from model_zoo.checkpoints.arrays import Array, arrays_of, blank, check, fill
from model_zoo.checkpoints.published_files import read_arrays
from model_zoo.checkpoints.published_names import Rows
from model_zoo.checkpoints.published_networks import PUBLISHED, REFUSED, Published
from model_zoo.errors import BadCheckpoint, NotConvertible
from model_zoo.nowcaster import Nowcaster

EMBED = "embed.conv_embed.weight"
"""Its first dimension is the width of a published network."""


def load(name: str, weights: Mapping[str, Array]) -> Nowcaster:
    """A published network as one of ours, with the numbers it was published with.

    Args:
        name: As its authors call it, such as "MS-LSTM"; one of `published.PUBLISHED`.
        weights: Its arrays by its own names. Their shapes say how wide the network is, their type
            in which precision it computes.

    Raises:
        NotConvertible: We do not know the network, or ours cannot give its numbers.
        BadCheckpoint: Arrays are missing, unexpected, misshapen or not finite numbers.
    """
    published = look_up(name)
    arrays = {key: tensor(key, array) for key, array in weights.items()}
    if EMBED not in arrays:
        raise BadCheckpoint(
            f"the arrays given for {name} have no {EMBED!r}, from whose shape the width of the "
            f"network is known, only {', '.join(sorted(arrays)) or 'nothing'}. "
            "Give them by the names of the published network."
        )
    network = blank(published.model, channels=arrays[EMBED].numel())
    places = match(published, network)
    check(
        {theirs: array for theirs, array in arrays.items() if not is_dropped(theirs, published)},
        {theirs: place.whole() for theirs, place in places.items()},
        f"the weights of {name}",
    )
    ours = {place.name: place.part(arrays[theirs]) for theirs, place in places.items()}
    fill(network, ours, name)
    return network


class Place(NamedTuple):
    """Where an array of theirs goes."""

    name: str
    array: Tensor
    rows: Rows | None

    def whole(self) -> Tensor:
        """An array of the shape that theirs should have."""
        if self.rows is None:
            return self.array
        size = len(self.array) // len(self.rows.kept) * self.rows.gates
        return self.array.new_empty(size, *self.array.shape[1:])

    def part(self, array: Tensor) -> Tensor:
        """What ours takes of theirs."""
        if self.rows is None:
            return array
        gates = array.chunk(self.rows.gates)
        return torch.cat([gates[gate] for gate in self.rows.kept])


def match(published: Published, network: Nowcaster) -> dict[str, Place]:
    """The place in our network for each array of a published one that is used, by its name."""
    theirs = {
        ours.ours if isinstance(ours, Rows) else ours: (name, ours)
        for name, ours in published.modules.items()
    }
    places = {}
    for name, array in arrays_of(network).items():
        module, _, leaf = name.rpartition(".")
        their_module, ours = theirs[module]
        rows = ours if isinstance(ours, Rows) else None
        places[f"{their_module}.{leaf}"] = Place(name, array, rows)
    return places


def is_dropped(name: str, published: Published) -> bool:
    """Whether an array belongs to a convolution whose result the published network drops."""
    return published.modules.get(name.rpartition(".")[0], name) is None


def tensor(name: str, array: Array) -> Tensor:
    """An array of either kind as a tensor."""
    if isinstance(array, Tensor):
        return array
    try:
        return torch.from_numpy(np.array(array))
    except (TypeError, ValueError) as error:
        raise BadCheckpoint(f"{name} is no array of numbers: {error}") from error


def counterparts(name: str) -> dict[str, str]:
    """Names of the arrays of a published network that it uses, and what they are called in ours.

    Raises:
        NotConvertible: As `load`.
    """
    published = look_up(name)
    places = match(published, blank(published.model, channels=4))
    return {theirs: place.name for theirs, place in places.items()}


def look_up(name: str) -> Published:
    """The names of a published network's parts.

    Raises:
        NotConvertible: We do not know the network, or ours cannot give its numbers.
    """
    if name in REFUSED:
        raise NotConvertible(f"{name!r} cannot be converted: {REFUSED[name]}")
    if name not in PUBLISHED:
        raise NotConvertible(f"no published network {name!r} is known, only {', '.join(PUBLISHED)}")
    return PUBLISHED[name]


def convert(
    source: str | Path, name: str, destination: str | Path, *, scale: str = "reflectivity"
) -> None:
    """Turn a checkpoint file of a published network into one of ours.

    Args:
        source: A state dict as torch.save writes it, also inside a dictionary under one of
            `published_files.NESTS` and with the prefix of DistributedDataParallel; a .npz, the
            names with or without "w/" in front; or a .safetensors.
        name: As its authors call it, such as "MS-LSTM"; one of `published.PUBLISHED`.
        destination: Where to write the checkpoint.
        scale: Intensity scale the network was trained with.

    Raises:
        NotConvertible: We do not know the network, or ours cannot give its numbers.
        BadCheckpoint: The file cannot be read, or its arrays do not fit.
        UnknownScale: There is no such scale.
    """
    source = Path(source)
    network = load(name, read_arrays(source))
    checkpoint.save(
        destination,
        network,
        model=look_up(name).model,
        channels=network.embed.out_channels,
        scale=scale,
        experiment={},
        provenance={
            "published_network": name,
            "converted_from": source.name,
            "sha256_of_source": hashlib.sha256(source.read_bytes()).hexdigest(),
        },
    )
