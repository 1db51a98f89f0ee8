"""Exact local attention of every pixel to the window around it, in plain PyTorch.

The field is cut into tiles. All pixels of a tile attend to the union of their windows, with pixels
outside their own window masked. Memory grows with the field, not with field times window: scores
are computed for one row of tiles at a time, and only query, key and value are saved for the
backward pass, which computes the scores again. Fields are (batch, channels, height, width).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

DENSE_CELLS = 1024
"""Frozen attention takes fields of so many pixels or fewer whole: twice as fast on 32x32, 16 times
on 16x16."""
TILE = 10
"""Height and width of a tile. Larger tiles mask more, smaller ones copy more; 10 is the
fastest of 6 to 20 for a window of 30 on a CPU."""


class LocalAttention(nn.Module):
    """Local attention with one head; scores are not divided by the square root of the channels.

    Attributes:
        frozen: Whether no gradient flows through it: it does not learn, and training is faster.
    """

    frozen: bool = False

    def __init__(self, channels: int, window: int) -> None:
        """Attend to `window` x `window` pixels."""
        super().__init__()
        self.window = window
        self.query = nn.Conv2d(channels, channels, kernel_size=1, bias=False)
        self.key = nn.Conv2d(channels, channels, kernel_size=1, bias=False)
        self.value = nn.Conv2d(channels, channels, kernel_size=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Attend to the window of each pixel; `x` is (batch, channels, height, width)."""
        small = x.shape[-2] * x.shape[-1] <= DENSE_CELLS
        # whole fields keep more for a backward pass, which frozen attention has none of
        attention = attend_whole if self.frozen and small else attend
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            return attention(self.query(x), self.key(x), self.value(x), self.window)


