"""The cells of the zoo that gather, gate or wrap, rearranged; see `cells.py`."""

from typing import ClassVar

import torch
from torch import Tensor

from model_zoo.cells.cms_lstm import CMSLSTM
from model_zoo.cells.mim import MIM
from model_zoo.cells.modernn import MoDeRNN
from model_zoo.cells.modulation import ROUNDS
from model_zoo.cells.motionrnn import TREND_RATE, MotionGRU
from model_zoo.cells.trajgru import TrajGRU
from model_zoo.fast.cells import FastCell, FastConvLSTM, Lift, States, Step, as_it_is, lifted
from model_zoo.fast.fused_convolution import Kernel, above, mean, of, of_sum
from model_zoo.fast.pointwise import (
    Formula,
    double,
    keep,
    leaky,
    plain,
    remember,
    rest,
    sigmoid,
    tanh,
    write,
)
from model_zoo.fast.torch_backend import Arithmetic, Field, Warped
from model_zoo.layers.warp import shrinking_warp


class FastTrajGRU:
    """TrajGRU."""

    lifts: ClassVar[bool] = True

    def __init__(self, cell: TrajGRU, by: Arithmetic, lift: Lift) -> None:
        self.flow_features = by.convolution(lifted(of_sum(cell.flow_features), lift))
        self.flow = by.convolution(of(cell.flow))
        self.input_gates = by.convolution(lift(of(cell.input_gates)), 3)
        self.past_gates = by.convolution(of(cell.past_gates), 3)
        self.by, self.links = by, cell.links
        self.shrinking = cell.warp is shrinking_warp

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step."""
        (h,) = state
        z, r, n = self.input_gates([x], keep(0), keep(1), keep(2))
        (features,) = self.flow_features([x, h], Formula((leaky(0),)))
        h = torch.zeros_like(z) if h is None else h
        (flows,) = self.flow([features], keep(0))
        against = torch.unflatten(flows.neg(), 1, (self.links, 2))
        past = Warped(h, against, shrinking=self.shrinking)
        z, n = self.past_gates([past], keep(0, z), sigmoid(1, r) * plain(2) + keep(n))
        h = self.by.mix(rest(z) * leaky(n) + sigmoid(z) * plain(h))
        return Step(h, (h,), memory)


class FastMIM:
    """MIM."""

    lifts: ClassVar[bool] = False

    def __init__(self, cell: MIM, by: Arithmetic, lift: Lift) -> None:
        self.change_gates = by.convolution(of_sum(cell.change_gates), 3)
        self.change_output = by.convolution(of_sum(cell.change_output))
        self.trend_gates = by.convolution(of_sum(cell.trend_gates), 4)
        self.trend_output = by.convolution(of(cell.trend_output))
        self.gates = by.convolution(of_sum(cell.gates), 3)
        self.memory_gates = by.convolution(of_sum(cell.memory_gates), 3)
        self.output_gate = by.convolution(of_sum(cell.output_gate))
        self.fuse = by.convolution(of(cell.fuse, inputs=2))

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step."""
        h, c, n, s, last_x = state
        change = x if last_x is None else x - last_x
        (n,) = self.change_gates([change, n], remember(0, 1, 2, n))
        (difference,) = self.change_output([change, n], sigmoid(0) * tanh(n))
        s, o = self.trend_gates([difference, c], remember(0, 1, 2, s), keep(3))
        (trend,) = self.trend_output([s], sigmoid(0, o) * tanh(s))
        c, o = self.gates([x, h], write(0, 1) + keep(trend), keep(2))
        (m,) = self.memory_gates([x, memory], remember(0, 1, 2, memory))
        (o,) = self.output_gate([c, m], keep(0, o))
        (h,) = self.fuse([c, m], sigmoid(o) * tanh(0))
        return Step(h, (h, c, n, s, x), m, gate=o)


