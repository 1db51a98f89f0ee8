"""Attention to a window of 30x30 pixels around each, in two plain ways that give the same numbers.

Windows reach 15 pixels up and left, 14 down and right. Scores are not divided by the root of the
number of channels. Positions outside the field count, with a score and a value of zero.

Fields are (batch, channels, height, width).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WINDOW = 30
BEFORE, AFTER = WINDOW // 2, WINDOW - 1 - WINDOW // 2
STRIP = 8
"""Rows of the field whose windows are unfolded at once: all at once would be 3.7 GB for keys at 32
channels and 180x180 pixels. What is kept for the backward pass is the same."""
TILE = 12
REACH = TILE + WINDOW - 1

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From query, key and value, each (batch, channels, height, width), to the attended likewise."""


class LocalAttention(nn.Module):
    """Attention of a field to itself."""

    def __init__(self, channels: int, attend: Attend) -> None:
        super().__init__()
        self.attend = attend
        self.conv1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 1, bias=False)
        self.conv3 = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The mean of the values in the window of each pixel, weighted."""
        return self.attend(self.conv1(x), self.conv2(x), self.conv3(x))


def attend_windows(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """A copy of the window of every pixel: 900 times the field, of keys and of values."""
    key, value = (F.pad(field, (BEFORE, AFTER, BEFORE, AFTER)) for field in (key, value))
    strips = []
    for row in range(0, query.shape[2], STRIP):
        rows = slice(row, row + STRIP + WINDOW - 1)
        q = query[:, :, row : row + STRIP].flatten(2).unsqueeze(2)
        k = torch.unflatten(F.unfold(key[:, :, rows], WINDOW), 1, (-1, WINDOW**2))
        v = torch.unflatten(F.unfold(value[:, :, rows], WINDOW), 1, (-1, WINDOW**2))
        # with the window last, which torch sums with less rounding
        weight = torch.softmax((q * k).sum(1).mT, dim=-1).mT
        strips.append((weight.unsqueeze(1) * v).sum(2))
    return torch.cat(strips, dim=2).view_as(query)


def attend_tiles(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """A copy of what each tile of 12x12 pixels reaches, 12 times the field; the rest is masked.

    Much faster than `attend_windows`, so that it is the one to compare speed with.
    """
    height, width = query.shape[2:]
    down, right = -height % TILE, -width % TILE
    query = F.pad(query, (0, right, 0, down))
    key, value = (F.pad(x, (BEFORE, AFTER + right, BEFORE, AFTER + down)) for x in (key, value))
    mask = mask_of_tile(query)
    strips = []
    for row in range(0, height, TILE):
        rows = slice(row, row + REACH)
        q = tokens(query[:, :, row : row + TILE], TILE)
        k, v = tokens(key[:, :, rows], REACH), tokens(value[:, :, rows], REACH)
        attended = torch.softmax(q @ k.mT + mask, dim=-1) @ v
        channels = attended.permute(0, 3, 2, 1).flatten(1, 2)
        strips.append(F.fold(channels, (TILE, width + right), TILE, stride=TILE))
    return torch.cat(strips, dim=2)[:, :, :height, :width]


def tokens(strip: Tensor, size: int) -> Tensor:
    """What each tile of a strip needs, `size` pixels square: (batch, tiles, pixels, channels)."""
    copies = F.unfold(strip, size, stride=TILE)
    return torch.unflatten(copies, 1, (-1, size**2)).permute(0, 3, 2, 1)


def mask_of_tile(like: Tensor) -> Tensor:
    """0 where what a tile reaches is in the window of one of its pixels, -inf elsewhere."""
    offset = (
        torch.arange(REACH, device=like.device) - torch.arange(TILE, device=like.device)[:, None]
    )
    seen = (offset >= 0) & (offset < WINDOW)
    seen = (seen[:, None, :, None] & seen[None, :, None, :]).flatten(2).flatten(0, 1)
    return like.new_zeros(seen.shape).masked_fill(~seen, -torch.inf)
