"""Backend of fast cells by torch, for any device and batch.

Fields are (batch, channels, height, width).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from model_zoo.fast.backend import Convolution, Field, Warped
from model_zoo.fast.fused_convolution import Kernel
from model_zoo.fast.pointwise import Formula
from model_zoo.layers import local_attention, resample, warp


class TorchBackend:
    """Operations by torch; convolutions in `dtype`, all else in float32."""

    def __init__(self, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        self.device, self.dtype = device, dtype

    def convolution(self, kernel: Kernel, groups: int = 1) -> Convolution:
        """Prepare a convolution (outputs, inputs, size, size); None fields are left out."""
        weights = [part.weight.to(self.device, self.dtype) for part in kernel.split_inputs()]
        whole = torch.cat(weights, dim=1).to(memory_format=torch.channels_last)
        bias = kernel.bias.to(self.device, self.dtype)

        def convolve(fields: Sequence[Field | Warped], *formulas: Formula) -> list[Tensor]:
            present = [warp_field(field) for field in fields if field is not None]
            weight = whole
            if len(present) < len(weights):
                pairs = zip(weights, fields, strict=True)
                weight = torch.cat([part for part, field in pairs if field is not None], dim=1)
            target = concatenate_channels(present, self.dtype)
            sums = F.conv2d(target, weight, bias, padding=kernel.size // 2)
            # each group contiguous, so that formulas run over one block of memory
            outputs = [
                group.to(torch.float32, memory_format=torch.channels_last)
                for group in sums.chunk(groups, dim=1)
            ]
            return [self.mix(formula.with_groups(outputs)) for formula in formulas]

        return convolve

    def mix(self, formula: Formula) -> Tensor:
        """Evaluate a formula without output groups, (batch, channels, height, width)."""
        return formula.value()

    def attend(self, query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
        """Local attention, of fields as in `Backend.attend`."""
        return local_attention.attend(query, key, value, window)

    def resample(self, x: Tensor, rise: int) -> Tensor:
        """Change the resolution of a field as in `Backend.resample`."""
        return resample.resample(x, rise)


def concatenate_channels(fields: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """Concatenate fields along channels, converting their type in the same pass.

    Args:
        fields: (batch, channels, height, width) each.
        dtype: Of the result.

    Returns:
        (batch, all channels, height, width), channels last in memory.
    """
    batch, _, height, width = fields[0].shape
    channels = [field.shape[1] for field in fields]
    target = torch.empty(
        (batch, sum(channels), height, width),
        dtype=dtype,
        device=fields[0].device,
        memory_format=torch.channels_last,
    )
    for part, field in zip(torch.split(target, channels, dim=1), fields, strict=True):
        part.copy_(field)
    return target


def warp_field(field: Tensor | Warped) -> Tensor:
    """Warp a field if it has flows; (batch, channels of all flows, height, width)."""
    if isinstance(field, Tensor):
        return field
    moved = (warp.shrinking_warp if field.shrinking else warp.warp)(field.field, field.flows)
    if field.weights is not None:
        moved = field.weights.unsqueeze(1) * moved
    return moved.transpose(1, 2).flatten(1, 2)
