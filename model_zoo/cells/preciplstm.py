"""PrecipLSTM: PredRNN with local attention and memories of space and of temporal change.

Ma et al. (2022), https://doi.org/10.1109/TGRS.2022.3198222. As in the code published with the
MS-RNN and MS-LSTM papers, the attended input feeds three of the four memories.
"""

from torch import Tensor

from model_zoo.cell import Cell, ConvSum, State, Step, conv, lazy_zeros
from model_zoo.cells.lean_gates import Fuse, Gates
from model_zoo.layers.local_attention import LocalAttention


class PrecipLSTM(Cell):
    """A cell with four memories: temporal, spatiotemporal, spatial, and of temporal change."""

    states = 5  # h, c, spatial memory, temporal memory, last input

    def __init__(self, channels: int, *, window: int = 30) -> None:
        """Make a cell whose attention reaches over `window` pixels."""
        super().__init__()
        self.attention = LocalAttention(channels, window)
        self.attended = conv(channels, channels)
        self.gates = Gates(2, channels, 4)
        self.memory_gates = Gates(2, channels, 3)
        self.space_gates = Gates(2, channels, 3)
        self.change_gates = Gates(2, channels, 3)
        self.output_gate = ConvSum(4, channels, channels)
        self.fuse = Fuse(4, channels, channels, kernel_size=1)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step; shapes as in `Cell.forward`."""
        h, c, space, change, last_x = state
        m = lazy_zeros(x) if memory is None else memory
        a = x + self.attended(self.attention(x))

        c, o = self.gates.update(c, a, h)
        (m,) = self.memory_gates.update(m, a, m)
        (space,) = self.space_gates.update(space, a, space)
        (change,) = self.change_gates.update(change, x - last_x, change)

        gate = (o + self.output_gate(c, space, change, m)).sigmoid()
        h = self.fuse(gate, c, space, change, m)
        return Step(h, (h, c, space, change, x), m, gate)