def attend(query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
    """Softmax attention of each pixel to the window around it.

    Even windows extend one pixel further up and left than down and right. Positions outside the
    field have a score and a value of zero and take part in the softmax, as in the networks
    published with the MS-RNN and MS-LSTM papers.

    Args:
        query: (batch, channels, height, width).
        key: Likewise.
        value: Likewise.
        window: Height and width of the window in pixels.

    Returns:
        Likewise.
    """
    attended: Tensor = WindowAttention.apply(query, key, value, window)  # type: ignore[no-untyped-call]
    return attended


def attend_whole(query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
    """`attend` on a small field: every pixel to every other, those outside its window masked.

    All positions outside the field count as one key of score zero, as often as there are.
    """
    batch, channels, height, width = query.shape
    q, k, v = (field.flatten(2).mT.unsqueeze(1) for field in (query, key, value))
    k, v = F.pad(k, (0, 0, 0, 1)), F.pad(v, (0, 0, 0, 1))
    mask = whole_mask(height, width, window, query)
    attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1.0)
    return attended.squeeze(1).mT.reshape(batch, channels, height, width)


def whole_mask(height: int, width: int, window: int, like: Tensor) -> Tensor:
    """Return what to add to scores, (pixels, pixels + 1).

    0 where a pixel sees another and -inf elsewhere; last the logarithm of how many positions
    outside the field its window has.
    """
    seen_along = []
    for size in (height, width):
        position = torch.arange(size, device=like.device)
        offset = position - position[:, None]
        seen_along.append((offset >= -(window // 2)) & (offset < window - window // 2))
    rows, columns = seen_along
    seen = (rows[:, None, :, None] & columns[None, :, None, :]).flatten(2).flatten(0, 1)
    mask = like.new_zeros(seen.shape).masked_fill(~seen, -torch.inf)
    outside = (window**2 - seen.sum(dim=1, keepdim=True)).to(like).log()
    return torch.cat([mask, outside], dim=1)


class WindowAttention(torch.autograd.Function):
    """`attend` with a backward pass that recomputes the scores."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  torch's type lacks the attributes used here
        query: Tensor,
        key: Tensor,
        value: Tensor,
        window: int,
    ) -> Tensor:
        """Attend; shapes as in `attend`."""
        ctx.save_for_backward(query, key, value)
        ctx.window = window
        tiling = Tiling(query, window)
        query, key, value = tiling.fill(query), tiling.surround(key), tiling.surround(value)
        mask = tiling.mask(query.dtype)
        attended = torch.empty_like(query)
        for row in range(tiling.rows):
            q, k, v = tiling.tiles(query, row), tiling.around(key, row), tiling.around(value, row)
            tiles = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1.0)
            tiling.put(tiles, attended, row)
        return tiling.crop(attended)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        upstream: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, None]:
        """Return gradients shaped as query, key and value, computed in float32 at least."""
        query, key, value = ctx.saved_tensors
        tiling = Tiling(query, ctx.window)
        wide = torch.promote_types(query.dtype, torch.float32)
        query, outer = tiling.fill(query.to(wide)), tiling.fill(upstream.to(wide))
        key, value = tiling.surround(key.to(wide)), tiling.surround(value.to(wide))
        mask = tiling.mask(wide)
        d_query = torch.empty_like(query)
        d_key, d_value = torch.zeros_like(key), torch.zeros_like(value)
        for row in range(tiling.rows):
            q, d_out = tiling.tiles(query, row), tiling.tiles(outer, row)
            k, v = tiling.around(key, row), tiling.around(value, row)
            weight = (q @ k.mT).add_(mask).softmax(dim=-1)
            tiling.add(weight.mT @ d_out, d_value, row)
            d_score = d_out @ v.mT
            d_score -= (d_out * (weight @ v)).sum(dim=-1, keepdim=True)
            d_score *= weight
            tiling.add(d_score.mT @ q, d_key, row)
            tiling.put(d_score @ k, d_query, row)
        d_query = tiling.crop(d_query)
        d_key, d_value = tiling.crop(d_key, tiling.before), tiling.crop(d_value, tiling.before)
        dtype = upstream.dtype
        return d_query.to(dtype), d_key.to(dtype), d_value.to(dtype), None


class Tiling:
    """Cuts fields (batch, channels, height, width) into tiles, and into surroundings of tiles.

    The surroundings of a tile are the union of the windows of its pixels.
    """

    def __init__(self, field: Tensor, window: int) -> None:
        self.device = field.device
        self.window = window
        self.height, self.width = field.shape[-2:]
        self.rows, self.columns = -(-self.height // TILE), -(-self.width // TILE)
        self.reach = TILE + window - 1
        self.before = window // 2

    def mask(self, dtype: torch.dtype) -> Tensor:
        """Return the score mask (pixels, surroundings): 0 in the window, -inf elsewhere."""
        position = torch.arange(self.reach, device=self.device)
        offset = position - position[:TILE, None]
        seen = (offset >= 0) & (offset < self.window)
        seen = (seen[:, None, :, None] & seen[None, :, None, :]).flatten(2).flatten(0, 1)
        unseen = torch.full(seen.shape, -torch.inf, dtype=dtype, device=self.device)
        return unseen.masked_fill(seen, 0)

    def fill(self, field: Tensor) -> Tensor:
        """Zero-pad a field to whole tiles."""
        missing = (self.columns * TILE - self.width, self.rows * TILE - self.height)
        return F.pad(field, (0, missing[0], 0, missing[1]))

    def surround(self, field: Tensor) -> Tensor:
        """Zero-pad a field to whole tiles, and by the reach of the windows on each side."""
        after = self.window - 1 - self.before
        return F.pad(self.fill(field), (self.before, after, self.before, after))

    def crop(self, field: Tensor, rim: int = 0) -> Tensor:
        """Remove the padding."""
        return field[:, :, rim : rim + self.height, rim : rim + self.width]

    def tiles(self, filled: Tensor, row: int) -> Tensor:
        """Return the tiles of a row of a filled field, (batch, tiles, pixels, channels)."""
        strip = filled[:, :, row * TILE : (row + 1) * TILE]
        return self.as_tokens(strip.unfold(3, TILE, TILE))

    def around(self, surrounded: Tensor, row: int) -> Tensor:
        """Return the surroundings of a row of tiles, (batch, tiles, pixels, channels)."""
        strip = surrounded[:, :, row * TILE : row * TILE + self.reach]
        return self.as_tokens(strip.unfold(3, self.reach, TILE))

    @staticmethod
    def as_tokens(tiles: Tensor) -> Tensor:
        """Permute (batch, channels, height, tiles, width) to (batch, tiles, pixels, channels)."""
        return tiles.permute(0, 3, 2, 4, 1).flatten(2, 3)

    def add(self, around: Tensor, total: Tensor, row: int) -> None:
        """Add surroundings of a row of tiles to a padded field: the adjoint of `around`."""
        tiles = around.permute(0, 3, 2, 1).flatten(1, 2)
        size = (self.reach, total.shape[-1])
        rows = slice(row * TILE, row * TILE + self.reach)
        total[:, :, rows] += F.fold(tiles, size, kernel_size=self.reach, stride=TILE)

    @staticmethod
    def put(tiles: Tensor, field: Tensor, row: int) -> None:
        """Write a row of tiles to a filled field: the inverse of `tiles`."""
        strip = torch.unflatten(tiles, 2, (TILE, TILE)).permute(0, 4, 2, 1, 3).flatten(3)
        field[:, :, row * TILE : (row + 1) * TILE] = strip
