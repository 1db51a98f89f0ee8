"""PredRNN and PredRNN-V2 as published with the MS-RNN papers; V2 differs in its stack alone.

Fields are (batch, channels, height, width).
"""

import torch
from torch import Tensor

from benchmarks.published.cell import Cell, States, Step, conv, given


class PredRNN(Cell):
    """States h, c; memory m."""

    def __init__(self, channels: int, layer: int) -> None:
        super().__init__(channels, layer)
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
        h, c = states
        m = given(memory)
        i, f, g, o = torch.chunk(self._conv_x2h(x) + self._conv_h2h(h), 4, dim=1)
        written_c = torch.sigmoid(i) * torch.tanh(g)
        c = torch.sigmoid(f) * c + written_c
        i, f, g = torch.chunk(self._conv_x2h_m(x) + self._conv_m2h_m(m), 3, dim=1)
        written_m = torch.sigmoid(i) * torch.tanh(g)
        m = torch.sigmoid(f) * m + written_m
        o = torch.sigmoid(o + self._conv_c2o(c) + self._conv_m2o(m))
        h = o * torch.tanh(self._conv_c_m(torch.cat([c, m], dim=1)))
        return Step((h, c), m, (written_c, written_m))
