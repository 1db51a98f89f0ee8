"""ConvLSTM: an LSTM with convolutions in place of matrix products.

Shi et al. (2015), https://arxiv.org/abs/1506.04214, without its peephole terms.
"""

from torch import Tensor

from model_zoo.cell import Cell, State, Step
from model_zoo.cells.lean_gates import Gates


class ConvLSTM(Cell):
    """An LSTM cell with 3x3 kernels."""

    states = 2  # h, c

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = Gates(2, channels, 4)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step; shapes as in `Cell.forward`."""
        h, c = state
        c, o = self.gates.update(c, x, h)
        h = o.sigmoid() * c.tanh()
        return Step(h, (h, c), memory)
