"""CMS-LSTM as published with the MS-RNN papers.

Fields are (batch, channels, height, width).
"""

import torch
from torch import Tensor, nn

from benchmarks.published.cell import States, Step, conv
from benchmarks.published.convlstm import ConvLSTM

ROUNDS = 5
SCALES = (1, 2, 4)


class AttentionStage(nn.Module):
    """Attention among all pixels of h and c within each of `scale` x `scale` blocks."""

    def __init__(self, channels: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.f_key = conv(1, channels, channels)
        self.f_query = conv(1, channels, channels)
        self.f_value = conv(1, channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Of h and c side by side, (batch, C, H, 2 W); added to them."""
        query = self.tokens(self.f_query(features))
        key = self.tokens(self.f_key(features))
        value = self.tokens(self.f_value(features))
        weight = torch.softmax(query.mT @ key, dim=-1)
        return self.picture(value @ weight.mT, features) + features

    def sides(self, features: Tensor) -> tuple[int, ...]:
        """Block rows, their rows, h and c, block columns, their columns."""
        height, width = features.shape[2], features.shape[3] // 2
        return self.scale, height // self.scale, 2, self.scale, width // self.scale

    def tokens(self, features: Tensor) -> Tensor:
        """(batch, block rows, block columns, C, pixels)."""
        parts = torch.unflatten(features, 3, self.sides(features)[2:])
        parts = torch.unflatten(parts, 2, self.sides(features)[:2])
        return parts.permute(0, 2, 5, 1, 3, 4, 6).flatten(4)

    def picture(self, tokens: Tensor, features: Tensor) -> Tensor:
        """The reverse."""
        _, rows, fields, _, columns = self.sides(features)
        parts = torch.unflatten(tokens, 4, (rows, fields, columns))
        return parts.permute(0, 3, 1, 4, 5, 2, 6).reshape(features.shape)


class SEBlock(nn.Module):
    """h and c, rewritten after attention at three scales."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(AttentionStage(channels, scale) for scale in SCALES)
        self.conv_bn = conv(3, len(SCALES) * channels, channels)
        self.w_z = conv(1, 2 * channels, channels)
        self.w_h2h = conv(3, channels, 3 * channels)
        self.w_z2h = conv(3, channels, 3 * channels)

    def forward(self, h: Tensor, c: Tensor) -> States:
        """Updated hidden and cell state."""
        features = torch.cat([h, c], dim=3)
        joined = self.conv_bn(torch.cat([stage(features) for stage in self.stages], dim=1))
        z = self.w_z(torch.cat(torch.chunk(joined, 2, dim=3), dim=1))
        i, g, o = torch.chunk(self.w_h2h(h) + self.w_z2h(z), 3, dim=1)
        i = torch.sigmoid(i)
        c = c * (1 - i) + i * torch.tanh(g)
        return torch.sigmoid(o) * c, c


class CMSLSTM(ConvLSTM):
    """States h, c."""

    def __init__(self, channels: int, layer: int) -> None:
        super().__init__(channels, layer)
        self.convQ = conv(3, channels, channels)
        self.convR = conv(3, channels, channels)
        self.SEBlock = SEBlock(channels)

    def forward(
        self, x: Tensor, states: States, memory: Tensor | None, last_x: Tensor | None
    ) -> Step:
        """One time step."""
        h, c = states
        for turn in range(1, ROUNDS + 1):
            if turn % 2:
                x = 2 * torch.sigmoid(self.convQ(h)) * x
            else:
                h = 2 * torch.sigmoid(self.convR(x)) * h
        return Step(self.SEBlock(*self.advance(x, h, c)))
