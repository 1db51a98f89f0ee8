"""PredRNN-V2: PredRNN whose two memories are pushed to learn different things.

Wang et al. (2021), https://arxiv.org/abs/2103.09504, its decoupling loss. The map that both
writings pass before they are compared has a bias here, as in the code published with the MS-RNN and
MS-LSTM papers, and is one for all layers.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from model_zoo.cell import State, Step
from model_zoo.cells.predrnn import PredRNN


class PredRNNv2(PredRNN):
    """PredRNN with a penalty on writing alike into both memories; forecasts need no penalty."""

    def __init__(self, channels: int, adapter: nn.Module) -> None:
        """Make a cell that compares its writings after `adapter`."""
        super().__init__(channels)
        self.adapter = adapter

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step; the penalty is there in training mode only."""
        step, c_written, m_written = self.advance(x, state, memory)
        if not self.training:
            return step
        return step._replace(penalty=self.overlap(c_written, m_written))

    def overlap(self, a: Tensor, b: Tensor) -> Tensor:
        """How alike two writings are in each channel, 0 to 1: (batch, channels)."""
        a, b = self.adapter(a).flatten(2), self.adapter(b).flatten(2)
        return F.cosine_similarity(a, b, dim=2).abs()
