"""What baselines and the newest frames say of how likely thresholds are reached, put right.

S-PROG knows how soon the rain at hand loses its small scales, but not how its amounts grow or
decay, nor how likely each rate is. A small U-Net (Ronneberger et al. 2015, arXiv:1505.04597) that
sees its field of a lead beside the newest frames gives the logits of the thresholds at that lead. A
recurrent network that adds to them needs to learn only what it knows better.

All fields are in Lagrangian coordinates: carried to where their rain is at the newest frame.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PAST = 3
"""Given frames that are seen, the newest and those 30 and 60 minutes before it."""
LEADS = 4
"""Leads by which the lead is divided as an input; later ones count as the last."""
INPUTS = PAST + 4
"""Past frames, where the newest is known, the baseline at the lead and at the next, the lead."""
GROUPS = 4
"""Of channels that are normalised together (Wu and He 2018, arXiv:1803.08494)."""
STEEPEST = 100.0
"""Scale of the slopes, so that they learn as fast as other weights."""
WINDOW = 48
"""Cells along a side of what is normalised together at the finest scale: a crop of training."""
MULTIPLE = 8
"""Fields are padded to a multiple of this, as they are halved three times."""


class WindowNorm(nn.GroupNorm):
    """Group normalisation within windows: of a field that is no larger than one, that of Wu and He.

    Statistics of a large field, most of it dry, differ from those of the crops of training, and so
    would what the network makes of rain in it. Here they are those of about the window around each
    cell: means of blocks of a third of it, of 3x3 blocks together, interpolated between them.
    """

    def __init__(self, channels: int, window: int) -> None:
        """Make one for windows of `window` x `window` cells, a multiple of 3."""
        super().__init__(GROUPS, channels)
        self.window = window

    def forward(self, x: Tensor) -> Tensor:
        """From (batch, channels, height, width) to the same."""
        size = x.shape[-2:]
        if max(size) <= self.window:
            return super().forward(x)
        grouped = torch.unflatten(x, 1, (self.num_groups, -1))
        moments = torch.cat([grouped.mean(dim=2), grouped.square().mean(dim=2)], dim=1)
        block = self.window // 3
        blocks = F.avg_pool2d(moments, block, ceil_mode=True, count_include_pad=False)
        around = F.avg_pool2d(blocks, 3, stride=1, padding=1, count_include_pad=False)
        whole = [block * n for n in around.shape[-2:]]
        local = F.interpolate(around, size=whole, mode="bilinear", align_corners=False)
        mean, square = local[..., : size[0], : size[1]].chunk(2, dim=1)
        spread = (square - mean.square()).clamp(min=0).add(self.eps).rsqrt()
        scaled = ((grouped - mean[:, :, None]) * spread[:, :, None]).flatten(1, 2)
        normalised: Tensor = scaled * self.weight[:, None, None] + self.bias[:, None, None]
        return normalised


class Block(nn.Module):
    """Two 3x3 convolutions, the first of them normalised."""

    def __init__(self, inputs: int, outputs: int, window: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)
        self.norm = WindowNorm(outputs, window)
        self.second = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """From (batch, inputs, height, width) to (batch, outputs, height, width)."""
        return F.silu(self.second(F.silu(self.norm(self.first(x)))))


class GuidedGuess(nn.Module):
    """Logits of thresholds from the newest frames and a baseline's field at the lead.

    Attributes:
        levels: The thresholds on the 0..1 scale, rising.
    """

    levels: Tensor

    def __init__(self, thresholds: int, channels: int) -> None:
        """Make one whose finest scale has `channels`, a multiple of `GROUPS`, the others twice."""
        super().__init__()
        self.register_buffer("levels", torch.arange(1, thresholds + 1) / (thresholds + 1))
        c = channels
        windows = [WINDOW >> level for level in range(4)]
        widths = [(INPUTS, c), (c, 2 * c), (2 * c, 2 * c), (2 * c, 2 * c)]
        self.down = nn.ModuleList(
            [Block(*width, window) for width, window in zip(widths, windows, strict=True)]
        )
        widths = [(4 * c, 2 * c), (4 * c, c), (2 * c, c)]
        self.up = nn.ModuleList(
            [Block(*width, window) for width, window in zip(widths, windows[2::-1], strict=True)]
        )
        self.out = nn.Conv2d(c, thresholds, kernel_size=1)
        self.slope = nn.Parameter(torch.zeros(LEADS, thresholds, 2))

    def forward(self, past: Sequence[Tensor], baseline: Sequence[Tensor], lead: int) -> Tensor:
        """Logits (batch, thresholds, height, width), not yet made to fall from one to the next.

        Args:
            past: The last given frames, newest last, each (batch, 2, height, width): rain in 0..1,
                and 1 where it is known. Of fewer than `PAST` the oldest stands for those before.
            baseline: Rain (batch, 1, height, width) in 0..1 that a baseline forecasts at the lead,
                and at the one after it; from the last lead of training on, twice the same.
            lead: Number of the lead, from 0.
        """
        seen = [past[0]] * (PAST - len(past)) + [*past[-PAST:]]
        number = min(lead, LEADS - 1)
        relative_lead = torch.full_like(baseline[0], number / (LEADS - 1))
        x = torch.cat(
            [*(frame[:, :1] for frame in seen), seen[-1][:, 1:], *baseline, relative_lead], dim=1
        )
        return self.correct(x) + self.distances(seen[-1][:, :1], baseline[0], number)

    def distances(self, newest: Tensor, baseline: Tensor, lead: int) -> Tensor:
        """Weigh how far the newest frame and the baseline lie above each threshold.

        So fine detail bypasses the U-Net.

        Args:
            newest: (batch, 1, height, width) in 0..1.
            baseline: Likewise.
            lead: Number of the lead, from 0.

        Returns:
            (batch, thresholds, height, width).
        """
        levels = self.levels[:, None, None]
        slope = STEEPEST * self.slope[lead, :, :, None, None]
        return slope[:, 0] * (newest - levels) + slope[:, 1] * (baseline - levels)

    def correct(self, x: Tensor) -> Tensor:
        """The U-Net, from (batch, INPUTS, height, width) of any size."""
        height, width = x.shape[-2:]
        x = F.pad(x, (0, -width % MULTIPLE, 0, -height % MULTIPLE))
        finer: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(F.avg_pool2d(x, 2) if level else x)
            finer.append(x)
        for block, skip in zip(self.up, finer[-2::-1], strict=True):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat([skip, x], dim=1))
        logits: Tensor = self.out(x)
        return logits[..., :height, :width]
