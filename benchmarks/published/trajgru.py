"""TrajGRU as published with the MS-RNN papers.

Fields are (batch, channels, height, width).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.published.cell import Cell, States, Step, conv
from benchmarks.published.warp import Warp, warp

LINKS = 10
SLOPE = 0.2


class TrajGRU(Cell):
    """State h."""

    states = 1

    def __init__(self, channels: int, layer: int, *, warp: Warp = warp) -> None:
        super().__init__(channels, layer)
        self.warp = warp
        self._conv_x2h = conv(3, channels, 3 * channels)
        self._conv_x2f = conv(3, channels, channels)
        self._conv_h2f = conv(3, channels, channels)
        self._conv_flow = conv(3, channels, 2 * LINKS)
        self.project = conv(1, LINKS * channels, 3 * channels)

    def forward(
        self, x: Tensor, states: States, memory: Tensor | None, last_x: Tensor | None
    ) -> Step:
        """One time step."""
        (h,) = states
        features = F.leaky_relu(self._conv_x2f(x) + self._conv_h2f(h), SLOPE)
        flows = torch.chunk(self._conv_flow(features), LINKS, dim=1)
        warped = torch.cat([self.warp(h, -flow) for flow in flows], dim=1)
        z_x, r_x, n_x = torch.chunk(self._conv_x2h(x), 3, dim=1)
        z_h, r_h, n_h = torch.chunk(self.project(warped), 3, dim=1)
        z = torch.sigmoid(z_x + z_h)
        r = torch.sigmoid(r_x + r_h)
        n = F.leaky_relu(n_x + r * n_h, SLOPE)
        return Step(((1 - z) * n + z * h,))
