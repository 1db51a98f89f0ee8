"""MK-LSTM, the cell of MS-LSTM, as published with the MS-LSTM paper.

Fields are (batch, channels, height, width).
"""

import torch
from torch import Tensor

from benchmarks.published.cell import Cell, States, Step, conv


class MKLSTM(Cell):
    """States h, c of the 3x3 kernels, c of the 5x5 kernels."""

    states = 3

    def __init__(self, channels: int, layer: int) -> None:
        super().__init__(channels, layer)
        self._conv_x2h_3 = conv(3, channels, 4 * channels)
        self._conv_h2h_3 = conv(3, channels, 4 * channels)
        self._conv_x2h_5 = conv(5, channels, 4 * channels)
        self._conv_h2h_5 = conv(5, channels, 4 * channels)
        self._conv_c2o_3 = conv(3, channels, channels)
        self._conv_c2o_5 = conv(5, channels, channels)
        self._conv_out = conv(1, 2 * channels, channels)

    def forward(
        self, x: Tensor, states: States, memory: Tensor | None, last_x: Tensor | None
    ) -> Step:
        """One time step."""
        h, c_3, c_5 = states
        i_3, f_3, g_3, o_3 = torch.chunk(self._conv_x2h_3(x) + self._conv_h2h_3(h), 4, dim=1)
        i_5, f_5, g_5, o_5 = torch.chunk(self._conv_x2h_5(x) + self._conv_h2h_5(h), 4, dim=1)
        c_3 = torch.sigmoid(f_3) * c_3 + torch.sigmoid(i_3) * torch.tanh(g_3)
        c_5 = torch.sigmoid(f_5) * c_5 + torch.sigmoid(i_5) * torch.tanh(g_5)
        o = torch.sigmoid(o_3 + o_5 + self._conv_c2o_3(c_3) + self._conv_c2o_5(c_5))
        h = o * torch.tanh(self._conv_out(torch.cat([c_3, c_5], dim=1)))
        return Step((h, c_3, c_5))
