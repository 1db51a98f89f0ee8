"""PrecipLSTM as published with the MS-RNN papers.

Fields are (batch, channels, height, width).
"""

import torch
from torch import Tensor

from benchmarks.published.attention import Attend, LocalAttention, attend_windows
from benchmarks.published.cell import Cell, States, Step, conv, given


class PrecipLSTM(Cell):
    """States h, c, ms, mt; memory m."""

    states = 4

    def __init__(self, channels: int, layer: int, *, attend: Attend = attend_windows) -> None:
        super().__init__(channels, layer)
        self.LA = LocalAttention(channels, attend)
        self._conv_x_x_att = conv(3, channels, channels)
        self._conv_x2h = conv(3, channels, 4 * channels)
        self._conv_h2h = conv(3, channels, 4 * channels)
        self._conv_c2o = conv(3, channels, channels)
        self._conv_x2h_m = conv(3, channels, 3 * channels)
        self._conv_m2h_m = conv(3, channels, 3 * channels)
        self._conv_m2o = conv(3, channels, channels)
        self._conv_x2h_ms = conv(3, channels, 3 * channels)
        self._conv_ms2h_ms = conv(3, channels, 3 * channels)
        self._conv_ms2o = conv(3, channels, channels)
        self._conv_x2h_mt = conv(3, channels, 3 * channels)
        self._conv_mt2h_mt = conv(3, channels, 3 * channels)
        self._conv_mt2o = conv(3, channels, channels)
        self.c_m_ms_mt = conv(1, 4 * channels, channels)

    def forward(
        self, x: Tensor, states: States, memory: Tensor | None, last_x: Tensor | None
    ) -> Step:
        """One time step."""
        h, c, ms, mt = states
        m = given(memory)
        xa = x + self._conv_x_x_att(self.LA(x))
        i, f, g, o = torch.chunk(self._conv_x2h(xa) + self._conv_h2h(h), 4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        i, f, g = torch.chunk(self._conv_x2h_m(xa) + self._conv_m2h_m(m), 3, dim=1)
        m = torch.sigmoid(f) * m + torch.sigmoid(i) * torch.tanh(g)
        i, f, g = torch.chunk(self._conv_x2h_ms(xa) + self._conv_ms2h_ms(ms), 3, dim=1)
        ms = torch.sigmoid(f) * ms + torch.sigmoid(i) * torch.tanh(g)
        change = x - given(last_x)
        i, f, g = torch.chunk(self._conv_x2h_mt(change) + self._conv_mt2h_mt(mt), 3, dim=1)
        mt = torch.sigmoid(f) * mt + torch.sigmoid(i) * torch.tanh(g)
        seen = self._conv_c2o(c) + self._conv_ms2o(ms) + self._conv_mt2o(mt) + self._conv_m2o(m)
        o = torch.sigmoid(o + seen)
        h = o * torch.tanh(self.c_m_ms_mt(torch.cat([c, ms, mt, m], dim=1)))
        return Step((h, c, ms, mt), m)
