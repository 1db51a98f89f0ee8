"""The arrays of a network, and a network from its arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from model_zoo.errors import BadCheckpoint
from model_zoo.nowcaster import Nowcaster
from model_zoo.zoo import build

Array = Tensor | NDArray[Any]


def blank(
    model: str, channels: int, levels: Sequence[int] | None = None, exceedances: int = 0
) -> Nowcaster:
    """A network without weights yet, on no device, made without touching the random generator."""
    with torch.device("meta"):
        return build(model, channels=channels, levels=levels, exceedances=exceedances)


def arrays_of(network: Nowcaster) -> dict[str, Tensor]:
    """All arrays of a network by name; one that several layers share is there once."""
    unique: dict[int, tuple[str, Tensor]] = {}
    for name, array in network.state_dict(keep_vars=True).items():
        unique.setdefault(id(array), (name, array))
    return dict(unique.values())


def fill(network: Nowcaster, arrays: Mapping[str, Tensor], source: str) -> None:
    """Give a blank network its weights, in their precision, on the CPU.

    Args:
        network: As `blank` made it.
        arrays: By the names of `arrays_of`.
        source: What the arrays come from, for the message.

    Raises:
        BadCheckpoint: Arrays are missing, unexpected, misshapen or not finite numbers.
    """
    check(arrays, arrays_of(network), source)
    network.to(dtype=next(iter(arrays.values())).dtype).to_empty(device="cpu")
    with torch.no_grad():
        for name, array in arrays_of(network).items():
            array.copy_(arrays[name])


def check(arrays: Mapping[str, Tensor], wanted: Mapping[str, Tensor], source: str) -> None:
    """Refuse arrays that are not the wanted ones, saying all that is wrong with them.

    Raises:
        BadCheckpoint: They do not fit.
    """
    faults = [f"{name} is missing" for name in wanted if name not in arrays]
    faults += [f"{name} is unexpected" for name in arrays if name not in wanted]
    both = [(name, arrays[name]) for name in wanted if name in arrays]
    faults += [
        f"{name} is {tuple(array.shape)}, not {tuple(wanted[name].shape)}"
        for name, array in both
        if array.shape != wanted[name].shape
    ]
    types = sorted({str(array.dtype) for _, array in both})
    if len(types) > 1 or not all(array.is_floating_point() for _, array in both):
        faults.append(f"the arrays are of {', '.join(types)}, not all of one floating-point type")
    faults += [f"{name} is not finite" for name, array in both if not array.isfinite().all()]
    if faults:
        raise BadCheckpoint(
            f"{source} does not fit the network: {'; '.join(faults)}. "
            "Check that it is of this model and as wide and deep."
        )
