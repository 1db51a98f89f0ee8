"""Inference-only versions of the LSTM-like cells; the equations are those of `model_zoo/cells`.

All fields are float32 (batch, channels, height, width). A fast cell takes None for a state or a
memory that is zero. A cell with `folds_embedding` uses its input in convolutions only, so that in
the bottom layer the 1x1 embedding of the frame is folded into these convolutions.
"""

from collections.abc import Callable
from typing import ClassVar, NamedTuple, Protocol

from torch import Tensor

from model_zoo.cells.convlstm import ConvLSTM
from model_zoo.cells.mk_lstm import MKLSTM
from model_zoo.cells.preciplstm import PrecipLSTM
from model_zoo.cells.predrnn import PredRNN
from model_zoo.cells.predrnn_plus import CausalLSTM
from model_zoo.fast.backend import Backend, Field
from model_zoo.fast.fused_convolution import (
    Kernel,
    add,
    concatenate_inputs,
    concatenate_outputs,
    kernel_of,
    kernel_of_sum,
)
from model_zoo.fast.pointwise import gated_input, linear, lstm_update, sigmoid, tanh

InputMap = Callable[[Kernel], Kernel]
"""From a convolution of the input of a layer to one of the tensor that is passed instead of it."""
States = tuple[Field, ...]


class Step(NamedTuple):
    """Result of one time step of a fast cell, fields (batch, channels, height, width)."""

    hidden: Tensor
    state: States
    memory: Field
    gate: Field = None
    """Output gate before the sigmoid, of a cell that can be wrapped in a motion highway."""


class FastCell(Protocol):
    """A cell that runs without gradients."""

    folds_embedding: ClassVar[bool]

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step.

        Args:
            x: Input, (batch, channels, height, width).
            state: State tensors, likewise; None for zeros.
            memory: Memory from the layer below, likewise; None for zeros.
        """


class FastConvLSTM:
    """ConvLSTM with all gates computed by one convolution."""

    folds_embedding: ClassVar[bool] = True

    def __init__(self, cell: ConvLSTM, backend: Backend, input_map: InputMap) -> None:
        self.gates = backend.convolution(map_input(kernel_of_sum(cell.gates), input_map), 4)
        self.backend = backend

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step; shapes as in `FastCell`."""
        h, c = state
        c, o = self.gates([x, h], lstm_update(0, 1, 2, c), linear(3))
        h = self.backend.mix(sigmoid(o) * tanh(c))
        return Step(h, (h, c), memory)


class FastMKLSTM:
    """MK-LSTM with the output-gate terms of both kernel sizes merged into one convolution each."""

    folds_embedding: ClassVar[bool] = True

    def __init__(self, cell: MKLSTM, backend: Backend, input_map: InputMap) -> None:
        near, far = (
            map_input(kernel_of_sum(gates), input_map)
            for gates in (cell.near_gates, cell.far_gates)
        )
        three, four = len(near.bias) // 4 * 3, len(near.bias)
        output = add(near.select_outputs(three, four), far.select_outputs(three, four))
        self.near = backend.convolution(near.select_outputs(0, three), 3)
        self.far = backend.convolution(concatenate_outputs(far.select_outputs(0, three), output), 4)
        self.output = backend.convolution(
            concatenate_inputs(kernel_of(cell.near_output), kernel_of(cell.far_output))
        )
        self.fuse = backend.convolution(kernel_of(cell.fuse, inputs=2))

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step; shapes as in `FastCell`."""
        h, near, far = state
        (near,) = self.near([x, h], lstm_update(0, 1, 2, near))
        far, o = self.far([x, h], lstm_update(0, 1, 2, far), linear(3))
        (o,) = self.output([near, far], linear(0, o))
        (h,) = self.fuse([near, far], sigmoid(o) * tanh(0))
        return Step(h, (h, near, far), memory)


class FastPredRNN:
    """PredRNN and PredRNN-V2, whose decoupling loss is not computed in inference."""

    folds_embedding: ClassVar[bool] = True

    def __init__(self, cell: PredRNN, backend: Backend, input_map: InputMap) -> None:
        self.gates = backend.convolution(map_input(kernel_of_sum(cell.gates), input_map), 4)
        self.memory_gates = backend.convolution(
            map_input(kernel_of_sum(cell.memory_gates), input_map), 3
        )
        self.output_gate = backend.convolution(kernel_of_sum(cell.output_gate))
        self.fuse = backend.convolution(kernel_of(cell.fuse, inputs=2))

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step; shapes as in `FastCell`."""
        h, c = state
        c, o = self.gates([x, h], lstm_update(0, 1, 2, c), linear(3))
        (m,) = self.memory_gates([x, memory], lstm_update(0, 1, 2, memory))
        (o,) = self.output_gate([c, m], linear(0, o))
        (h,) = self.fuse([c, m], sigmoid(o) * tanh(0))
        return Step(h, (h, c), m, gate=o)


