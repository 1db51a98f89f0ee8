"""Interface of the backends of fast cells, and the backend by torch for any device and batch.

Fields are (batch, channels, height, width).
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from model_zoo.fast.fused_convolution import Kernel
from model_zoo.fast.pointwise import Formula
from model_zoo.layers import local_attention, resample, warp

Field = Tensor | None
"""(batch, channels, height, width); None where it is zero everywhere."""


class Warped(NamedTuple):
    """A field warped by several flows, concatenated along channels in the order of the flows."""

    field: Tensor
    """(batch, channels, height, width)."""
    flows: Tensor
    """(batch, flows, 2, height, width) in pixels, see `model_zoo.layers.warp`."""
    weights: Tensor | None = None
    """Factor of the field warped by each flow, (batch, flows, height, width)."""
    shrinking: bool = False
    """Whether to warp as the published networks do, see `warp.shrinking_warp`."""


class Convolution(Protocol):
    """A convolution of concatenated fields followed by pointwise formulas of its output groups."""

    def __call__(self, fields: Sequence[Field | Warped], *formulas: Formula) -> list[Tensor]:
        """Convolve the fields and evaluate formulas of the outputs.

        Args:
            fields: (batch, channels, height, width) each, or None for zeros; one at least must be
                given. A `Warped` field must be the only one, and the kernel 1x1.
            formulas: Of the output groups.

        Returns:
            A field (batch, channels, height, width) for each formula.
        """


class Backend(Protocol):
    """An implementation of the operations that fast cells are made of."""

    def convolution(self, kernel: Kernel, groups: int = 1) -> Convolution:
        """Prepare a convolution of a kernel (outputs, inputs, size, size), to be run many times."""

    def mix(self, formula: Formula) -> Tensor:
        """Evaluate a formula without output groups, (batch, channels, height, width)."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
        """Local attention of every pixel; see `model_zoo.layers.local_attention.attend`.

        Args:
            query: (batch, channels, height, width).
            key: Likewise.
            value: Likewise.
            window: Height and width of the window in pixels.

        Returns:
            Likewise.
        """

    def resample(self, x: Tensor, rise: int) -> Tensor:
        """Change the resolution by 2**-`rise`; see `model_zoo.layers.resample.resample`.

        Args:
            x: (batch, channels, height, width).
            rise: How many times to halve height and width, negative to double them.
        """


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
        """Local attention of every pixel; see `model_zoo.layers.local_attention.attend`.

        Args:
            query: (batch, channels, height, width).
            key: Likewise.
            value: Likewise.
            window: Height and width of the window in pixels.

        Returns:
            Likewise.
        """
        return local_attention.attend(query, key, value, window)

    def resample(self, x: Tensor, rise: int) -> Tensor:
        """Change the resolution by 2**-`rise`; see `model_zoo.layers.resample.resample`.

        Args:
            x: (batch, channels, height, width).
            rise: How many times to halve height and width, negative to double them.
        """
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
