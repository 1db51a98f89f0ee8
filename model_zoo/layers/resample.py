"""Resampling between the scales of a network, for fields (batch, channels, height, width)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def resample(x: Tensor, rise: int) -> Tensor:
    """Halve height and width `rise` times by max pooling, or double them -`rise` times.

    Doubling is bilinear with `align_corners=False`.

    Args:
        x: (batch, channels, height, width).
        rise: Difference of level; 0 returns `x`.
    """
    if rise > 0:
        pooled: Tensor = MaxPool.apply(x, 2**rise)  # type: ignore[no-untyped-call]
        return pooled
    if rise < 0:
        return F.interpolate(x, scale_factor=2**-rise, mode="bilinear")
    return x


class MaxPool(torch.autograd.Function):
    """Max pooling that saves its input and recomputes the indices, of 8 bytes each.

    The input is saved anyway, as a state of the layer below. Fields are (batch, channels, height,
    width).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int) -> Tensor:  # noqa: ANN401
        """Return the maximum of each block of `size` x `size` pixels."""
        ctx.save_for_backward(x)
        ctx.size = size
        return F.max_pool2d(x, size)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        """Pass the gradient to the first maximum of each block."""
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
