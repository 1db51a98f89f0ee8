"""PredRNN-V2: PredRNN with a decoupling loss between its two memories.

Wang et al. (2021), https://arxiv.org/abs/2103.09504. The adapter of the decoupling loss has a bias
here, as in the code published with the MS-RNN and MS-LSTM papers, and is shared by all layers.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from model_zoo.cell import State, Step
from model_zoo.cells.predrnn import PredRNN


class PredRNNv2(PredRNN):
    """PredRNN with a penalty on similar increments of both memories, in training only."""

    def __init__(self, channels: int, adapter: nn.Module) -> None:
        """Make a cell that compares the increments of its memories after `adapter`."""
        super().__init__(channels)
        self.adapter = adapter

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step, with a penalty in training mode; shapes as in `Cell.forward`."""
        step, c_written, m_written = self.advance(x, state, memory)
        if not self.training:
            return step
        return step._replace(penalty=self.overlap(c_written, m_written))

    def overlap(self, a: Tensor, b: Tensor) -> Tensor:
        """Compute the absolute cosine similarity of two increments.

        Args:
            a: (batch, channels, height, width).
            b: Likewise.

        Returns:
            (batch, channels) in 0..1.
        """
        a, b = self.adapter(a).flatten(2), self.adapter(b).flatten(2)
        return F.cosine_similarity(a, b, dim=2).abs()
