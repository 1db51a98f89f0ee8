"""Checkpoint files of published networks: the arrays in them, and never any code."""

import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from model_zoo.checkpoints.arrays import Array
from model_zoo.errors import BadCheckpoint

NESTS = ("state_dict", "net_param", "model")
"""Where training scripts put the weights of a network among other things."""


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays in a checkpoint file of a published network, by its own names.

    Raises:
        BadCheckpoint: It cannot be read, or holds something else.
    """
    try:
        arrays = READERS.get(path.suffix, read_torch)(path)
    except (
        OSError,
        ValueError,
        RuntimeError,
        EOFError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        SafetensorError,
    ) as error:
        raise BadCheckpoint(
            f"{path} cannot be read as a checkpoint: {error}. It should be a state dict written by "
            "torch.save (weights only, no code), a .npz or a .safetensors."
        ) from error
    return {key.removeprefix("module."): array for key, array in arrays.items()}


def read_npz(path: Path) -> dict[str, Array]:
    """Arrays of a .npz; only those under "w/", as parity kits have them, where there are any."""
    with np.load(path, allow_pickle=False) as file:
        under = [key for key in file if key.startswith("w/")]
        return {key.removeprefix("w/"): file[key] for key in under or file}


def read_torch(path: Path) -> dict[str, Array]:
    """Arrays of a state dict that torch.save wrote, perhaps inside another dictionary."""
    found = torch.load(path, map_location="cpu", weights_only=True)
    while isinstance(found, Mapping) and (nest := next((n for n in NESTS if n in found), None)):
        found = found[nest]
    if not isinstance(found, Mapping) or not all(isinstance(a, Tensor) for a in found.values()):
        raise ValueError(f"it holds no state dict, at most under {', '.join(NESTS)}")
    return dict(found)


def read_safetensors(path: Path) -> dict[str, Array]:
    """Arrays of a .safetensors."""
    return dict(safetensors.torch.load_file(path))


READERS: Mapping[str, Callable[[Path], dict[str, Array]]] = {
    ".npz": read_npz,
    ".safetensors": read_safetensors,
}
"""By the end of a file's name; others are taken for what torch.save wrote."""
