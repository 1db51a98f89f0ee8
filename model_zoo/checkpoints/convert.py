"""Conversion of the weights published with the MS-RNN and MS-LSTM papers to our networks."""

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
"""Array whose first dimension is the width of a published network."""


def load(name: str, weights: Mapping[str, Array]) -> Nowcaster:
    """Make one of our networks with published weights, with the same results.

    Args:
        name: Published name, such as "MS-LSTM"; one of `published_networks.PUBLISHED`.
        weights: Arrays by their published names. Their shape determines the width of the network,
            their type its precision.

    Raises:
        NotConvertible: The network is unknown, or ours does not reproduce its results.
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
        {theirs: array for theirs, array in arrays.items() if not is_unused(theirs, published)},
        {theirs: part.whole() for theirs, part in places.items()},
        f"the weights of {name}",
    )
    ours = {target.name: target.part(arrays[theirs]) for theirs, target in places.items()}
    fill(network, ours, name)
    return network


class Place(NamedTuple):
    """Array of our network that a published array is copied to."""

    name: str
    array: Tensor
    rows: Rows | None

    def whole(self) -> Tensor:
        """Return an array with the shape of the published one."""
        if self.rows is None:
            return self.array
        size = len(self.array) // len(self.rows.kept) * self.rows.gates
        return self.array.new_empty(size, *self.array.shape[1:])

    def part(self, array: Tensor) -> Tensor:
        """Select the gates that ours has from a published array (gates * outputs, ...)."""
        if self.rows is None:
            return array
        gates = array.chunk(self.rows.gates)
        return torch.cat([gates[gate] for gate in self.rows.kept])


def match(published: Published, network: Nowcaster) -> dict[str, Place]:
    """Map the name of each used array of a published network to its place in ours."""
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


def is_unused(name: str, published: Published) -> bool:
    """Whether an array belongs to a convolution whose result the published network does not use."""
    return published.modules.get(name.rpartition(".")[0], name) is None


def tensor(name: str, array: Array) -> Tensor:
    """Convert an array of any shape to a tensor.

    Raises:
        BadCheckpoint: It is not an array of numbers.
    """
    if isinstance(array, Tensor):
        return array
    try:
        return torch.from_numpy(np.array(array))
    except (TypeError, ValueError) as error:
        raise BadCheckpoint(f"{name} is not an array of numbers: {error}") from error


def look_up(name: str) -> Published:
    """Return the names of the arrays of a published network.

    Raises:
        NotConvertible: The network is unknown, or ours does not reproduce its results.
    """
    if name in REFUSED:
        raise NotConvertible(f"{name!r} cannot be converted: {REFUSED[name]}")
    if name not in PUBLISHED:
        raise NotConvertible(f"no published network {name!r} is known, only {', '.join(PUBLISHED)}")
    return PUBLISHED[name]


def convert(
    source: str | Path, name: str, destination: str | Path, *, scale: str = "reflectivity"
) -> None:
    """Convert a checkpoint file of a published network to one of ours.

    Args:
        source: A state dict as torch.save writes it, also inside a dictionary under one of
            `published_files.NESTS` and with the prefix of DistributedDataParallel; a .npz, the
            names with or without "w/" in front; or a .safetensors.
        name: Published name, such as "MS-LSTM"; one of `published_networks.PUBLISHED`.
        destination: Where to write the checkpoint.
        scale: Intensity scale the network was trained with.

    Raises:
        NotConvertible: The network is unknown, or ours does not reproduce its results.
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
