"""MIM as published with the MS-RNN papers: the bottom layer works out N and S and drops them.

Fields are (batch, channels, height, width).
"""

import torch
from torch import Tensor

from benchmarks.published.cell import Cell, States, Step, conv, given


class MIM(Cell):
    """States h, c, n, s; memory m."""

    states = 4

    def __init__(self, channels: int, layer: int) -> None:
        super().__init__(channels, layer)
        self._conv_x2h_n = conv(3, channels, 3 * channels)
        self._conv_n2h_n = conv(3, channels, 3 * channels)
        self._conv_diff2o = conv(3, channels, channels)
        self._conv_n2o = conv(3, channels, channels)
        self._conv_x2h_s = conv(3, channels, 4 * channels)
        self._conv_c2h_s = conv(3, channels, 4 * channels)
        self._conv_s2o = conv(3, channels, channels)
        self._conv_x2h = conv(3, channels, 4 * channels)
        self._conv_h2h = conv(3, channels, 4 * channels)
        self._conv_c2o = conv(3, channels, channels)
        self._conv_x2h_m = conv(3, channels, 3 * channels)
        self._conv_m2h_m = conv(3, channels, 3 * channels)
        self._conv_m2o = conv(3, channels, channels)
        self._conv_c_m = conv(1, 2 * channels, channels)

    def forward(
        self, x: Tensor, states: States, memory: Tensor | None, last_x: Tensor | None
    ) -> Step:
        """One time step."""
        states, m, _ = self.advance(x, states, given(memory), given(last_x))
        return Step(states, m)

    def advance(
        self, x: Tensor, states: States, m: Tensor, last_x: Tensor
    ) -> tuple[States, Tensor, Tensor]:
        """New states and memory, and the output gate."""
        h, c, n, s = states
        n, difference = self.nonstationary(x - last_x, n)
        s, trend = self.stationary(difference, c, s)
        i, f, g, o = torch.chunk(self._conv_x2h(x) + self._conv_h2h(h), 4, dim=1)
        remembered = torch.sigmoid(f) * c if self.layer == 0 else trend
        c = remembered + torch.sigmoid(i) * torch.tanh(g)
        i, f, g = torch.chunk(self._conv_x2h_m(x) + self._conv_m2h_m(m), 3, dim=1)
        m = torch.sigmoid(f) * m + torch.sigmoid(i) * torch.tanh(g)
        o = torch.sigmoid(o + self._conv_c2o(c) + self._conv_m2o(m))
        h = o * torch.tanh(self._conv_c_m(torch.cat([c, m], dim=1)))
        return (h, c, n, s), m, o

    def nonstationary(self, change: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
        """MIM-N: its memory and what it gives out, of a change of the input."""
        i, f, g = torch.chunk(self._conv_x2h_n(change) + self._conv_n2h_n(n), 3, dim=1)
        n = torch.sigmoid(f) * n + torch.sigmoid(i) * torch.tanh(g)
        o = torch.sigmoid(self._conv_diff2o(change) + self._conv_n2o(n))
        return n, o * torch.tanh(n)

    def stationary(self, difference: Tensor, c: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """MIM-S: its memory and what it gives out, of what MIM-N gives out and the old c."""
        i, f, g, o = torch.chunk(self._conv_x2h_s(difference) + self._conv_c2h_s(c), 4, dim=1)
        s = torch.sigmoid(f) * s + torch.sigmoid(i) * torch.tanh(g)
        return s, torch.sigmoid(o + self._conv_s2o(s)) * torch.tanh(s)
