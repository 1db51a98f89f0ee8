"""Reading of checkpoint files of published networks; code in them is never run."""

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
"""Keys under which training scripts store the weights of a network."""


def read_arrays(path: Path) -> dict[str, Array]:
    """Read the arrays, of any shape, of a checkpoint file of a published network, by its names.

    Raises:
        BadCheckpoint: The file cannot be read, or has no state dict.
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
    """Read the arrays, of any shape, of a .npz; only those under "w/" if there are any."""
    with np.load(path, allow_pickle=False) as file:
        under = [key for key in file if key.startswith("w/")]
        return {key.removeprefix("w/"): file[key] for key in under or file}


def read_torch(path: Path) -> dict[str, Array]:
    """Read the arrays, of any shape, of a state dict, perhaps nested in a dictionary.

    Raises:
        ValueError: There is no state dict.
    """
    loaded = torch.load(path, map_location="cpu", weights_only=True)
    while isinstance(loaded, Mapping) and (nest := next((n for n in NESTS if n in loaded), None)):
        loaded = loaded[nest]
    if not isinstance(loaded, Mapping) or not all(isinstance(a, Tensor) for a in loaded.values()):
        raise ValueError(f"it holds no state dict, at most under {', '.join(NESTS)}")
    return dict(loaded)


def read_safetensors(path: Path) -> dict[str, Array]:
    """Read the arrays, of any shape, of a .safetensors."""
    return dict(safetensors.torch.load_file(path))


READERS: Mapping[str, Callable[[Path], dict[str, Array]]] = {
    ".npz": read_npz,
    ".safetensors": read_safetensors,
}
"""By file suffix; other files are read by torch.load."""
