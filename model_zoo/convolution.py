"""Convolutions that keep less for the backward pass than torch's own, at the same numbers."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class JoinedConv(nn.Conv2d):
    """One convolution of several fields side by side, which keeps them and no copy of them all.

    Cells keep the fields anyway: they are states, or what other convolutions start from.
    """

    def __init__(self, inputs: int, channels: int, outputs: int, kernel_size: int = 3) -> None:
        """Take `inputs` fields of `channels` each; height and width stay."""
        super().__init__(inputs * channels, outputs, kernel_size, padding=kernel_size // 2)

    def forward(self, *fields: Tensor) -> Tensor:
        """The convolution of `fields`, in the order of the kernel's channels."""
        joined: Tensor = JoinedConvolution.apply(self.weight, self.bias, *fields)  # type: ignore[no-untyped-call]
        return joined


class JoinedConvolution(torch.autograd.Function):
    """A convolution that joins its fields once more for the backward pass."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  (torch's own type has none of what it is used for)
        weight: Tensor,
        bias: Tensor,
        *fields: Tensor,
    ) -> Tensor:
        """See `JoinedConv`."""
        ctx.save_for_backward(weight, *fields)
        return F.conv2d(torch.cat(fields, dim=1), weight, bias, padding=weight.shape[-1] // 2)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        upstream: Tensor,
    ) -> tuple[Tensor | None, ...]:
        """Gradients of kernel, bias and fields."""
        weight, *fields = ctx.saved_tensors
        joined = torch.cat(fields, dim=1)
        needed = any(ctx.needs_input_grad[2:])
        of_joined, of_weight, of_bias = gradients(upstream, joined, weight, needed=needed)
        widths = [field.shape[1] for field in fields]
        of_fields = (
            [None] * len(widths) if of_joined is None else torch.split(of_joined, widths, dim=1)
        )
        return of_weight, of_bias, *of_fields


def gradients(
    upstream: Tensor, x: Tensor, weight: Tensor, *, needed: bool
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Gradients of input (if `needed`), kernel and bias of a convolution that keeps the size."""
    reach = weight.shape[-1] // 2
    of_x, of_weight, of_bias = torch.ops.aten.convolution_backward(
        upstream,
        x.to(upstream.dtype),  # under autocast it came in wider than what came out
        weight.to(upstream.dtype),
        bias_sizes=[len(weight)],
        stride=[1, 1],
        padding=[reach, reach],
        dilation=[1, 1],
        transposed=False,
        output_padding=[0, 0],
        groups=1,
        output_mask=[needed, True, True],
    )
    of_x = of_x.to(x.dtype) if needed else None
    return of_x, of_weight.to(weight.dtype), of_bias.to(weight.dtype)


def mean_kernel(weights: Sequence[Tensor]) -> Tensor:
    """The mean of square kernels, the smaller ones with zeros around them."""
    reach = max(weight.shape[-1] for weight in weights) // 2
    wide = [F.pad(weight, (reach - weight.shape[-1] // 2,) * 4) for weight in weights]
    return torch.stack(wide).mean(0)


class MeanConvolution(torch.autograd.Function):
    """A convolution by the mean of kernels that keeps its input and no mean.

    A mean kept at every step takes more than a small field does.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        mean: Tensor,
        bias: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        """`x` convolved by the mean of the kernels that `parameters`, biases last, begin with."""
        ctx.save_for_backward(x, *parameters[: len(parameters) // 2])
        return F.conv2d(x, mean, bias, padding=mean.shape[-1] // 2)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        upstream: Tensor,
    ) -> tuple[Tensor | None, ...]:
        """Gradients of the input, of each kernel and of each bias."""
        x, *weights = ctx.saved_tensors
        mean, share = mean_kernel(weights), 1 / len(weights)
        of_x, of_mean, of_bias = gradients(upstream, x, mean, needed=ctx.needs_input_grad[0])
        narrower = [(weight.shape[-1] - mean.shape[-1]) // 2 for weight in weights]
        of_weights = [F.pad(share * of_mean, (rim,) * 4) for rim in narrower]
        return of_x, None, None, *of_weights, *(share * of_bias for _ in weights)
