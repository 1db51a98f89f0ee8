"""Convolutions that save less memory for the backward pass than torch's, with the same results.

Fields are (batch, channels, height, width).
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class ConvolutionBackend(Protocol):
    """An implementation of convolutions for training that equals torch's up to rounding."""

    def convolve(self, fields: Sequence[Tensor], kernels: Sequence[Tensor], bias: Tensor) -> Tensor:
        """Convolve concatenated fields by concatenated kernels, keeping height and width.

        Args:
            fields: (batch, channels, height, width) each.
            kernels: (outputs, channels, size, size) each, together of the channels of all fields.
            bias: (outputs,).

        Returns:
            (batch, outputs, height, width).
        """

    def lstm_update(
        self,
        memory: Tensor,
        fields: Sequence[Tensor],
        kernels: Sequence[Tensor],
        bias: Tensor,
        gates: int,
    ) -> list[Tensor]:
        """Update an LSTM memory by gates that are a convolution.

        Args:
            memory: (batch, channels, height, width).
            fields: As in `convolve`.
            kernels: As in `convolve`; their outputs are `gates` times the channels of the memory.
            bias: (outputs,).
            gates: Number of gates: input, forget, candidate, then others.

        Returns:
            The updated memory and the other gates before activation, as `memory`.
        """

    def fields_gradient(self, upstream: Tensor, kernels: Sequence[Tensor]) -> Tensor:
        """Compute the gradient of the concatenated fields.

        Args:
            upstream: Gradient of the result, (batch, outputs, height, width).
            kernels: As in `convolve`.

        Returns:
            (batch, channels of all fields, height, width).
        """


