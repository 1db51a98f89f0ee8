"""CMS-LSTM: a ConvLSTM with mutual gating of its inputs and multi-scale attention of its states.

Chai et al. (2021), https://arxiv.org/abs/2102.03586, as the MS-RNN and MS-LSTM papers run it: 3x3
kernels, no layer norm, no dropout.

Attention over the whole field takes 2 C (2 H W)**2 multiply-adds per layer and step, that within
its 4 and 16 blocks a quarter and a sixteenth as much again: at 32 channels 0.35 G on 32 x 32
pixels, and 353 G on 180 x 180, which is 14.8 T for a forecast. Memory is that of the fields
where torch has a fused kernel, which does not save scores.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model_zoo.cell import Cell, ConvSum, State, Step, conv
from model_zoo.cells.convlstm import ConvLSTM
from model_zoo.cells.modulation import modulate

SCALES = (1, 2, 4)
"""Numbers of blocks along each side of the field."""


class BlockAttention(nn.Module):
    """Attention among all pixels of two fields in each of `blocks_per_side` squared blocks."""

    def __init__(self, channels: int, blocks_per_side: int) -> None:
        super().__init__()
        self.blocks_per_side = blocks_per_side
        # the bias of the key shifts all scores of a query alike, without effect; published weights
        # have one
        self.query = conv(channels, channels, kernel_size=1)
        self.key = conv(channels, channels, kernel_size=1)
        self.value = conv(channels, channels, kernel_size=1)

    def forward(self, pair: Tensor) -> Tensor:
        """Attend to two fields concatenated along the width, (batch, channels, height, 2 width)."""
        _, _, height, width = pair.shape
        query, key, value = (self.split(of(pair)) for of in (self.query, self.key, self.value))
        attended = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        # (batch, block rows and columns, rows, fields and columns, channels) and back to a picture
        sides = (height // self.blocks_per_side, 2, width // 2 // self.blocks_per_side)
        blocks = torch.unflatten(
            torch.unflatten(attended, 2, sides), 1, (self.blocks_per_side, self.blocks_per_side)
        )
        return blocks.permute(0, 6, 1, 3, 4, 2, 5).flatten(4).flatten(2, 3)

    def split(self, pair: Tensor) -> Tensor:
        """Cut two concatenated fields into blocks of both: (batch, blocks, pixels, channels)."""
        _, _, height, width = pair.shape
        blocks = torch.unflatten(pair, 2, (self.blocks_per_side, height // self.blocks_per_side))
        blocks = torch.unflatten(
            blocks, 4, (2, self.blocks_per_side, width // 2 // self.blocks_per_side)
        )
        tokens = blocks.permute(0, 2, 5, 3, 4, 6, 1).flatten(3, 5).flatten(1, 2)
        return tokens.contiguous()  # the fused kernel takes nothing else


class Expression(nn.Module):
    """Spatiotemporal expression: update of hidden and cell state by attention at several scales."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(BlockAttention(channels, scale) for scale in SCALES)
        self.join = conv(len(SCALES) * channels, channels)
        self.fuse = conv(2 * channels, channels, kernel_size=1)
        self.gates = ConvSum(2, channels, 3 * channels)

    def forward(self, h: Tensor, c: Tensor) -> State:
        """Update both states, (batch, channels, height, width) each."""
        pair = torch.cat([h, c], dim=3)
        # one convolution over both fields, as published: kernels extend over the seam between them
        joined = self.join(torch.cat([attend(pair) + pair for attend in self.scales], dim=1))
        z = self.fuse(torch.cat(joined.chunk(2, dim=3), dim=1))
        i, g, o = self.gates(h, z).chunk(3, dim=1)
        i = i.sigmoid()
        c = (1 - i) * c + i * g.tanh()
        return o.sigmoid() * c, c


class CMSLSTM(Cell):
    """Context embedding, a ConvLSTM, and spatiotemporal expression."""

    states = ConvLSTM.states  # h, c
    multiple = max(SCALES)

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.from_h = conv(channels, channels)
        self.from_x = conv(channels, channels)
        self.cell = ConvLSTM(channels)
        self.expression = Expression(channels)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step; shapes as in `Cell.forward`."""
        h, c = state
        x, h = modulate(x, h, self.from_h, self.from_x)
        step: Step = self.cell(x, (h, c), memory)
        h, c = self.expression(*step.state)
        return step._replace(hidden=h, state=(h, c))
