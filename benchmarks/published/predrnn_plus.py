"""PredRNN++ as published with the MS-RNN papers: every layer owns a highway, the second uses it.

Fields are (batch, channels, height, width).
"""

import torch
from torch import Tensor

from benchmarks.published.cell import Cell, States, Step, conv, given

HIGHWAY = 1
"""The layer whose input passes the gradient highway."""


class CausalLSTM(Cell):
    """States h, c, z of the highway; memory m."""

    states = 3

    def __init__(self, channels: int, layer: int) -> None:
        super().__init__(channels, layer)
        self._conv_x_h_c = conv(3, 3 * channels, 3 * channels)
        self._conv_x_c_m = conv(3, 3 * channels, 3 * channels)
        self._conv_m = conv(1, channels, channels)
        self._conv_o = conv(3, 3 * channels, channels)
        self._conv_c_m = conv(1, 2 * channels, channels)
        self._conv_x = conv(3, channels, 2 * channels)
        self._conv_z = conv(3, channels, 2 * channels)

    def forward(
        self, x: Tensor, states: States, memory: Tensor | None, last_x: Tensor | None
    ) -> Step:
        """One time step."""
        h, c, z = states
        m = given(memory)
        if self.layer == HIGHWAY:
            x = z = self.highway(x, z)
        i, f, g = torch.chunk(self._conv_x_h_c(torch.cat([x, h, c], dim=1)), 3, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        i, f, g = torch.chunk(self._conv_x_c_m(torch.cat([x, c, m], dim=1)), 3, dim=1)
        m = torch.sigmoid(f) * torch.tanh(self._conv_m(m)) + torch.sigmoid(i) * torch.tanh(g)
        o = torch.tanh(self._conv_o(torch.cat([x, c, m], dim=1)))
        h = o * torch.tanh(self._conv_c_m(torch.cat([c, m], dim=1)))
        return Step((h, c, z), m)

    def highway(self, x: Tensor, z: Tensor) -> Tensor:
        """The gradient highway unit: a mean of its input and its past."""
        p, s = torch.chunk(self._conv_x(x) + self._conv_z(z), 2, dim=1)
        s = torch.sigmoid(s)
        return s * torch.tanh(p) + (1 - s) * z
