"""MK-LSTM, the multi-kernel cell of MS-LSTM: a ConvLSTM with memories of 3x3 and of 5x5 kernels.

Ma, Zhang and Liu (2023), https://arxiv.org/abs/2304.07724, equation 3.
"""

from torch import Tensor

from model_zoo.cell import Cell, State, Step, conv
from model_zoo.cells.lean_gates import Fuse, Gates


class MKLSTM(Cell):
    """A cell with a memory of 3x3 and one of 5x5 kernels, and an output gate that uses both."""

    states = 3  # h, c of 3x3 kernels, c of 5x5 kernels

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.near_gates = Gates(2, channels, 4, kernel_size=3, recompute=True)
        self.far_gates = Gates(2, channels, 4, kernel_size=5)
        self.near_output = conv(channels, channels, kernel_size=3)
        self.far_output = conv(channels, channels, kernel_size=5)
        self.fuse = Fuse(2, channels, channels, kernel_size=1)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step; shapes as in `Cell.forward`."""
        h, near, far = state
        near, o_near = self.near_gates.update(near, x, h)
        far, o_far = self.far_gates.update(far, x, h)

        o = o_near + o_far + self.near_output(near) + self.far_output(far)
        h = self.fuse(o.sigmoid(), near, far)
        return Step(h, (h, near, far), memory)
