"""PrecipLSTM: PredRNN with local attention and two more memories, of space and of change.

Ma et al. (2022), https://doi.org/10.1109/TGRS.2022.3198222. As in the code published with the
MS-RNN and MS-LSTM papers, the attended input feeds three of the four memories.
"""

import torch
from torch import Tensor

from model_zoo.attention import LocalAttention
from model_zoo.cell import Cell, ConvSum, State, Step, conv, remember
from model_zoo.convolution import JoinedConv


class PrecipLSTM(Cell):
    """Four memories: forward in time, up through the layers, of space, and of change in time."""

    states = 5  # h, c, spatial memory, temporal memory, last input

    def __init__(self, channels: int, *, window: int = 30) -> None:
        """Make a cell whose attention reaches over `window` pixels."""
        super().__init__()
        self.attention = LocalAttention(channels, window)
        self.attended = conv(channels, channels)
        self.gates = ConvSum(2, channels, 4 * channels)
        self.memory_gates = ConvSum(2, channels, 3 * channels)
        self.space_gates = ConvSum(2, channels, 3 * channels)
        self.change_gates = ConvSum(2, channels, 3 * channels)
        self.output_gate = ConvSum(4, channels, channels)
        self.fuse = JoinedConv(4, channels, channels, kernel_size=1)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step."""
        h, c, space, change, last_x = state
        m = torch.zeros_like(x) if memory is None else memory
        a = x + self.attended(self.attention(x))

        i, f, g, o = self.gates(a, h).chunk(4, dim=1)
        c = remember(i, f, g, c)
        i, f, g = self.memory_gates(a, m).chunk(3, dim=1)
        m = remember(i, f, g, m)
        i, f, g = self.space_gates(a, space).chunk(3, dim=1)
        space = remember(i, f, g, space)
        i, f, g = self.change_gates(x - last_x, change).chunk(3, dim=1)
        change = remember(i, f, g, change)

        gate = (o + self.output_gate(c, space, change, m)).sigmoid()
        h = gate * self.fuse(c, space, change, m).tanh()
        return Step(h, (h, c, space, change, x), m, gate)
