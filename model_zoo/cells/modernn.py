"""MoDeRNN: a ConvLSTM whose input and past first gate each other through kernels of three sizes.

Chai, Xu and Yuan (2021), https://arxiv.org/abs/2110.12978, its detail context block.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model_zoo.cell import Cell, State, Step, conv
from model_zoo.cells.convlstm import ConvLSTM
from model_zoo.cells.modulation import modulate

SIZES = (3, 5, 7)


class MeanConv(nn.Module):
    """The mean of convolutions of several odd sizes, to be used as the one that it equals."""

    def __init__(self, channels: int, sizes: tuple[int, ...] = SIZES) -> None:
        super().__init__()
        self.convs = nn.ModuleList(conv(channels, channels, size) for size in sizes)
        self.reach = max(sizes) // 2

    def forward(self) -> Callable[[Tensor], Tensor]:
        """The one convolution, for as long as the weights stay as they are."""
        weights, biases = zip(*(conv.parameters() for conv in self.convs), strict=True)
        weight = torch.stack([self.widened(weight) for weight in weights]).mean(0)
        bias = torch.stack(biases).mean(0)
        return partial(F.conv2d, weight=weight, bias=bias, padding=self.reach)

    def widened(self, kernel: Tensor) -> Tensor:
        """A kernel with zeros around it, up to the size of the largest."""
        return F.pad(kernel, (self.reach - kernel.shape[-1] // 2,) * 4)


class MoDeRNN(Cell):
    """A ConvLSTM after mutual gating; what it carries on is not gated."""

    states = ConvLSTM.states  # h, c

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.from_h = MeanConv(channels)
        self.from_x = MeanConv(channels)
        self.cell = ConvLSTM(channels)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step."""
        h, c = state
        x, h = modulate(x, h, self.from_h(), self.from_x())
        step: Step = self.cell(x, (h, c), memory)
        return step
