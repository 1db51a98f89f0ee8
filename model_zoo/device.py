"""Devices that networks run on, and their failures.

PyTorch is imported on first use, since the API is ready before it is loaded.
"""

import re
from typing import TYPE_CHECKING

from model_zoo.errors import NoDevice

if TYPE_CHECKING:
    import torch

GPU_FAILURE = re.compile("cuda|cudnn|cublas|cufft|nvml|nvidia", re.IGNORECASE)
"""Words in torch's messages about GPU failures, whatever the class of the error."""


def named(device: str) -> "torch.device":
    """Return the device of a torch device name, or of "auto": the GPU if there is one."""
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def check_device(device: str) -> None:
    """Check that a device is there.

    Args:
        device: As torch names it, or "auto".

    Raises:
        NoDevice: Torch knows no such device, or finds none.
    """
    import torch

    try:
        torch.empty(1, device=named(device))
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise NoDevice(
            f"the device {device!r} cannot be used ({reason}); use cpu or auto"
        ) from None


def use_threads(threads: int) -> None:
    """Set the number of CPU threads of networks; 0 leaves it to torch."""
    if threads:
        import torch

        torch.set_num_threads(threads)


def number_of_threads() -> int:
    """Number of CPU threads of networks."""
    import torch

    return torch.get_num_threads()


def is_device_failure(error: BaseException) -> bool:
    """Whether an error is a failure of the device: out of memory, lost, or missing.

    The same work may then succeed on the CPU.
    """
    import torch

    if isinstance(error, torch.OutOfMemoryError | torch.AcceleratorError):
        return True
    # A missing device raises AssertionError, other failures RuntimeError.
    return isinstance(error, RuntimeError | AssertionError) and bool(GPU_FAILURE.search(str(error)))