class JoinedConv(nn.Conv2d):
    """A convolution of concatenated fields that saves the fields and not their concatenation.

    The fields are saved anyway: they are states, or inputs of other convolutions.

    Attributes:
        backend: Runs the convolution; None for torch.
    """

    backend: ConvolutionBackend | None = None

    def __init__(self, inputs: int, channels: int, outputs: int, kernel_size: int = 3) -> None:
        """Make a convolution of `inputs` fields of `channels` each that keeps height and width."""
        super().__init__(inputs * channels, outputs, kernel_size, padding=kernel_size // 2)

    def forward(self, *fields: Tensor) -> Tensor:
        """Convolve fields (batch, channels, height, width), in the order of the kernel's inputs."""
        joined: Tensor = JoinedConvolution.apply(self.bias, self.backend, 1, self.weight, *fields)  # type: ignore[no-untyped-call]
        return joined


class JoinedConvolution(torch.autograd.Function):
    """A convolution that concatenates its fields again in the backward pass.

    There is one kernel for all of the fields, or one for each.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  torch's type lacks the attributes used here
        bias: Tensor,
        backend: ConvolutionBackend | None,
        kernels: int,
        *tensors: Tensor,
    ) -> Tensor:
        """Convolve; `tensors` are kernels, then fields, shaped as in `convolve_joined`."""
        ctx.backend, ctx.kernels = backend, kernels
        ctx.save_for_backward(*tensors)
        return convolve_joined(tensors[kernels:], tensors[:kernels], bias, backend)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        upstream: Tensor,
    ) -> tuple[Tensor | None, ...]:
        """Return gradients of bias, kernels and fields, each shaped as its tensor."""
        kernels, fields = ctx.saved_tensors[: ctx.kernels], ctx.saved_tensors[ctx.kernels :]
        needed = ctx.needs_input_grad[3 + ctx.kernels :]
        bias_gradient, *others = joined_gradients(upstream, fields, kernels, needed, ctx.backend)
        return bias_gradient, None, None, *others


def convolve_joined(
    fields: Sequence[Tensor],
    kernels: Sequence[Tensor],
    bias: Tensor,
    backend: ConvolutionBackend | None,
) -> Tensor:
    """Convolve concatenated fields by concatenated kernels, keeping height and width.

    Args:
        fields: (batch, channels, height, width) each.
        kernels: (outputs, channels, size, size) each.
        bias: (outputs,).
        backend: None for torch.

    Returns:
        (batch, outputs, height, width).
    """
    if backend is not None:
        return backend.convolve(fields, kernels, bias)
    return F.conv2d(
        concatenate(fields), concatenate(kernels), bias, padding=kernels[0].shape[-1] // 2
    )


def concatenate(parts: Sequence[Tensor]) -> Tensor:
    """Concatenate fields or kernels along channels, dimension 1; a single one is not copied."""
    return torch.cat(list(parts), dim=1) if len(parts) > 1 else parts[0]


def joined_gradients(
    upstream: Tensor,
    fields: Sequence[Tensor],
    kernels: Sequence[Tensor],
    needed: Sequence[bool],
    backend: ConvolutionBackend | None,
) -> list[Tensor | None]:
    """Compute the gradients of a convolution of concatenated fields.

    Args:
        upstream: Gradient of the result, (batch, outputs, height, width).
        fields: (batch, channels, height, width) each.
        kernels: (outputs, channels, size, size) each.
        needed: Which fields need a gradient.
        backend: None for torch.

    Returns:
        Gradients of the bias, of each kernel and of each field, shaped as these; None for a field
        that needs none.
    """
    x, weight = concatenate(fields), concatenate(kernels)
    widths = [field.shape[1] for field in fields]
    if all(needed):
        x_gradient, weight_gradient, bias_gradient = convolution_gradients(
            upstream, x, weight, needed=backend is None
        )
        x_gradient = (
            backend.fields_gradient(upstream, kernels) if backend is not None else x_gradient
        )
        assert x_gradient is not None
        fields_gradient: list[Tensor | None] = list(torch.split(x_gradient, widths, dim=1))
    else:  # the zero states before the first frame need none
        _, weight_gradient, bias_gradient = convolution_gradients(upstream, x, weight, needed=False)
        parts = zip(fields, torch.split(weight, widths, dim=1), needed, strict=True)
        fields_gradient = [
            input_gradient(upstream, *part) if wanted else None for *part, wanted in parts
        ]
    kernel_gradients = torch.split(weight_gradient, [kernel.shape[1] for kernel in kernels], dim=1)
    return [bias_gradient, *kernel_gradients, *fields_gradient]


def input_gradient(upstream: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Compute the input gradient of a same-size convolution.

    Args:
        upstream: Gradient of the result, (batch, outputs, height, width).
        x: Input, (batch, channels, height, width).
        weight: (outputs, channels, size, size).

    Returns:
        As `x`.
    """
    found, _, _ = convolution_backward(upstream, x, weight, wanted=(True, False, False))
    assert found is not None
    return found.to(x.dtype)


def convolution_gradients(
    upstream: Tensor, x: Tensor, weight: Tensor, *, needed: bool
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Compute input (if `needed`), kernel and bias gradients of a same-size convolution.

    Args:
        upstream: Gradient of the result, (batch, outputs, height, width).
        x: Input, (batch, channels, height, width).
        weight: (outputs, channels, size, size).
        needed: Whether the input needs a gradient.

    Returns:
        Shaped as `x`, `weight` and the bias (outputs,).
    """
    x_gradient, weight_gradient, bias_gradient = convolution_backward(
        upstream, x, weight, wanted=(needed, True, True)
    )
    assert weight_gradient is not None
    assert bias_gradient is not None
    x_gradient = None if x_gradient is None else x_gradient.to(x.dtype)
    return x_gradient, weight_gradient.to(weight.dtype), bias_gradient.to(weight.dtype)


def convolution_backward(
    upstream: Tensor, x: Tensor, weight: Tensor, wanted: tuple[bool, bool, bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Run torch's backward pass of a same-size convolution.

    Args:
        upstream: Gradient of the result, (batch, outputs, height, width).
        x: Input, (batch, channels, height, width).
        weight: (outputs, channels, size, size).
        wanted: Which gradients to compute: of input, kernel and bias.

    Returns:
        Shaped as input, kernel and bias (outputs,), in the type of `upstream`.
    """
    reach = weight.shape[-1] // 2
    found: tuple[Tensor | None, Tensor | None, Tensor | None]
    found = torch.ops.aten.convolution_backward(
        upstream,
        x.to(upstream.dtype),  # under autocast the input is wider than the result
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
    """Average kernels (outputs, channels, size, size) of odd sizes, zero-padded to the largest."""
    reach = max(weight.shape[-1] for weight in weights) // 2
    wide = [F.pad(weight, (reach - weight.shape[-1] // 2,) * 4) for weight in weights]
    return torch.stack(wide).mean(0)


class MeanConvolution(torch.autograd.Function):
    """A convolution by the mean of kernels that saves its input and not the mean.

    A mean saved at every step would take more memory than a small field.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        mean: Tensor,
        bias: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        """Convolve `x` (batch, channels, height, width) by the mean kernel.

        Args:
            ctx: Context of autograd.
            x: (batch, channels, height, width).
            mean: Mean of the kernels, (outputs, channels, size, size).
            bias: Mean of the biases, (outputs,).
            parameters: The kernels, then the biases.

        Returns:
            (batch, outputs, height, width).
        """
        ctx.save_for_backward(x, *parameters[: len(parameters) // 2])
        return F.conv2d(x, mean, bias, padding=mean.shape[-1] // 2)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        upstream: Tensor,
    ) -> tuple[Tensor | None, ...]:
        """Return gradients of the input, of each kernel and of each bias, shaped as these."""
        x, *weights = ctx.saved_tensors
        mean, share = mean_kernel(weights), 1 / len(weights)
        x_gradient, mean_gradient, bias_gradient = convolution_gradients(
            upstream, x, mean, needed=ctx.needs_input_grad[0]
        )
        crops = [(weight.shape[-1] - mean.shape[-1]) // 2 for weight in weights]
        weight_gradients = [F.pad(share * mean_gradient, (rim,) * 4) for rim in crops]
        return x_gradient, None, None, *weight_gradients, *(share * bias_gradient for _ in weights)
