"""What networks run on, and how to tell when it fails them."""

import re

import torch

SIGN = re.compile("cuda|cudnn|cublas|cufft|nvml|nvidia", re.IGNORECASE)
"""In what torch says of a GPU that fails, whatever the class of the error."""


def named(device: str) -> torch.device:
    """The device of a name as torch has it, or "auto" for the GPU if there is one."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def use_threads(threads: int) -> None:
    """Let networks on the processor take so many of its threads; 0 leaves it to torch."""
    if threads:
        torch.set_num_threads(threads)


def is_device_failure(error: BaseException) -> bool:
    """Whether it was the device that failed: it has too little memory, is lost, or was never there.

    What it failed at may then succeed on the processor.
    """
    if isinstance(error, torch.OutOfMemoryError | torch.AcceleratorError):
        return True
    # A device that was never there is an AssertionError, what else fails a RuntimeError.
    return isinstance(error, RuntimeError | AssertionError) and bool(SIGN.search(str(error)))
