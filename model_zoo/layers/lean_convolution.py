"""Convolutions that keep less for the backward pass than torch's own, at the same numbers."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class Convolver(Protocol):
    """Another way than torch's to convolve, whose results are the same but for rounding."""

    def convolve(self, fields: Sequence[Tensor], kernels: Sequence[Tensor], bias: Tensor) -> Tensor:
        """The convolution of fields side by side by kernels side by side."""

    def remember(
        self,
        memory: Tensor,
        fields: Sequence[Tensor],
        kernels: Sequence[Tensor],
        bias: Tensor,
        gates: int,
    ) -> list[Tensor]:
        """The LSTM update of a memory from the first three of `gates` that a convolution gives,
        and the others as they are."""

    def of_fields(self, upstream: Tensor, kernels: Sequence[Tensor]) -> Tensor:
        """The gradient of the fields, side by side, from that of the convolution."""


class JoinedConv(nn.Conv2d):
    """One convolution of several fields side by side, which keeps them and no copy of them all.

    Cells keep the fields anyway: they are states, or what other convolutions start from.

    Attributes:
        by: Who convolves; torch by default.
    """

    by: Convolver | None = None

    def __init__(self, inputs: int, channels: int, outputs: int, kernel_size: int = 3) -> None:
        """Take `inputs` fields of `channels` each; height and width stay."""
        super().__init__(inputs * channels, outputs, kernel_size, padding=kernel_size // 2)

    def forward(self, *fields: Tensor) -> Tensor:
        """The convolution of `fields`, in the order of the kernel's channels."""
        joined: Tensor = JoinedConvolution.apply(self.bias, self.by, 1, self.weight, *fields)  # type: ignore[no-untyped-call]
        return joined


class JoinedConvolution(torch.autograd.Function):
    """A convolution that joins its fields once more for the backward pass.

    There is a kernel for all of the fields, or one for each.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  (torch's own type has none of what it is used for)
        bias: Tensor,
        by: Convolver | None,
        kernels: int,
        *tensors: Tensor,
    ) -> Tensor:
        """Kernels, then fields."""
        ctx.by, ctx.kernels = by, kernels
        ctx.save_for_backward(*tensors)
        return convolved(tensors[kernels:], tensors[:kernels], bias, by)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        upstream: Tensor,
    ) -> tuple[Tensor | None, ...]:
        """Gradients of the bias, of each kernel and of each field."""
        kernels, fields = ctx.saved_tensors[: ctx.kernels], ctx.saved_tensors[ctx.kernels :]
        needed = ctx.needs_input_grad[3 + ctx.kernels :]
        of_bias, *others = joined_gradients(upstream, fields, kernels, needed, ctx.by)
        return of_bias, None, None, *others


def convolved(
    fields: Sequence[Tensor], kernels: Sequence[Tensor], bias: Tensor, by: Convolver | None
) -> Tensor:
    """The convolution of fields side by side by kernels side by side."""
    if by is not None:
        return by.convolve(fields, kernels, bias)
    return F.conv2d(beside(fields), beside(kernels), bias, padding=kernels[0].shape[-1] // 2)


def beside(parts: Sequence[Tensor]) -> Tensor:
    """All channels of several fields or kernels; one is not copied."""
    return torch.cat(list(parts), dim=1) if len(parts) > 1 else parts[0]


def joined_gradients(
    upstream: Tensor,
    fields: Sequence[Tensor],
    kernels: Sequence[Tensor],
    needed: Sequence[bool],
    by: Convolver | None,
) -> list[Tensor | None]:
    """Gradients of the bias, of each of `kernels`, and of those of `fields` that need one."""
    x, weight = beside(fields), beside(kernels)
    widths = [field.shape[1] for field in fields]
    if all(needed):
        of_x, of_weight, of_bias = gradients(upstream, x, weight, needed=by is None)
        of_x = by.of_fields(upstream, kernels) if by is not None else of_x
        assert of_x is not None
        of_fields: list[Tensor | None] = list(torch.split(of_x, widths, dim=1))
    else:  # the states before the first frame need none
        _, of_weight, of_bias = gradients(upstream, x, weight, needed=False)
        parts = zip(fields, torch.split(weight, widths, dim=1), needed, strict=True)
        of_fields = [of_input(upstream, *part) if wanted else None for *part, wanted in parts]
    of_kernels = torch.split(of_weight, [kernel.shape[1] for kernel in kernels], dim=1)
    return [of_bias, *of_kernels, *of_fields]


def of_input(upstream: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Gradient of the input of a convolution that keeps the size."""
    found, _, _ = backwards(upstream, x, weight, wanted=(True, False, False))
    assert found is not None
    return found.to(x.dtype)


def gradients(
    upstream: Tensor, x: Tensor, weight: Tensor, *, needed: bool
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Gradients of input (if `needed`), kernel and bias of a convolution that keeps the size."""
    of_x, of_weight, of_bias = backwards(upstream, x, weight, wanted=(needed, True, True))
    assert of_weight is not None
    assert of_bias is not None
    of_x = None if of_x is None else of_x.to(x.dtype)
    return of_x, of_weight.to(weight.dtype), of_bias.to(weight.dtype)


def backwards(
    upstream: Tensor, x: Tensor, weight: Tensor, wanted: tuple[bool, bool, bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Those gradients of input, kernel and bias that are wanted, as wide as `upstream`."""
    reach = weight.shape[-1] // 2
    found: tuple[Tensor | None, Tensor | None, Tensor | None]
    found = torch.ops.aten.convolution_backward(
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
        output_mask=wanted,
    )
    return found


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
