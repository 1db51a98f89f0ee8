"""The contract every recurrent cell keeps, and the pieces nearly all of them are made of.

Three things flow through a stack of cells. All are (batch, channels, height, width).

    hidden   up: what one layer gives out is what the next takes in      resampled between scales
    memory   up beside hidden, then from the top layer to the bottom
             layer of the next time step (PredRNN's zigzag)              resampled between scales
    state    forward in time inside one layer, seen by no other          never resampled

A cell therefore knows nothing of its neighbours, its depth, its scale or the size of the grid.

All cells of the zoo start from zero states and have a bias in every convolution (but for local
attention), no layer norm and no constant added to a forget gate, as the networks published with the
MS-RNN and MS-LSTM papers (https://arxiv.org/abs/2206.03010, https://arxiv.org/abs/2304.07724),
whatever the cell's own authors did. Where a cell departs from its paper in anything else, its
docstring says so.
"""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import NamedTuple

from torch import Tensor, nn

from model_zoo.layers.lean_convolution import Convolver, JoinedConv, JoinedConvolution

State = tuple[Tensor, ...]


class Step(NamedTuple):
    """What a cell hands on after one time step."""

    hidden: Tensor
    state: State
    memory: Tensor | None
    gate: Tensor | None = None
    """Output gate in 0..1, for a cell wrapped in a motion highway."""
    penalty: Tensor | None = None
    """Auxiliary loss (batch, channels), for a cell that has one."""


class Cell(nn.Module):
    """One recurrent layer."""

    states: int
    """How many tensors the layer carries through time."""
    multiple: int = 1
    """What the height and width of its input must be multiples of."""

    def begin(self, x: Tensor) -> State:
        """State before the first frame: zeros of the shape, type and device of `x`."""
        return tuple(nothing(x) for _ in range(self.states))

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step. `memory` is None below the first layer of the first step."""
        raise NotImplementedError


class ConvSum(nn.Module):
    """One convolution per input, summed: a linear map of several fields side by side.

    They are run as one, which passes over `nothing`.

    Attributes:
        by: Who convolves; torch by default.
    """

    by: Convolver | None = None

    def __init__(self, inputs: int, channels: int, outputs: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.convs = nn.ModuleList(conv(channels, outputs, kernel_size) for _ in range(inputs))

    def forward(self, *inputs: Tensor) -> Tensor:
        bias, *tensors = self.terms(inputs)
        total: Tensor = JoinedConvolution.apply(bias, self.by, len(tensors) // 2, *tensors)  # type: ignore[no-untyped-call]
        return total

    def terms(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The sum of all biases, the kernels of the inputs that are something, and these."""
        weights, biases = zip(*(conv.parameters() for conv in self.convs), strict=True)
        there = [(w, x) for w, x in zip(weights, inputs, strict=True) if not is_nothing(x)]
        kernels, fields = zip(*there, strict=True)
        return [reduce(add, biases), *kernels, *fields]  # not sum(), which would begin with 0


def nothing(x: Tensor) -> Tensor:
    """Zeros of the shape, type and device of `x` that take no memory."""
    return x.new_zeros(()).expand(x.shape)


def is_nothing(x: Tensor) -> bool:
    """Whether a field is `nothing`: nothing else has one place for all of its numbers."""
    return x.numel() > 1 and not any(x.stride())


def conv(channels: int, outputs: int, kernel_size: int = 3) -> JoinedConv:
    """A convolution that keeps height and width."""
    return JoinedConv(1, channels, outputs, kernel_size)


def remember(i: Tensor, f: Tensor, g: Tensor, memory: Tensor) -> Tensor:
    """The LSTM update from raw gates: forget some of `memory`, write some of `g`."""
    return f.sigmoid() * memory + write(i, g)


def write(i: Tensor, g: Tensor) -> Tensor:
    """What an LSTM adds to a memory, from raw gates: as much of `g` as `i` lets in."""
    return i.sigmoid() * g.tanh()
