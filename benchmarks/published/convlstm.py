"""ConvLSTM as published with the MS-RNN papers.

Fields are (batch, channels, height, width).
"""

import torch
from torch import Tensor

from benchmarks.published.cell import Cell, States, Step, conv


class ConvLSTM(Cell):
    """States h, c."""

    def __init__(self, channels: int, layer: int) -> None:
        super().__init__(channels, layer)
        self._conv_x2h = conv(3, channels, 4 * channels)
        self._conv_h2h = conv(3, channels, 4 * channels)

    def forward(
        self, x: Tensor, states: States, memory: Tensor | None, last_x: Tensor | None
    ) -> Step:
        """One time step."""
        return Step(self.advance(x, *states))

    def advance(self, x: Tensor, h: Tensor, c: Tensor) -> States:
        """New h and c."""
        gates = self._conv_x2h(x) + self._conv_h2h(h)
        i, f, g, o = torch.chunk(gates, 4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c
