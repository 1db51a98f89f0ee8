"""PredRNN++: causal LSTM cells, the second of them fed through a gradient highway.

Wang et al. (2018), https://arxiv.org/abs/1804.06300. As published with the MS-RNN and MS-LSTM
papers, all gates of the second memory depend on x, c and m, and the output gate, a tanh as in the
paper, does not depend on h.
"""

from torch import Tensor

from model_zoo.cell import Cell, ConvSum, State, Step, conv, lazy_zeros, lstm_update
from model_zoo.cells.lean_gates import Fuse
from model_zoo.layers.lean_convolution import JoinedConv


class CausalLSTM(Cell):
    """Causal LSTM: two cascaded memories, the second updated from the first."""

    states = 2  # h, c

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = JoinedConv(3, channels, 3 * channels)
        self.memory_gates = JoinedConv(3, channels, 3 * channels)
        self.memory_read = conv(channels, channels, kernel_size=1)
        self.output_gate = JoinedConv(3, channels, channels)
        self.fuse = Fuse(2, channels, channels, kernel_size=1)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step; shapes as in `Cell.forward`."""
        h, c = state
        m = lazy_zeros(x) if memory is None else memory

        i, f, g = self.gates(x, h, c).chunk(3, dim=1)
        c = lstm_update(i, f, g, c)
        i, f, g = self.memory_gates(x, c, m).chunk(3, dim=1)
        m = lstm_update(i, f, g, self.memory_read(m).tanh())

        o = self.output_gate(x, c, m).tanh()
        h = self.fuse(o, c, m)
        return Step(h, (h, c), m)


class GradientHighway(Cell):
    """A cell behind a gradient highway unit, which has a state of its own."""

    def __init__(self, channels: int, cell: Cell) -> None:
        """Wrap `cell`."""
        super().__init__()
        self.states = 1 + cell.states  # z, then those of the cell
        self.multiple = cell.multiple
        self.cell = cell
        self.gates = ConvSum(2, channels, 2 * channels)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step; shapes as in `Cell.forward`."""
        z, *inner = state
        p, s = self.gates(x, z).chunk(2, dim=1)
        s = s.sigmoid()
        z = s * p.tanh() + (1 - s) * z
        step: Step = self.cell(z, tuple(inner), memory)
        return step._replace(state=(z, *step.state))
