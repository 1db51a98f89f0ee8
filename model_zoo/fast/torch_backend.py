"""What fast cells are made of, and the way torch does it: on any device, for any batch."""

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
    """A field seen along flows: its channels along the first, along the second, and so on."""

    field: Tensor
    flows: Tensor
    """(batch, flows, 2, height, width), see `model_zoo.layers.warp`."""
    weights: Tensor | None = None
    """What is seen along each flow is times this, (batch, flows, height, width)."""
    shrinking: bool = False
    """As the published networks do it."""


class Convolution(Protocol):
    """A convolution of fields side by side, its outputs in groups, and formulas of these."""

    def __call__(self, fields: Sequence[Field | Warped], *formulas: Formula) -> list[Tensor]:
        """A field for each formula.

        Args:
            fields: At least one must be there. One that is `Warped` is alone, and takes no kernel
                but of 1x1.
            formulas: Of the outputs.
        """


class Arithmetic(Protocol):
    """One way to do the arithmetic of networks."""

    def convolution(self, kernel: Kernel, groups: int = 1) -> Convolution:
        """Made once, used for every frame."""

    def mix(self, formula: Formula) -> Tensor:
        """A formula of fields alone."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
        """See `model_zoo.layers.local_attention.attend`."""

    def resample(self, x: Tensor, rise: int) -> Tensor:
        """See `model_zoo.layers.resample`."""


class ByTorch:
    """Convolutions by torch, in a precision of their own; states stay in float32."""

    def __init__(self, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        self.device, self.dtype = device, dtype

    def convolution(self, kernel: Kernel, groups: int = 1) -> Convolution:
        """One convolution of torch; of its weights, those of fields that are there."""
        weights = [part.weight.to(self.device, self.dtype) for part in kernel.fields()]
        whole = torch.cat(weights, dim=1).to(memory_format=torch.channels_last)
        bias = kernel.bias.to(self.device, self.dtype)

        def convolve(fields: Sequence[Field | Warped], *formulas: Formula) -> list[Tensor]:
            there = [seen(field) for field in fields if field is not None]
            weight = whole
            if len(there) < len(weights):
                pairs = zip(weights, fields, strict=True)
                weight = torch.cat([part for part, field in pairs if field is not None], dim=1)
            joined = beside(there, self.dtype)
            sums = F.conv2d(joined, weight, bias, padding=kernel.size // 2)
            # each group by itself, so that what is made of it runs over one piece of memory
            outputs = [
                group.to(torch.float32, memory_format=torch.channels_last)
                for group in sums.chunk(groups, dim=1)
            ]
            return [self.mix(formula.seen(outputs)) for formula in formulas]

        return convolve

    def mix(self, formula: Formula) -> Tensor:
        """A formula of fields alone."""
        return formula.of()

    def attend(self, query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
        """See `model_zoo.layers.local_attention.attend`."""
        return local_attention.attend(query, key, value, window)

    def resample(self, x: Tensor, rise: int) -> Tensor:
        """See `model_zoo.layers.resample`."""
        return resample.resample(x, rise)


def beside(fields: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """Fields side by side, channels last, brought to their type on the way and not before."""
    batch, _, height, width = fields[0].shape
    widths = [field.shape[1] for field in fields]
    joined = torch.empty(
        (batch, sum(widths), height, width),
        dtype=dtype,
        device=fields[0].device,
        memory_format=torch.channels_last,
    )
    for place, field in zip(torch.split(joined, widths, dim=1), fields, strict=True):
        place.copy_(field)
    return joined


def seen(field: Tensor | Warped) -> Tensor:
    """A field, along its flows if it has any."""
    if isinstance(field, Tensor):
        return field
    moved = (warp.shrinking_warp if field.shrinking else warp.warp)(field.field, field.flows)
    if field.weights is not None:
        moved = field.weights.unsqueeze(1) * moved
    return moved.transpose(1, 2).flatten(1, 2)
