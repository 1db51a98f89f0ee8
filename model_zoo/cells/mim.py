"""MIM (Memory In Memory): PredRNN with two memories of change in place of the forget gate.

Wang et al. (2019), https://arxiv.org/abs/1811.07490.

- The change is the difference of the input of the cell from the last step, with skips. In a plain
  stack this is the difference of the hidden states of the layer below, as in the paper. The code
  published with the MS-RNN paper leaves skips out of the earlier of the two inputs.
- Every layer uses that change; in the code of the authors of the cell, higher layers use the change
  computed by the layer below. As in the code published with the MS-RNN paper, gates have no
  peephole weights, which would fix the grid size.
- The published code has unused weights of the forget gate and of both memories in the bottom layer;
  here there are none (the bottom layer is PredRNN).
"""

from torch import Tensor

from model_zoo.cell import Cell, ConvSum, State, Step, conv, gated_input, lazy_zeros
from model_zoo.cells.lean_gates import Fuse, Gates


class MIM(Cell):
    """A cell with a memory of the non-stationary (n) and one of the stationary (s) change."""

    states = 5  # h, c, n of the non-stationary part, s of the stationary part, last input

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change_gates = Gates(2, channels, 3)
        self.change_output = ConvSum(2, channels, channels)
        self.trend_gates = Gates(2, channels, 4)
        self.trend_output = conv(channels, channels)
        self.gates = ConvSum(2, channels, 3 * channels)
        self.memory_gates = Gates(2, channels, 3)
        self.output_gate = ConvSum(2, channels, channels)
        self.fuse = Fuse(2, channels, channels, kernel_size=1)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step; shapes as in `Cell.forward`."""
        h, c, n, s, last_x = state
        m = lazy_zeros(x) if memory is None else memory

        change = x - last_x
        (n,) = self.change_gates.update(n, change, n)
        difference = self.change_output(change, n).sigmoid() * n.tanh()

        s, o = self.trend_gates.update(s, difference, c)
        trend = (o + self.trend_output(s)).sigmoid() * s.tanh()

        i, g, o = self.gates(x, h).chunk(3, dim=1)
        c = trend + gated_input(i, g)
        (m,) = self.memory_gates.update(m, x, m)

        gate = (o + self.output_gate(c, m)).sigmoid()
        h = self.fuse(gate, c, m)
        return Step(h, (h, c, n, s, x), m, gate)
