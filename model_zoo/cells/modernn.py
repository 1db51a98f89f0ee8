"""MoDeRNN: a ConvLSTM after mutual gating of input and hidden state by kernels of three sizes.

Chai, Xu and Yuan (2021), https://arxiv.org/abs/2110.12978, its detail context block.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from model_zoo.cell import Cell, State, Step, conv
from model_zoo.cells.convlstm import ConvLSTM
from model_zoo.cells.modulation import modulate
from model_zoo.layers.lean_convolution import MeanConvolution, mean_kernel

SIZES = (3, 5, 7)


class MeanConv(nn.Module):
    """The mean of convolutions of several odd kernel sizes, computed as one convolution."""

    def __init__(self, channels: int, sizes: tuple[int, ...] = SIZES) -> None:
        super().__init__()
        self.convs = nn.ModuleList(conv(channels, channels, size) for size in sizes)

    def forward(self) -> Callable[[Tensor], Tensor]:
        """Return the mean convolution, valid until the weights change.

        It maps (batch, channels, height, width) to the same shape.
        """
        weights, biases = zip(*(conv.parameters() for conv in self.convs), strict=True)
        with torch.no_grad():
            mean, bias = mean_kernel(weights), torch.stack(biases).mean(0)

        def convolve(x: Tensor) -> Tensor:
            convolve_joined: Tensor = MeanConvolution.apply(x, mean, bias, *weights, *biases)  # type: ignore[no-untyped-call]
            return convolve_joined

        return convolve


class MoDeRNN(Cell):
    """A ConvLSTM after mutual gating; its states are those of the ConvLSTM, not gated."""

    states = ConvLSTM.states  # h, c

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.from_h = MeanConv(channels)
        self.from_x = MeanConv(channels)
        self.cell = ConvLSTM(channels)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step; shapes as in `Cell.forward`."""
        h, c = state
        x, h = modulate(x, h, self.from_h(), self.from_x())
        step: Step = self.cell(x, (h, c), memory)
        return step
