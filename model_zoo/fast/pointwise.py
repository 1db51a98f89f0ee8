"""What a cell makes of the sums that its convolutions give: products of two numbers, added.

    sigmoid(0) * tanh(2) + sigmoid(1) * plain(memory)

is the memory of an LSTM from the groups 0, 1 and 2 of the outputs of a convolution and the memory
of before. A number is made of a group, of a field, or of the sum of both.
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
"""A group of outputs, or a field."""


class How(IntEnum):
    """What is made of a sum. The kernels in C go by these numbers (native/convolve.h)."""

    PLAIN = 0
    SIGMOID = 1
    REST = 2
    """What a gate keeps back, 1 - sigmoid."""
    DOUBLE = 3
    """Twice a gate."""
    TANH = 4
    LEAKY = 5
    """The leaky ReLU of TrajGRU."""


MADE: Mapping[How, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        How.PLAIN: lambda x: x,
        How.SIGMOID: torch.sigmoid,
        How.REST: lambda x: torch.sigmoid(-x),
        How.DOUBLE: lambda x: 2 * torch.sigmoid(x),
        How.TANH: torch.tanh,
        How.LEAKY: lambda x: F.leaky_relu(x, SLOPE),
    }
)


@dataclass(frozen=True)
class Number:
    """A number for each pixel and channel."""

    how: How
    group: int | None
    field: Tensor | None

    def __mul__(self, other: "Number") -> "Formula":
        """The product with another."""
        return Formula((self, other))

    def of(self, groups: Sequence[Tensor]) -> Tensor:
        """Its value."""
        field = self.seen(groups).field
        assert field is not None
        return MADE[self.how](field)

    def seen(self, groups: Sequence[Tensor]) -> "Number":
        """The same of a field alone."""
        if self.group is None:
            return self
        total = groups[self.group]
        return Number(self.how, None, total if self.field is None else total + self.field)

    def each_field(self, do: Callable[[Tensor], Tensor]) -> "Number":
        """The same with something done to its field."""
        return self if self.field is None else Number(self.how, self.group, do(self.field))


@dataclass(frozen=True)
class Formula:
    """A product of one or two numbers, or the sum of two such products."""

    first: tuple[Number, ...]
    second: tuple[Number, ...] = ()

    def __add__(self, other: "Formula") -> "Formula":
        """The sum of two products."""
        return Formula(self.first, other.first)

    def seen(self, groups: Sequence[Tensor]) -> "Formula":
        """The same of fields alone."""
        return self._each(lambda number: number.seen(groups))

    def each_field(self, do: Callable[[Tensor], Tensor]) -> "Formula":
        """The same with something done to each field."""
        return self._each(lambda number: number.each_field(do))

    def _each(self, do: Callable[[Number], Number]) -> "Formula":
        return Formula(tuple(map(do, self.first)), tuple(map(do, self.second)))

    def of(self, groups: Sequence[Tensor] = ()) -> Tensor:
        """Its value."""
        products = []
        for numbers in filter(None, (self.first, self.second)):
            values = [number.of(groups) for number in numbers]
            products.append(values[0] if len(values) == 1 else values[0] * values[1])
        return products[0] if len(products) == 1 else products[0] + products[1]


def made(how: How, *sources: Source) -> Number:
    """A number of a group, a field, or the sum of both."""
    group = next((source for source in sources if isinstance(source, int)), None)
    field = next((source for source in sources if isinstance(source, Tensor)), None)
    return Number(how, group, field)


def plain(*sources: Source) -> Number:
    """The sum itself."""
    return made(How.PLAIN, *sources)


def sigmoid(*sources: Source) -> Number:
    """A gate."""
    return made(How.SIGMOID, *sources)


def rest(*sources: Source) -> Number:
    """What that gate keeps back."""
    return made(How.REST, *sources)


def tanh(*sources: Source) -> Number:
    """Something between -1 and 1."""
    return made(How.TANH, *sources)


def double(*sources: Source) -> Number:
    """Twice a gate."""
    return made(How.DOUBLE, *sources)


def leaky(*sources: Source) -> Number:
    """The leaky ReLU of TrajGRU."""
    return made(How.LEAKY, *sources)


def keep(*sources: Source) -> Formula:
    """The sum itself, and nothing else."""
    return Formula((plain(*sources),))


def write(i: Source, g: Source) -> Formula:
    """What an LSTM adds to a memory, from raw gates."""
    return sigmoid(i) * tanh(g)


def remember(i: Source, f: Source, g: Source, memory: Tensor | None) -> Formula:
    """The LSTM update from raw gates; where there is no memory yet, nothing is forgotten."""
    return write(i, g) if memory is None else write(i, g) + sigmoid(f) * plain(memory)
