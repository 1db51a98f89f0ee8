"""Cost of a network: multiply-adds of a forecast, and activation memory of training.

Multiply-adds are counted as in the papers: those of convolutions over the given + horizon - 1 steps
in which a network predicts a frame.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from model_zoo.checkpoints.arrays import blank
from model_zoo.nowcaster import Nowcaster

CONVOLUTION = torch.ops.aten.convolution


class MultiplyAdds(NamedTuple):
    """Multiply-adds of a forecast of one sample."""

    convolutions: int
    attention: int
    """Products of queries, keys and values, masked ones included. The papers do not count these."""

    @property
    def total(self) -> int:
        """Sum of both."""
        return self.convolutions + self.attention


def parameters(name: str, channels: int) -> int:
    """Count the parameters of a network.

    Raises:
        UnknownModel: There is no such model.
    """
    return sum(parameter.numel() for parameter in blank(name, channels).parameters())


def multiply_adds(
    name: str, channels: int, height: int, width: int, given: int, horizon: int
) -> MultiplyAdds:
    """Count the multiply-adds of a forecast on the meta device.

    Args:
        name: One of `zoo.MODELS`.
        channels: Width of every layer.
        height: Of the field, in pixels.
        width: Likewise.
        given: Number of given frames.
        horizon: Number of frames to predict after them.

    Raises:
        UnknownModel: There is no such model.
        BadGrid: Height or width cannot be halved as often as the network needs.
    """
    network = blank(name, channels).eval()
    frame = torch.empty(1, 1, height, width, device="meta")
    with torch.no_grad():
        _, past, _ = network.step(frame, None)  # not counted: its states are zero
        with FlopCounterMode(display=False) as counter:
            network.step(frame, past)
    counts = counter.get_flop_counts()["Global"]
    steps = given + horizon - 1
    convolutions = counts.pop(CONVOLUTION, 0)
    # a multiply-add is two operations
    return MultiplyAdds(convolutions // 2 * steps, sum(counts.values()) // 2 * steps)


def saved_bytes(network: Nowcaster, frames: Tensor, horizon: int) -> int:
    """Measure the bytes that a forward pass saves for the backward pass, without the weights.

    Args:
        network: On the device of `frames`.
        frames: (batch, time, 1, height, width), not on the meta device.
        horizon: Number of frames to predict after them.
    """
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    saved: dict[int, Tensor] = {}  # references, so that no memory is reused

    def save(tensor: Tensor) -> Tensor:
        # detached, as its graph would refer to this
        bare = tensor.detach()
        saved[bare.untyped_storage().data_ptr()] = bare
        return bare

    with torch.autograd.graph.saved_tensors_hooks(save, lambda tensor: tensor):
        rollout = network(frames, horizon=horizon)
    sizes = [
        tensor.untyped_storage().nbytes()
        for address, tensor in saved.items()
        if address not in weights
    ]
    del rollout  # not before: saved tensors that are freed could be counted twice
    return sum(sizes)
