"""Formulas for what a cell makes of the outputs of a convolution: sums of products of activations.

    sigmoid(0) * tanh(2) + sigmoid(1) * identity(memory)

is the LSTM memory update from the output groups 0, 1 and 2 of a convolution and the previous
memory. An operand is an activation of an output group, of a field, or of the sum of both. Fields
and groups are float32 (batch, channels, height, width).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from model_zoo.cells.trajgru import SLOPE

Source = int | Tensor
"""Index of an output group of a convolution, or a field (batch, channels, height, width)."""


class Activation(IntEnum):
    """Pointwise function of an operand. The C kernels use these numbers (native/convolve.h)."""

    IDENTITY = 0
    SIGMOID = 1
    COMPLEMENT = 2
    """1 - sigmoid."""
    DOUBLE_SIGMOID = 3
    """2 sigmoid."""
    TANH = 4
    LEAKY_RELU = 5
    """With the slope of TrajGRU."""


FUNCTIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        Activation.IDENTITY: lambda x: x,
        Activation.SIGMOID: torch.sigmoid,
        Activation.COMPLEMENT: lambda x: torch.sigmoid(-x),
        Activation.DOUBLE_SIGMOID: lambda x: 2 * torch.sigmoid(x),
        Activation.TANH: torch.tanh,
        Activation.LEAKY_RELU: lambda x: F.leaky_relu(x, SLOPE),
    }
)


@dataclass(frozen=True)
class Operand:
    """An activation of an output group, of a field, or of their sum."""

    activation: Activation
    group: int | None
    field: Tensor | None

    def __mul__(self, other: "Operand") -> "Formula":
        """Return the product with another operand."""
        return Formula((self, other))

    def value(self, groups: Sequence[Tensor]) -> Tensor:
        """Evaluate the operand.

        Args:
            groups: Output groups of the convolution, each (batch, channels, height, width).

        Returns:
            (batch, channels, height, width).
        """
        field = self.with_groups(groups).field
        assert field is not None
        return FUNCTIONS[self.activation](field)

    def with_groups(self, groups: Sequence[Tensor]) -> "Operand":
        """Replace the group index by its values.

        Args:
            groups: Output groups of the convolution, each (batch, channels, height, width).
        """
        if self.group is None:
            return self
        total = groups[self.group]
        return Operand(self.activation, None, total if self.field is None else total + self.field)

    def map_fields(self, function: Callable[[Tensor], Tensor]) -> "Operand":
        """Apply a function to the field, if there is one."""
        if self.field is None:
            return self
        return Operand(self.activation, self.group, function(self.field))


@dataclass(frozen=True)
class Formula:
    """A product of one or two operands, or the sum of two such products."""

    first: tuple[Operand, ...]
    second: tuple[Operand, ...] = ()

    def __add__(self, other: "Formula") -> "Formula":
        """Return the sum of two products."""
        return Formula(self.first, other.first)

    def with_groups(self, groups: Sequence[Tensor]) -> "Formula":
        """Replace group indices by their values.

        Args:
            groups: Output groups of the convolution, each (batch, channels, height, width).
        """
        return self._map(lambda operand: operand.with_groups(groups))

    def map_fields(self, function: Callable[[Tensor], Tensor]) -> "Formula":
        """Apply a function to each field."""
        return self._map(lambda operand: operand.map_fields(function))

    def _map(self, function: Callable[[Operand], Operand]) -> "Formula":
        return Formula(tuple(map(function, self.first)), tuple(map(function, self.second)))

    def value(self, groups: Sequence[Tensor] = ()) -> Tensor:
        """Evaluate the formula.

        Args:
            groups: Output groups of the convolution, each (batch, channels, height, width).

        Returns:
            (batch, channels, height, width).
        """
        products = []
        for operands in filter(None, (self.first, self.second)):
            factors = [operand.value(groups) for operand in operands]
            products.append(factors[0] if len(factors) == 1 else factors[0] * factors[1])
        return products[0] if len(products) == 1 else products[0] + products[1]


def operand(activation: Activation, *sources: Source) -> Operand:
    """Make an operand of an output group, a field (batch, channels, height, width), or both."""
    group = next((source for source in sources if isinstance(source, int)), None)
    field = next((source for source in sources if isinstance(source, Tensor)), None)
    return Operand(activation, group, field)


def identity(*sources: Source) -> Operand:
    """The sum of the sources itself, (batch, channels, height, width)."""
    return operand(Activation.IDENTITY, *sources)


def sigmoid(*sources: Source) -> Operand:
    """Sigmoid of the sum of the sources, (batch, channels, height, width): a gate."""
    return operand(Activation.SIGMOID, *sources)


def complement(*sources: Source) -> Operand:
    """1 - sigmoid of the sum of the sources, (batch, channels, height, width)."""
    return operand(Activation.COMPLEMENT, *sources)


def tanh(*sources: Source) -> Operand:
    """Hyperbolic tangent of the sum of the sources, (batch, channels, height, width)."""
    return operand(Activation.TANH, *sources)


def double_sigmoid(*sources: Source) -> Operand:
    """2 sigmoid of the sum of the sources, (batch, channels, height, width)."""
    return operand(Activation.DOUBLE_SIGMOID, *sources)


def leaky_relu(*sources: Source) -> Operand:
    """Leaky ReLU (slope 0.2) of the sum of the sources, (batch, channels, height, width)."""
    return operand(Activation.LEAKY_RELU, *sources)


def linear(*sources: Source) -> Formula:
    """Formula of the sum of the sources alone, (batch, channels, height, width)."""
    return Formula((identity(*sources),))


def gated_input(i: Source, g: Source) -> Formula:
    """What an LSTM adds to its memory, sigmoid(i) tanh(g).

    Args:
        i: Input gate before the sigmoid, (batch, channels, height, width) or a group.
        g: Candidate before the tanh, likewise.
    """
    return sigmoid(i) * tanh(g)


def lstm_update(i: Source, f: Source, g: Source, memory: Tensor | None) -> Formula:
    """The LSTM memory update, sigmoid(f) memory + sigmoid(i) tanh(g).

    Args:
        i: Input gate before the sigmoid, (batch, channels, height, width) or a group.
        f: Forget gate before the sigmoid, likewise.
        g: Candidate before the tanh, likewise.
        memory: (batch, channels, height, width); None where it is zero.
    """
    if memory is None:
        return gated_input(i, g)
    return gated_input(i, g) + sigmoid(f) * identity(memory)
