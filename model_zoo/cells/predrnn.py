"""PredRNN: an LSTM cell with a second memory that passes up the layers, then to the next time step.

Wang et al. (2017), PredRNN: Recurrent Neural Networks for Predictive Learning using Spatiotemporal
LSTMs, NeurIPS 2017, its ST-LSTM unit.
"""

from torch import Tensor

from model_zoo.cell import Cell, ConvSum, State, Step, gated_input, lazy_zeros
from model_zoo.cells.lean_gates import Fuse


class PredRNN(Cell):
    """ST-LSTM: a temporal and a spatiotemporal memory, and an output gate that uses both."""

    states = 2  # h, c

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = ConvSum(2, channels, 4 * channels)
        self.memory_gates = ConvSum(2, channels, 3 * channels)
        self.output_gate = ConvSum(2, channels, channels)
        self.fuse = Fuse(2, channels, channels, kernel_size=1)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step; shapes as in `Cell.forward`."""
        step, _, _ = self.advance(x, state, memory)
        return step

    def advance(
        self, x: Tensor, state: State, memory: Tensor | None
    ) -> tuple[Step, Tensor, Tensor]:
        """Advance one time step; shapes as in `Cell.forward`.

        Returns:
            The step, and the increments of c and of the memory, as `x`.
        """
        h, c = state
        m = lazy_zeros(x) if memory is None else memory

        i, f, g, o = self.gates(x, h).chunk(4, dim=1)
        c_written = gated_input(i, g)
        c = f.sigmoid() * c + c_written
        i, f, g = self.memory_gates(x, m).chunk(3, dim=1)
        m_written = gated_input(i, g)
        m = f.sigmoid() * m + m_written

        gate = (o + self.output_gate(c, m)).sigmoid()
        h = self.fuse(gate, c, m)
        return Step(h, (h, c), m, gate), c_written, m_written
