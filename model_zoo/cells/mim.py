"""MIM: PredRNN whose forget gate gives way to two memories of how its input changes.

Wang et al. (2019), https://arxiv.org/abs/1811.07490.

- The change is that of the cell's own input since the last step, skips included. In a plain stack
  this is the paper's difference of the hidden states of the layer below. The code published with
  the MS-RNN paper leaves the skips of the pyramid out of the earlier of the two inputs.
- Every layer takes that change; in the code of the cell's authors higher layers take the change
  that the layer below has found. As in the code published with the MS-RNN paper, gates have no
  peephole weights, which would tie the cell to one grid.
- The published code has weights for the forget gate that was given up, and for both memories in
  the bottom layer, whose results it drops; here there are none (the bottom layer is PredRNN).
"""

from torch import Tensor

from model_zoo.cell import Cell, ConvSum, State, Step, conv, gated_input, lazy_zeros
from model_zoo.cells.lean_gates import Fuse, Gates


class MIM(Cell):
    """Two memories of change, one of what moves (n), one of what stays (s), in place of a gate."""

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
        """Advance one time step."""
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
