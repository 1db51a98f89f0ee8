"""Convolutions that keep the size, put together into fewer that give the same.

Everything is worked out in float64, so that what is put together differs from its parts by no more
than float32 rounds.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model_zoo.cell import ConvSum


class Kernel(NamedTuple):
    """A convolution of fields side by side."""

    weight: Tensor
    """(outputs, channels of all fields, size, size), float64."""
    bias: Tensor
    """(outputs,), zero where there is none."""
    widths: tuple[int, ...]
    """Channels of each field."""

    @property
    def size(self) -> int:
        """Height and width of the kernel."""
        return self.weight.shape[-1]

    def outputs(self, first: int, last: int) -> "Kernel":
        """Only some of the outputs."""
        return self._replace(weight=self.weight[first:last], bias=self.bias[first:last])

    def fields(self) -> list["Kernel"]:
        """One for each field, the bias with the first."""
        weights = torch.split(self.weight, list(self.widths), dim=1)
        biases = [self.bias, *(torch.zeros_like(self.bias) for _ in weights[1:])]
        parts = zip(weights, biases, self.widths, strict=True)
        return [Kernel(weight, bias, (width,)) for weight, bias, width in parts]


def of(conv: nn.Module, *, inputs: int = 1) -> Kernel:
    """That of a convolution of `inputs` fields of equal width."""
    assert isinstance(conv, nn.Conv2d)
    weight = conv.weight.detach().double()
    bias = weight.new_zeros(len(weight)) if conv.bias is None else conv.bias.detach().double()
    return Kernel(weight, bias, (weight.shape[1] // inputs,) * inputs)


def of_sum(convs: ConvSum) -> Kernel:
    """That of a sum of convolutions, one for each field."""
    return beside(*map(of, convs.convs))


def beside(*kernels: Kernel) -> Kernel:
    """The sum of convolutions of different fields: one of all fields."""
    size = max(kernel.size for kernel in kernels)
    weight = torch.cat([widened(kernel, size) for kernel in kernels], dim=1)
    bias = torch.stack([kernel.bias for kernel in kernels]).sum(0)
    return Kernel(weight, bias, sum((kernel.widths for kernel in kernels), ()))


def above(*kernels: Kernel) -> Kernel:
    """Convolutions of the same fields, their outputs one group after another."""
    size = max(kernel.size for kernel in kernels)
    weight = torch.cat([widened(kernel, size) for kernel in kernels])
    return Kernel(weight, torch.cat([kernel.bias for kernel in kernels]), kernels[0].widths)


def added(kernel: Kernel, other: Kernel) -> Kernel:
    """The sum of two convolutions of the same fields."""
    size = max(kernel.size, other.size)
    return Kernel(
        widened(kernel, size) + widened(other, size), kernel.bias + other.bias, kernel.widths
    )


def mean(*kernels: Kernel) -> Kernel:
    """The mean of convolutions of the same fields."""
    size = max(kernel.size for kernel in kernels)
    weight = torch.stack([widened(kernel, size) for kernel in kernels]).mean(0)
    bias = torch.stack([kernel.bias for kernel in kernels]).mean(0)
    return Kernel(weight, bias, kernels[0].widths)


def after(kernel: Kernel, embed: Kernel) -> Kernel:
    """`kernel` of one field that is a 1x1 convolution of others: of those, and of a field of ones.

    The ones carry the bias of `embed`, which the edge of the field cuts off as it does the rest.
    """
    mapped = torch.cat([embed.weight[:, :, 0, 0], embed.bias[:, None]], dim=1)
    weight = torch.einsum("ocyx,ci->oiyx", kernel.weight, mapped)
    return Kernel(weight, kernel.bias, (mapped.shape[1],))


def widened(kernel: Kernel, size: int) -> Tensor:
    """Its weight with zeros around it, up to a larger size."""
    return F.pad(kernel.weight, ((size - kernel.size) // 2,) * 4)
