"""TrajGRU: a convolutional GRU whose hidden state is warped by learnt flow fields.

Shi et al. (2017), https://arxiv.org/abs/1706.03458, with 3x3 kernels everywhere, as the MS-RNN and
MS-LSTM papers run it, and the order of its gates as published with them. A flow of zero
leaves the hidden state in place; in the code published with those papers it does not, see
`warp.shrinking_warp`.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from model_zoo.cell import Cell, ConvSum, State, Step, conv
from model_zoo.layers.warp import warp

SLOPE = 0.2
"""Slope of the leaky ReLUs, as in the paper."""


class TrajGRU(Cell):
    """A GRU with its hidden state warped by several flow fields."""

    states = 1  # h

    def __init__(
        self,
        channels: int,
        *,
        links: int = 10,
        warp: Callable[[Tensor, Tensor], Tensor] = warp,
    ) -> None:
        """Make a cell with `links` flow fields, which warps its hidden state by `warp`."""
        super().__init__()
        self.links = links
        self.warp = warp
        self.flow_features = ConvSum(2, channels, channels)
        self.flow = conv(channels, 2 * links)
        self.input_gates = conv(channels, 3 * channels)
        self.past_gates = conv(links * channels, 3 * channels, kernel_size=1)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step; shapes as in `Cell.forward`."""
        (h,) = state
        flows = self.flow(F.leaky_relu(self.flow_features(x, h), SLOPE))
        past = self.warp(h, -torch.unflatten(flows, 1, (self.links, 2)))

        z_x, r_x, n_x = self.input_gates(x).chunk(3, dim=1)
        # channels ordered by link, as in the published weights
        z_h, r_h, n_h = self.past_gates(past.transpose(1, 2).flatten(1, 2)).chunk(3, dim=1)
        z = (z_x + z_h).sigmoid()
        r = (r_x + r_h).sigmoid()
        h = (1 - z) * F.leaky_relu(n_x + r * n_h, SLOPE) + z * h
        return Step(h, (h,), memory)
