"""The cells of the zoo, rearranged; the equations are those of `model_zoo/cells`.

A fast cell takes None for a state or a memory that is zero. One that `lifts` sees its input through
convolutions alone, so that at the bottom it may take the frame itself, before it is embedded.
"""

from collections.abc import Callable
from typing import ClassVar, NamedTuple, Protocol

from torch import Tensor

from model_zoo.cells.convlstm import ConvLSTM
from model_zoo.cells.mk_lstm import MKLSTM
from model_zoo.cells.preciplstm import PrecipLSTM
from model_zoo.cells.predrnn import PredRNN
from model_zoo.cells.predrnn_plus import CausalLSTM
from model_zoo.fast.fused_convolution import Kernel, above, added, beside, of, of_sum
from model_zoo.fast.pointwise import keep, remember, sigmoid, tanh, write
from model_zoo.fast.torch_backend import Arithmetic, Field

Lift = Callable[[Kernel], Kernel]
"""From a convolution of what a layer takes in to one of what it is given instead."""
States = tuple[Field, ...]


class Step(NamedTuple):
    """What a fast cell hands on after one time step; see `model_zoo.cell`."""

    hidden: Tensor
    state: States
    memory: Field
    gate: Field = None
    """The output gate before the sigmoid, of a cell that may stand in a motion highway."""


class FastCell(Protocol):
    """A cell that advances without gradients."""

    lifts: ClassVar[bool]

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step; a state of zeros is None."""


class FastConvLSTM:
    """ConvLSTM: all gates by one convolution."""

    lifts: ClassVar[bool] = True

    def __init__(self, cell: ConvLSTM, by: Arithmetic, lift: Lift) -> None:
        self.gates = by.convolution(lifted(of_sum(cell.gates), lift), 4)
        self.by = by

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step."""
        h, c = state
        c, o = self.gates([x, h], remember(0, 1, 2, c), keep(3))
        h = self.by.mix(sigmoid(o) * tanh(c))
        return Step(h, (h, c), memory)


class FastMKLSTM:
    """MK-LSTM: what both kernel sizes give the output gate is one convolution of each source."""

    lifts: ClassVar[bool] = True

    def __init__(self, cell: MKLSTM, by: Arithmetic, lift: Lift) -> None:
        near, far = (lifted(of_sum(gates), lift) for gates in (cell.near_gates, cell.far_gates))
        three, four = len(near.bias) // 4 * 3, len(near.bias)
        output = added(near.outputs(three, four), far.outputs(three, four))
        self.near = by.convolution(near.outputs(0, three), 3)
        self.far = by.convolution(above(far.outputs(0, three), output), 4)
        self.output = by.convolution(beside(of(cell.near_output), of(cell.far_output)))
        self.fuse = by.convolution(of(cell.fuse, inputs=2))

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step."""
        h, near, far = state
        (near,) = self.near([x, h], remember(0, 1, 2, near))
        far, o = self.far([x, h], remember(0, 1, 2, far), keep(3))
        (o,) = self.output([near, far], keep(0, o))
        (h,) = self.fuse([near, far], sigmoid(o) * tanh(0))
        return Step(h, (h, near, far), memory)


class FastPredRNN:
    """PredRNN; forecasts need no penalty on what PredRNN-V2 writes."""

    lifts: ClassVar[bool] = True

    def __init__(self, cell: PredRNN, by: Arithmetic, lift: Lift) -> None:
        self.gates = by.convolution(lifted(of_sum(cell.gates), lift), 4)
        self.memory_gates = by.convolution(lifted(of_sum(cell.memory_gates), lift), 3)
        self.output_gate = by.convolution(of_sum(cell.output_gate))
        self.fuse = by.convolution(of(cell.fuse, inputs=2))

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step."""
        h, c = state
        c, o = self.gates([x, h], remember(0, 1, 2, c), keep(3))
        (m,) = self.memory_gates([x, memory], remember(0, 1, 2, memory))
        (o,) = self.output_gate([c, m], keep(0, o))
        (h,) = self.fuse([c, m], sigmoid(o) * tanh(0))
        return Step(h, (h, c), m, gate=o)


class FastCausalLSTM:
    """Causal LSTM."""

    lifts: ClassVar[bool] = True

    def __init__(self, cell: CausalLSTM, by: Arithmetic, lift: Lift) -> None:
        self.gates = by.convolution(lifted(of(cell.gates, inputs=3), lift), 3)
        self.memory_gates = by.convolution(lifted(of(cell.memory_gates, inputs=3), lift), 3)
        self.memory_read = by.convolution(of(cell.memory_read))
        self.output_gate = by.convolution(lifted(of(cell.output_gate, inputs=3), lift))
        self.fuse = by.convolution(of(cell.fuse, inputs=2))

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step."""
        h, c = state
        (c,) = self.gates([x, h, c], remember(0, 1, 2, c))
        m = c.new_zeros(c.shape) if memory is None else memory
        (read,) = self.memory_read([m], keep(0))
        (m,) = self.memory_gates([x, c, memory], write(0, 2) + sigmoid(1) * tanh(read))
        (o,) = self.output_gate([x, c, m], keep(0))
        (h,) = self.fuse([c, m], tanh(o) * tanh(0))
        return Step(h, (h, c), m)


class FastPrecipLSTM:
    """PrecipLSTM: query, key and value by one convolution."""

    lifts: ClassVar[bool] = False

    def __init__(self, cell: PrecipLSTM, by: Arithmetic, lift: Lift) -> None:
        look = cell.attention
        self.look = by.convolution(above(of(look.query), of(look.key), of(look.value)), 3)
        self.attended = by.convolution(of(cell.attended))
        self.gates = by.convolution(of_sum(cell.gates), 4)
        self.memory_gates = by.convolution(of_sum(cell.memory_gates), 3)
        self.space_gates = by.convolution(of_sum(cell.space_gates), 3)
        self.change_gates = by.convolution(of_sum(cell.change_gates), 3)
        self.output_gate = by.convolution(of_sum(cell.output_gate))
        self.fuse = by.convolution(of(cell.fuse, inputs=4))
        self.by, self.window = by, look.window

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step."""
        h, c, space, change, last_x = state
        query, key, value = self.look([x], keep(0), keep(1), keep(2))
        (a,) = self.attended([self.by.attend(query, key, value, self.window)], keep(0, x))
        c, o = self.gates([a, h], remember(0, 1, 2, c), keep(3))
        (m,) = self.memory_gates([a, memory], remember(0, 1, 2, memory))
        (space,) = self.space_gates([a, space], remember(0, 1, 2, space))
        difference = x if last_x is None else x - last_x
        (change,) = self.change_gates([difference, change], remember(0, 1, 2, change))
        memories = [c, space, change, m]
        (o,) = self.output_gate(memories, keep(0, o))
        (h,) = self.fuse(memories, sigmoid(o) * tanh(0))
        return Step(h, (h, c, space, change, x), m, gate=o)


def lifted(kernel: Kernel, lift: Lift) -> Kernel:
    """A convolution whose first field is not what the layer takes in, but what it is given."""
    first, *others = kernel.fields()
    return beside(lift(first), *others)


def as_it_is(kernel: Kernel) -> Kernel:
    """Of a layer that is given what it takes in."""
    return kernel