class FastCausalLSTM:
    """Causal LSTM of PredRNN++."""

    folds_embedding: ClassVar[bool] = True

    def __init__(self, cell: CausalLSTM, backend: Backend, input_map: InputMap) -> None:
        self.gates = backend.convolution(map_input(kernel_of(cell.gates, inputs=3), input_map), 3)
        self.memory_gates = backend.convolution(
            map_input(kernel_of(cell.memory_gates, inputs=3), input_map), 3
        )
        self.memory_read = backend.convolution(kernel_of(cell.memory_read))
        self.output_gate = backend.convolution(
            map_input(kernel_of(cell.output_gate, inputs=3), input_map)
        )
        self.fuse = backend.convolution(kernel_of(cell.fuse, inputs=2))

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step; shapes as in `FastCell`."""
        h, c = state
        (c,) = self.gates([x, h, c], lstm_update(0, 1, 2, c))
        m = c.new_zeros(c.shape) if memory is None else memory
        (read,) = self.memory_read([m], linear(0))
        (m,) = self.memory_gates([x, c, memory], gated_input(0, 2) + sigmoid(1) * tanh(read))
        (o,) = self.output_gate([x, c, m], linear(0))
        (h,) = self.fuse([c, m], tanh(o) * tanh(0))
        return Step(h, (h, c), m)


class FastPrecipLSTM:
    """PrecipLSTM with query, key and value computed by one convolution."""

    folds_embedding: ClassVar[bool] = False

    def __init__(self, cell: PrecipLSTM, backend: Backend, input_map: InputMap) -> None:
        attention = cell.attention
        self.query_key_value = backend.convolution(
            concatenate_outputs(
                kernel_of(attention.query), kernel_of(attention.key), kernel_of(attention.value)
            ),
            3,
        )
        self.attended = backend.convolution(kernel_of(cell.attended))
        self.gates = backend.convolution(kernel_of_sum(cell.gates), 4)
        self.memory_gates = backend.convolution(kernel_of_sum(cell.memory_gates), 3)
        self.space_gates = backend.convolution(kernel_of_sum(cell.space_gates), 3)
        self.change_gates = backend.convolution(kernel_of_sum(cell.change_gates), 3)
        self.output_gate = backend.convolution(kernel_of_sum(cell.output_gate))
        self.fuse = backend.convolution(kernel_of(cell.fuse, inputs=4))
        self.backend, self.window = backend, attention.window

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step; shapes as in `FastCell`."""
        h, c, space, change, last_x = state
        query, key, value = self.query_key_value([x], linear(0), linear(1), linear(2))
        (a,) = self.attended([self.backend.attend(query, key, value, self.window)], linear(0, x))
        c, o = self.gates([a, h], lstm_update(0, 1, 2, c), linear(3))
        (m,) = self.memory_gates([a, memory], lstm_update(0, 1, 2, memory))
        (space,) = self.space_gates([a, space], lstm_update(0, 1, 2, space))
        difference = x if last_x is None else x - last_x
        (change,) = self.change_gates([difference, change], lstm_update(0, 1, 2, change))
        memories = [c, space, change, m]
        (o,) = self.output_gate(memories, linear(0, o))
        (h,) = self.fuse(memories, sigmoid(o) * tanh(0))
        return Step(h, (h, c, space, change, x), m, gate=o)


def map_input(kernel: Kernel, input_map: InputMap) -> Kernel:
    """Apply `input_map` to the kernel (outputs, inputs, size, size) of the first input field."""
    first, *others = kernel.split_inputs()
    return concatenate_inputs(input_map(first), *others)


def unchanged(kernel: Kernel) -> Kernel:
    """Return the kernel (outputs, inputs, size, size) as is: the layer gets its own input."""
    return kernel
