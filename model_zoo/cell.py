"""Interface of recurrent cells, and the operations that most of them share.

Three kinds of tensors flow through a stack of cells, all (batch, channels, height, width).

    hidden   from a layer to the next: its output, their input           resampled between scales
    memory   beside hidden, and from the top layer to the bottom layer
             of the next time step (PredRNN's zigzag)                    resampled between scales
    state    from one time step to the next within a layer               never resampled

A cell is therefore independent of its neighbours, depth, scale and grid size.

All cells start from zero states and have a bias in every convolution (except local attention), no
layer norm and no constant added to the forget gate, as in the networks published with the MS-RNN
and MS-LSTM papers (https://arxiv.org/abs/2206.03010, https://arxiv.org/abs/2304.07724), also where
the authors of the cell did otherwise. Other deviations from a paper are in the docstring of the
cell.
"""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import NamedTuple

from torch import Tensor, nn

from model_zoo.layers.lean_convolution import ConvolutionBackend, JoinedConv, JoinedConvolution

State = tuple[Tensor, ...]


class Step(NamedTuple):
    """Result of one time step of a cell; tensors (batch, channels, height, width)."""

    hidden: Tensor
    state: State
    memory: Tensor | None
    gate: Tensor | None = None
    """Output gate in 0..1, of a cell that can be wrapped in a motion highway."""
    penalty: Tensor | None = None
    """Auxiliary loss (batch, channels), of a cell that has one."""


class Cell(nn.Module):
    """One recurrent layer."""

    states: int
    """Number of state tensors."""
    multiple: int = 1
    """Height and width of the input must be multiples of this."""

    def begin(self, x: Tensor) -> State:
        """Return the initial state: zeros like `x`, (batch, channels, height, width)."""
        return tuple(lazy_zeros(x) for _ in range(self.states))

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step.

        Args:
            x: Input, (batch, channels, height, width).
            state: State of the last step, or that of `begin`; tensors like `x`.
            memory: Memory of the layer below, like `x`; None in the bottom layer at the first step.
        """
        raise NotImplementedError


class ConvSum(nn.Module):
    """A sum of convolutions, one for each input, run as one that skips `lazy_zeros`.

    Attributes:
        backend: Runs the convolutions; None for torch.
    """

    backend: ConvolutionBackend | None = None

    def __init__(self, inputs: int, channels: int, outputs: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.convs = nn.ModuleList(conv(channels, outputs, kernel_size) for _ in range(inputs))

    def forward(self, *inputs: Tensor) -> Tensor:
        """Sum the convolutions of the inputs, (batch, channels, height, width) each."""
        bias, *tensors = self.terms(inputs)
        total: Tensor = JoinedConvolution.apply(bias, self.backend, len(tensors) // 2, *tensors)  # type: ignore[no-untyped-call]
        return total

    def terms(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Return the summed bias (outputs,), then kernels, then fields, of the nonzero inputs.

        Args:
            inputs: (batch, channels, height, width) each.
        """
        weights, biases = zip(*(conv.parameters() for conv in self.convs), strict=True)
        nonzero = [(w, x) for w, x in zip(weights, inputs, strict=True) if not is_lazy_zeros(x)]
        kernels, fields = zip(*nonzero, strict=True)
        return [reduce(add, biases), *kernels, *fields]  # sum() would add to 0


def lazy_zeros(x: Tensor) -> Tensor:
    """Return zeros like `x` (any shape) that take no memory: one element, expanded."""
    return x.new_zeros(()).expand(x.shape)


def is_lazy_zeros(x: Tensor) -> bool:
    """Whether a tensor (any shape) comes from `lazy_zeros`: all of its strides are 0."""
    return x.numel() > 1 and not any(x.stride())


def conv(channels: int, outputs: int, kernel_size: int = 3) -> JoinedConv:
    """Make a convolution that keeps height and width."""
    return JoinedConv(1, channels, outputs, kernel_size)


def lstm_update(i: Tensor, f: Tensor, g: Tensor, memory: Tensor) -> Tensor:
    """Update an LSTM memory: sigmoid(f) memory + sigmoid(i) tanh(g).

    Args:
        i: Input gate before its activation, (batch, channels, height, width).
        f: Forget gate, likewise.
        g: Candidate, likewise.
        memory: (batch, channels, height, width).

    Returns:
        Likewise.
    """
    return f.sigmoid() * memory + gated_input(i, g)


def gated_input(i: Tensor, g: Tensor) -> Tensor:
    """Compute what an LSTM adds to its memory: sigmoid(i) tanh(g).

    Args:
        i: Input gate before its activation, (batch, channels, height, width).
        g: Candidate, likewise.

    Returns:
        Likewise.
    """
    return i.sigmoid() * g.tanh()
