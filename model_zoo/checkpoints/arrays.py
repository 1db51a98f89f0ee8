"""Arrays of a network by name, and networks from arrays."""

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
    model: str,
    channels: int,
    levels: Sequence[int] | None = None,
    exceedances: int = 0,
    guidance: int = 0,
) -> Nowcaster:
    """Make a network without weights, on the meta device, without using the random generator."""
    with torch.device("meta"):
        return build(
            model, channels=channels, levels=levels, exceedances=exceedances, guidance=guidance
        )


def arrays_of(network: Nowcaster) -> dict[str, Tensor]:
    """Return all arrays, of any shape, of a network by name; one shared by several layers once."""
    unique: dict[int, tuple[str, Tensor]] = {}
    for name, array in network.state_dict(keep_vars=True).items():
        unique.setdefault(id(array), (name, array))
    return dict(unique.values())


def fill(network: Nowcaster, arrays: Mapping[str, Tensor], source: str) -> None:
    """Fill a blank network with weights, in their precision, on the CPU.

    Args:
        network: Made by `blank`.
        arrays: By the names of `arrays_of`, in the shape of each.
        source: Origin of the arrays, for the message.

    Raises:
        BadCheckpoint: Arrays are missing, unexpected, misshapen or not finite numbers.
    """
    check(arrays, arrays_of(network), source)
    network.to(dtype=next(iter(arrays.values())).dtype).to_empty(device="cpu")
    with torch.no_grad():
        for name, array in arrays_of(network).items():
            array.copy_(arrays[name])


def check(arrays: Mapping[str, Tensor], wanted: Mapping[str, Tensor], source: str) -> None:
    """Check names, shape, type and values of arrays; the error lists all faults.

    Raises:
        BadCheckpoint: Arrays are missing, unexpected, misshapen or not finite numbers.
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
