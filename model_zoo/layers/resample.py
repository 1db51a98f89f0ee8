"""Fields from one scale to another."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def resample(x: Tensor, rise: int) -> Tensor:
    """Halve height and width `rise` times by max pooling, or double them -`rise` times.

    Doubling is bilinear and puts the centres of pixels where they belong (align_corners=False).
    """
    if rise > 0:
        pooled: Tensor = MaxPool.apply(x, 2**rise)  # type: ignore[no-untyped-call]
        return pooled
    if rise < 0:
        return F.interpolate(x, scale_factor=2**-rise, mode="bilinear")
    return x


class MaxPool(torch.autograd.Function):
    """Max pooling that keeps no indices, of 8 bytes each, but finds them again from its input.

    The input is kept for the next step of the layer that gave it out anyway.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int) -> Tensor:  # noqa: ANN401
        """The maximum of each block of `size` x `size` pixels."""
        ctx.save_for_backward(x)
        ctx.size = size
        return F.max_pool2d(x, size)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        """All of the gradient to the first maximum of each block."""
        (x,) = ctx.saved_tensors
        size = [ctx.size, ctx.size]
        _, indices = F.max_pool2d_with_indices(x, size)
        gradient = torch.ops.aten.max_pool2d_with_indices_backward(
            upstream,
            x,
            size,
            stride=size,
            padding=[0],
            dilation=[1],
            ceil_mode=False,
            indices=indices,
        )
        return gradient, None
