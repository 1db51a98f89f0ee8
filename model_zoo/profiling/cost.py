"""What a network costs: work of a forecast, and memory of a training step.

Work is counted as the papers do: multiply-adds, of convolutions, over the given + horizon - 1 steps
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
    """Work of one forecast of one sample."""

    convolutions: int
    attention: int
    """Products of queries, keys and values as they are executed, masked ones included. The papers
    leave these out."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.convolutions + self.attention


def parameters(name: str, channels: int) -> int:
    """How many numbers a network learns.

    Raises:
        UnknownModel: There is no such model.
    """
    return sum(parameter.numel() for parameter in blank(name, channels).parameters())


def multiply_adds(
    name: str, channels: int, height: int, width: int, given: int, horizon: int
) -> MultiplyAdds:
    """Count the work of a forecast, without doing it.

    Args:
        name: One of `zoo.MODELS`.
        channels: Width of every layer.
        height: Of the field, in pixels.
        width: Likewise.
        given: How many frames the network sees.
        horizon: How many it predicts beyond them.

    Raises:
        UnknownModel: There is no such model.
        BadGrid: The field is not a multiple of what the network needs.
    """
    network = blank(name, channels).eval()
    frame = torch.empty(1, 1, height, width, device="meta")
    with torch.no_grad():
        _, past, _ = network.step(frame, None)  # which has less to do, as all states are zero
        with FlopCounterMode(display=False) as counter:
            network.step(frame, past)
    counts = counter.get_flop_counts()["Global"]
    steps = given + horizon - 1
    convolutions = counts.pop(CONVOLUTION, 0)
    # a multiply-add is two operations
    return MultiplyAdds(convolutions // 2 * steps, sum(counts.values()) // 2 * steps)


def saved_bytes(network: Nowcaster, frames: Tensor, horizon: int) -> int:
    """Bytes that a forward pass keeps for the backward pass, beside the weights.

    Args:
        network: On the same device.
        frames: (batch, time, 1, height, width), on a device with memory.
        horizon: How many frames to predict beyond them.
    """
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    kept: dict[int, Tensor] = {}  # holding on to each, lest its place be used again

    def keep(tensor: Tensor) -> Tensor:
        # without its history, which would hold on to the graph that holds on to this
        bare = tensor.detach()
        kept[bare.untyped_storage().data_ptr()] = bare
        return bare

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        rollout = network(frames, horizon=horizon)
    sizes = [tensor.untyped_storage().nbytes() for at, tensor in kept.items() if at not in weights]
    del rollout  # the graph lives until here, so that nothing kept was freed and counted twice
    return sum(sizes)
