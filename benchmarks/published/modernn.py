"""MoDeRNN as published with the MS-RNN papers: three kernels each way, averaged, five times.

Fields are (batch, channels, height, width).
"""

import torch
from torch import Tensor

from benchmarks.published.cell import States, Step, conv
from benchmarks.published.convlstm import ConvLSTM

ROUNDS = 5


class MoDeRNN(ConvLSTM):
    """States h, c."""

    def __init__(self, channels: int, layer: int) -> None:
        super().__init__(channels, layer)
        self.conv33_X = conv(3, channels, channels)
        self.conv55_X = conv(5, channels, channels)
        self.conv77_X = conv(7, channels, channels)
        self.conv33_H = conv(3, channels, channels)
        self.conv55_H = conv(5, channels, channels)
        self.conv77_H = conv(7, channels, channels)

    def forward(
        self, x: Tensor, states: States, memory: Tensor | None, last_x: Tensor | None
    ) -> Step:
        """One time step."""
        h, c = states
        for turn in range(1, ROUNDS + 1):
            if turn % 2:
                mean = (self.conv33_H(h) + self.conv55_H(h) + self.conv77_H(h)) / 3
                x = 2 * torch.sigmoid(mean) * x
            else:
                mean = (self.conv33_X(x) + self.conv55_X(x) + self.conv77_X(x)) / 3
                h = 2 * torch.sigmoid(mean) * h
        return Step(self.advance(x, h, c))
