"""Inference-only versions of cells that warp, modulate or wrap other cells; see `cells.py`.

All fields are float32 (batch, channels, height, width).
"""

from typing import ClassVar

import torch
from torch import Tensor

from model_zoo.cells.cms_lstm import CMSLSTM
from model_zoo.cells.mim import MIM
from model_zoo.cells.modernn import MoDeRNN
from model_zoo.cells.modulation import ROUNDS
from model_zoo.cells.motionrnn import TREND_RATE, MotionGRU
from model_zoo.cells.trajgru import TrajGRU
from model_zoo.fast.backend import Backend, Field, Warped
from model_zoo.fast.cells import (
    FastCell,
    FastConvLSTM,
    InputMap,
    States,
    Step,
    map_input,
    unchanged,
)
from model_zoo.fast.fused_convolution import (
    Kernel,
    concatenate_outputs,
    kernel_of,
    kernel_of_sum,
    mean,
)
from model_zoo.fast.pointwise import (
    Formula,
    complement,
    double_sigmoid,
    gated_input,
    identity,
    leaky_relu,
    linear,
    lstm_update,
    sigmoid,
    tanh,
)
from model_zoo.layers.warp import shrinking_warp


class FastTrajGRU:
    """TrajGRU with the warp computed inside the convolution of the past."""

    folds_embedding: ClassVar[bool] = True

    def __init__(self, cell: TrajGRU, backend: Backend, input_map: InputMap) -> None:
        self.flow_features = backend.convolution(
            map_input(kernel_of_sum(cell.flow_features), input_map)
        )
        self.flow = backend.convolution(kernel_of(cell.flow))
        self.input_gates = backend.convolution(input_map(kernel_of(cell.input_gates)), 3)
        self.past_gates = backend.convolution(kernel_of(cell.past_gates), 3)
        self.backend, self.links = backend, cell.links
        self.shrinking = cell.warp is shrinking_warp

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step; shapes as in `cells.FastCell`."""
        (h,) = state
        z, r, n = self.input_gates([x], linear(0), linear(1), linear(2))
        (features,) = self.flow_features([x, h], Formula((leaky_relu(0),)))
        h = torch.zeros_like(z) if h is None else h
        (flows,) = self.flow([features], linear(0))
        against = torch.unflatten(flows.neg(), 1, (self.links, 2))
        past = Warped(h, against, shrinking=self.shrinking)
        z, n = self.past_gates([past], linear(0, z), sigmoid(1, r) * identity(2) + linear(n))
        h = self.backend.mix(complement(z) * leaky_relu(n) + sigmoid(z) * identity(h))
        return Step(h, (h,), memory)


class FastMIM:
    """MIM, Memory In Memory."""

    folds_embedding: ClassVar[bool] = False

    def __init__(self, cell: MIM, backend: Backend, input_map: InputMap) -> None:
        self.change_gates = backend.convolution(kernel_of_sum(cell.change_gates), 3)
        self.change_output = backend.convolution(kernel_of_sum(cell.change_output))
        self.trend_gates = backend.convolution(kernel_of_sum(cell.trend_gates), 4)
        self.trend_output = backend.convolution(kernel_of(cell.trend_output))
        self.gates = backend.convolution(kernel_of_sum(cell.gates), 3)
        self.memory_gates = backend.convolution(kernel_of_sum(cell.memory_gates), 3)
        self.output_gate = backend.convolution(kernel_of_sum(cell.output_gate))
        self.fuse = backend.convolution(kernel_of(cell.fuse, inputs=2))

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step; shapes as in `cells.FastCell`."""
        h, c, n, s, last_x = state
        change = x if last_x is None else x - last_x
        (n,) = self.change_gates([change, n], lstm_update(0, 1, 2, n))
        (difference,) = self.change_output([change, n], sigmoid(0) * tanh(n))
        s, o = self.trend_gates([difference, c], lstm_update(0, 1, 2, s), linear(3))
        (trend,) = self.trend_output([s], sigmoid(0, o) * tanh(s))
        c, o = self.gates([x, h], gated_input(0, 1) + linear(trend), linear(2))
        (m,) = self.memory_gates([x, memory], lstm_update(0, 1, 2, memory))
        (o,) = self.output_gate([c, m], linear(0, o))
        (h,) = self.fuse([c, m], sigmoid(o) * tanh(0))
        return Step(h, (h, c, n, s, x), m, gate=o)