class FastGradientHighway:
    """A cell fed through a highway unit."""

    lifts: ClassVar[bool] = True

    def __init__(self, gates: Kernel, cell: FastCell, by: Arithmetic, lift: Lift) -> None:
        self.gates = by.convolution(lifted(gates, lift), 2)
        self.cell = cell

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step."""
        z, *inner = state
        kept = () if z is None else (rest(1), plain(z))
        (z,) = self.gates([x, z], Formula((sigmoid(1), tanh(0)), kept))
        step = self.cell(z, tuple(inner), memory)
        return step._replace(state=(z, *step.state))


class FastMotionGRU:
    """The motion GRU: update and reset by one convolution, the moved copies link after link."""

    def __init__(self, gru: MotionGRU, by: Arithmetic) -> None:
        self.encode, self.decode = gru.encode, gru.decode
        joined = [Kernel(*of(conv)[:2], self.widths(gru)) for conv in (gru.update, gru.reset)]
        self.update_reset = by.convolution(above(*joined), 2)
        self.candidate = by.convolution(of(gru.candidate)._replace(widths=self.widths(gru)))
        self.weight = by.convolution(of(gru.weight))
        merge = of(gru.merge)
        apart = torch.unflatten(merge.weight, 1, (-1, gru.flows))
        self.merge = by.convolution(merge._replace(weight=apart.transpose(1, 2).flatten(1, 2)))
        self.gate = by.convolution(of(gru.gate, inputs=2))
        self.flows = gru.flows

    @staticmethod
    def widths(gru: MotionGRU) -> tuple[int, int]:
        """Channels of what is encoded, and of its flows."""
        return gru.encode.out_channels, 2 * gru.flows

    def __call__(self, h: Tensor, flow: Field, trend: Field) -> tuple[Tensor, Tensor, Tensor]:
        """The field moved, the flow it was moved by, and the new trend."""
        e = self.encode(h).contiguous()
        if flow is None or trend is None:
            flow = trend = e.new_zeros(len(e), 2 * self.flows, *e.shape[2:])
        u, past = self.update_reset([e, flow], keep(0), sigmoid(1) * plain(flow))
        trend = trend + TREND_RATE * (flow - trend)
        (flow,) = self.candidate([e, past], sigmoid(u) * tanh(0) + rest(u) * plain(flow))
        flow = flow + trend
        (weights,) = self.weight([e], Formula((sigmoid(0),)))
        copies = Warped(e, torch.unflatten(flow, 1, (self.flows, 2)), weights)
        (merged,) = self.merge([copies], keep(0))
        decoded = self.decode(merged).contiguous()
        (moved,) = self.gate([decoded, h], sigmoid(0) * plain(h) + rest(0) * plain(decoded))
        return moved, flow, trend


class FastMotionHighway:
    """A gated cell, its output moved, and a highway past both."""

    lifts: ClassVar[bool] = False

    def __init__(self, gru: FastMotionGRU, cell: FastCell, by: Arithmetic) -> None:
        self.motion, self.cell, self.by = gru, cell, by

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step."""
        flow, trend, *inner = state
        step = self.cell(x, tuple(inner), memory)
        assert step.gate is not None
        moved, flow, trend = self.motion(step.hidden, flow, trend)
        hidden = self.by.mix(rest(step.gate) * plain(x) + keep(moved))
        return step._replace(hidden=hidden, state=(flow, trend, hidden, *step.state[1:]))


class Modulation:
    """An input and a past that gate each other in turn; a past of zeros stays so."""

    def __init__(self, from_h: Kernel, from_x: Kernel, by: Arithmetic) -> None:
        self.from_h, self.from_x = by.convolution(from_h), by.convolution(from_x)
        turns = len(range(0, ROUNDS, 2))
        self.alone = (2 * from_h.bias.sigmoid()).pow(turns).float()[:, None, None]

    def __call__(self, x: Tensor, h: Field) -> tuple[Tensor, Field]:
        """Both, modulated."""
        if h is None:
            return x * self.alone.to(x), None
        for turn in range(ROUNDS):
            if turn % 2 == 0:
                (x,) = self.from_h([h], double(0) * plain(x))
            else:
                (h,) = self.from_x([x], double(0) * plain(h))
        return x, h


class FastMoDeRNN:
    """MoDeRNN: the mean of three convolutions is one."""

    lifts: ClassVar[bool] = False

    def __init__(self, cell: MoDeRNN, by: Arithmetic, lift: Lift) -> None:
        from_h, from_x = (mean(*map(of, conv.convs)) for conv in (cell.from_h, cell.from_x))
        self.modulate = Modulation(from_h, from_x, by)
        self.cell = FastConvLSTM(cell.cell, by, as_it_is)

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step."""
        h, c = state
        x, h = self.modulate(x, h)
        return self.cell(x, (h, c), memory)


class FastCMSLSTM:
    """CMS-LSTM; its attention is as it is."""

    lifts: ClassVar[bool] = False

    def __init__(self, cell: CMSLSTM, by: Arithmetic, lift: Lift) -> None:
        self.modulate = Modulation(of(cell.from_h), of(cell.from_x), by)
        self.cell = FastConvLSTM(cell.cell, by, as_it_is)
        expression = cell.expression
        self.scales = list(expression.scales)
        self.join = by.convolution(of(expression.join, inputs=len(self.scales)))
        self.fuse = by.convolution(of(expression.fuse, inputs=2))
        self.gates = by.convolution(of_sum(expression.gates), 3)
        self.by = by

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step."""
        h, c = state
        x, h = self.modulate(x, h)
        _, (h, c), memory, _ = self.cell(x, (h, c), memory)
        assert h is not None
        assert c is not None
        pair = torch.cat([h, c], dim=3)
        (joined,) = self.join([attend(pair) + pair for attend in self.scales], keep(0))
        (z,) = self.fuse([half.contiguous() for half in joined.chunk(2, dim=3)], keep(0))
        c, o = self.gates([h, z], sigmoid(0) * tanh(1) + rest(0) * plain(c), keep(2))
        h = self.by.mix(sigmoid(o) * plain(c))
        return Step(h, (h, c), memory)
