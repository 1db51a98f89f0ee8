"""MK-LSTM, the cell of MS-LSTM: a ConvLSTM with one memory of near and one of far neighbours.

Ma, Zhang and Liu (2023), https://arxiv.org/abs/2304.07724, equation 3.
"""

from torch import Tensor

from model_zoo.cell import Cell, ConvSum, State, Step, conv, remember
from model_zoo.convolution import JoinedConv


class MKLSTM(Cell):
    """One memory of 3x3 and one of 5x5 kernels, and an output gate that sees both."""

    states = 3  # h, c of 3x3 kernels, c of 5x5 kernels

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.near_gates = ConvSum(2, channels, 4 * channels, kernel_size=3)
        self.far_gates = ConvSum(2, channels, 4 * channels, kernel_size=5)
        self.near_output = conv(channels, channels, kernel_size=3)
        self.far_output = conv(channels, channels, kernel_size=5)
        self.fuse = JoinedConv(2, channels, channels, kernel_size=1)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step."""
        h, near, far = state
        i, f, g, o_near = self.near_gates(x, h).chunk(4, dim=1)
        near = remember(i, f, g, near)
        i, f, g, o_far = self.far_gates(x, h).chunk(4, dim=1)
        far = remember(i, f, g, far)

        o = o_near + o_far + self.near_output(near) + self.far_output(far)
        h = o.sigmoid() * self.fuse(near, far).tanh()
        return Step(h, (h, near, far), memory)