class FastGradientHighway:
    """A cell whose input passes a gradient highway unit (PredRNN++)."""

    folds_embedding: ClassVar[bool] = True

    def __init__(
        self, gates: Kernel, cell: FastCell, backend: Backend, input_map: InputMap
    ) -> None:
        self.gates = backend.convolution(map_input(gates, input_map), 2)
        self.cell = cell

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step; shapes as in `cells.FastCell`."""
        z, *inner = state
        kept = () if z is None else (complement(1), identity(z))
        (z,) = self.gates([x, z], Formula((sigmoid(1), tanh(0)), kept))
        step = self.cell(z, tuple(inner), memory)
        return step._replace(state=(z, *step.state))


class FastMotionGRU:
    """The motion GRU of MotionRNN with update and reset gates computed by one convolution."""

    def __init__(self, gru: MotionGRU, backend: Backend) -> None:
        self.encode, self.decode = gru.encode, gru.decode
        gates = [Kernel(*kernel_of(conv)[:2], self.widths(gru)) for conv in (gru.update, gru.reset)]
        self.update_reset = backend.convolution(concatenate_outputs(*gates), 2)
        self.candidate = backend.convolution(
            kernel_of(gru.candidate)._replace(widths=self.widths(gru))
        )
        self.weight = backend.convolution(kernel_of(gru.weight))
        merge = kernel_of(gru.merge)
        apart = torch.unflatten(merge.weight, 1, (-1, gru.flows))
        self.merge = backend.convolution(merge._replace(weight=apart.transpose(1, 2).flatten(1, 2)))
        self.gate = backend.convolution(kernel_of(gru.gate, inputs=2))
        self.flows = gru.flows

    @staticmethod
    def widths(gru: MotionGRU) -> tuple[int, int]:
        """Return the numbers of channels of the encoded field and of its flows."""
        return gru.encode.out_channels, 2 * gru.flows

    def __call__(self, h: Tensor, flow: Field, trend: Field) -> tuple[Tensor, Tensor, Tensor]:
        """Move a field along its predicted flows.

        Args:
            h: Hidden state, (batch, channels, height, width).
            flow: Flow of the last step, (batch, 2 flows, height / 2, width / 2); None for zeros.
            trend: Trend of the flow, likewise.

        Returns:
            The moved field (as `h`), the new flow and the new trend (as `flow`).
        """
        e = self.encode(h).contiguous()
        if flow is None or trend is None:
            flow = trend = e.new_zeros(len(e), 2 * self.flows, *e.shape[2:])
        u, past = self.update_reset([e, flow], linear(0), sigmoid(1) * identity(flow))
        trend = trend + TREND_RATE * (flow - trend)
        (flow,) = self.candidate([e, past], sigmoid(u) * tanh(0) + complement(u) * identity(flow))
        flow = flow + trend
        (weights,) = self.weight([e], Formula((sigmoid(0),)))
        copies = Warped(e, torch.unflatten(flow, 1, (self.flows, 2)), weights)
        (merged,) = self.merge([copies], linear(0))
        decoded = self.decode(merged).contiguous()
        (moved,) = self.gate(
            [decoded, h], sigmoid(0) * identity(h) + complement(0) * identity(decoded)
        )
        return moved, flow, trend


class FastMotionHighway:
    """A cell with an output gate, followed by a motion GRU, with a highway past both."""

    folds_embedding: ClassVar[bool] = False

    def __init__(self, gru: FastMotionGRU, cell: FastCell, backend: Backend) -> None:
        self.motion, self.cell, self.backend = gru, cell, backend

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step; shapes as in `cells.FastCell`."""
        flow, trend, *inner = state
        step = self.cell(x, tuple(inner), memory)
        assert step.gate is not None
        moved, flow, trend = self.motion(step.hidden, flow, trend)
        hidden = self.backend.mix(complement(step.gate) * identity(x) + linear(moved))
        return step._replace(hidden=hidden, state=(flow, trend, hidden, *step.state[1:]))


class Modulation:
    """Mutual gating of input and hidden state (MoDeRNN, CMS-LSTM); zero hidden states stay zero."""

    def __init__(self, from_h: Kernel, from_x: Kernel, backend: Backend) -> None:
        self.from_h, self.from_x = backend.convolution(from_h), backend.convolution(from_x)
        turns = len(range(0, ROUNDS, 2))
        self.scale_without_past = (2 * from_h.bias.sigmoid()).pow(turns).float()[:, None, None]

    def __call__(self, x: Tensor, h: Field) -> tuple[Tensor, Field]:
        """Return input and hidden state after modulation, both (batch, channels, height, width)."""
        if h is None:
            return x * self.scale_without_past.to(x), None
        for turn in range(ROUNDS):
            if turn % 2 == 0:
                (x,) = self.from_h([h], double_sigmoid(0) * identity(x))
            else:
                (h,) = self.from_x([x], double_sigmoid(0) * identity(h))
        return x, h


class FastMoDeRNN:
    """MoDeRNN with the mean of three convolutions merged into one."""

    folds_embedding: ClassVar[bool] = False

    def __init__(self, cell: MoDeRNN, backend: Backend, input_map: InputMap) -> None:
        from_h, from_x = (mean(*map(kernel_of, conv.convs)) for conv in (cell.from_h, cell.from_x))
        self.modulate = Modulation(from_h, from_x, backend)
        self.cell = FastConvLSTM(cell.cell, backend, unchanged)

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step; shapes as in `cells.FastCell`."""
        h, c = state
        x, h = self.modulate(x, h)
        return self.cell(x, (h, c), memory)


class FastCMSLSTM:
    """CMS-LSTM; its attention runs by torch."""

    folds_embedding: ClassVar[bool] = False

    def __init__(self, cell: CMSLSTM, backend: Backend, input_map: InputMap) -> None:
        self.modulate = Modulation(kernel_of(cell.from_h), kernel_of(cell.from_x), backend)
        self.cell = FastConvLSTM(cell.cell, backend, unchanged)
        expression = cell.expression
        self.scales = list(expression.scales)
        self.join = backend.convolution(kernel_of(expression.join, inputs=len(self.scales)))
        self.fuse = backend.convolution(kernel_of(expression.fuse, inputs=2))
        self.gates = backend.convolution(kernel_of_sum(expression.gates), 3)
        self.backend = backend

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step; shapes as in `cells.FastCell`."""
        h, c = state
        x, h = self.modulate(x, h)
        _, (h, c), memory, _ = self.cell(x, (h, c), memory)
        assert h is not None
        assert c is not None
        pair = torch.cat([h, c], dim=3)
        (joined,) = self.join([attend(pair) + pair for attend in self.scales], linear(0))
        (z,) = self.fuse([half.contiguous() for half in joined.chunk(2, dim=3)], linear(0))
        c, o = self.gates([h, z], sigmoid(0) * tanh(1) + complement(0) * identity(c), linear(2))
        h = self.backend.mix(sigmoid(o) * identity(c))
        return Step(h, (h, c), memory)
