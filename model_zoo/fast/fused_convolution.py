"""Fusing of same-size convolutions: several kernels into one with the same result.

Kernels are combined in float64, so that the fused convolution differs from its parts by float32
rounding only.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model_zoo.cell import ConvSum


class Kernel(NamedTuple):
    """Weights of a convolution of several fields concatenated along their channels."""

    weight: Tensor
    """(outputs, channels of all fields, size, size), float64."""
    bias: Tensor
    """(outputs,), float64; zeros for a convolution without a bias."""
    widths: tuple[int, ...]
    """Channels of each input field."""

    @property
    def size(self) -> int:
        """Height and width of the kernel in pixels."""
        return self.weight.shape[-1]

    def select_outputs(self, first: int, last: int) -> "Kernel":
        """Return the kernel of the outputs `first` to `last`, the latter excluded."""
        return self._replace(weight=self.weight[first:last], bias=self.bias[first:last])

    def split_inputs(self) -> list["Kernel"]:
        """Return one kernel for each input field; the first of them has the bias."""
        weights = torch.split(self.weight, list(self.widths), dim=1)
        biases = [self.bias, *(torch.zeros_like(self.bias) for _ in weights[1:])]
        parts = zip(weights, biases, self.widths, strict=True)
        return [Kernel(weight, bias, (width,)) for weight, bias, width in parts]


def kernel_of(conv: nn.Module, *, inputs: int = 1) -> Kernel:
    """Return the kernel (outputs, inputs * channels, size, size) of an `nn.Conv2d`.

    Args:
        conv: The convolution.
        inputs: Number of its input fields, all with the same number of channels.
    """
    assert isinstance(conv, nn.Conv2d)
    weight = conv.weight.detach().double()
    bias = weight.new_zeros(len(weight)) if conv.bias is None else conv.bias.detach().double()
    return Kernel(weight, bias, (weight.shape[1] // inputs,) * inputs)


def kernel_of_sum(convs: ConvSum) -> Kernel:
    """Return the kernel of a sum of convolutions, one for each input field."""
    return concatenate_inputs(*map(kernel_of, convs.convs))


def concatenate_inputs(*kernels: Kernel) -> Kernel:
    """Fuse a sum of convolutions of different fields into one convolution of all fields."""
    size = max(kernel.size for kernel in kernels)
    weight = torch.cat([padded_weight(kernel, size) for kernel in kernels], dim=1)
    bias = torch.stack([kernel.bias for kernel in kernels]).sum(0)
    return Kernel(weight, bias, sum((kernel.widths for kernel in kernels), ()))


def concatenate_outputs(*kernels: Kernel) -> Kernel:
    """Fuse convolutions of the same fields into one whose outputs are concatenated."""
    size = max(kernel.size for kernel in kernels)
    weight = torch.cat([padded_weight(kernel, size) for kernel in kernels])
    return Kernel(weight, torch.cat([kernel.bias for kernel in kernels]), kernels[0].widths)


def add(kernel: Kernel, other: Kernel) -> Kernel:
    """Fuse the sum of two convolutions of the same fields."""
    size = max(kernel.size, other.size)
    return Kernel(
        padded_weight(kernel, size) + padded_weight(other, size),
        kernel.bias + other.bias,
        kernel.widths,
    )


def mean(*kernels: Kernel) -> Kernel:
    """Fuse the mean of convolutions of the same fields."""
    size = max(kernel.size for kernel in kernels)
    weight = torch.stack([padded_weight(kernel, size) for kernel in kernels]).mean(0)
    bias = torch.stack([kernel.bias for kernel in kernels]).mean(0)
    return Kernel(weight, bias, kernels[0].widths)


def compose_1x1(kernel: Kernel, embed: Kernel) -> Kernel:
    """Fuse `kernel` with the 1x1 convolution `embed` before it.

    The result takes the input of `embed` and a field of ones after it. The ones carry the bias of
    `embed`, so that zero padding applies to the bias as to the embedded field.

    Args:
        kernel: Of one field with the outputs of `embed`, (outputs, channels, size, size).
        embed: (channels, inputs, 1, 1).

    Returns:
        (outputs, inputs + 1, size, size).
    """
    mapped = torch.cat([embed.weight[:, :, 0, 0], embed.bias[:, None]], dim=1)
    weight = torch.einsum("ocyx,ci->oiyx", kernel.weight, mapped)
    return Kernel(weight, kernel.bias, (mapped.shape[1],))


def padded_weight(kernel: Kernel, size: int) -> Tensor:
    """Return the weight (outputs, channels, size, size), zero-padded to a larger odd `size`."""
    return F.pad(kernel.weight, ((size - kernel.size) // 2,) * 4)
