"""Sampling of a field along a flow, as published with the MS-RNN papers, and mended.

Fields are (batch, channels, height, width).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Warp = Callable[[Tensor, Tensor], Tensor]


def warp(field: Tensor, flow: Tensor) -> Tensor:
    """`field`, (batch, C, H, W), read at each pixel plus `flow`, (batch, 2, H, W), in pixels.

    The grid is scaled so that the outermost pixels' centres are at -1 and 1, and is read as if
    their edges were: zero flow is not the identity. This is the published slip.
    """
    return F.grid_sample(field, grid(flow), align_corners=False)


def mended_warp(field: Tensor, flow: Tensor) -> Tensor:
    """The same without the slip."""
    return F.grid_sample(field, grid(flow), align_corners=True)


def grid(flow: Tensor) -> Tensor:
    """Positions between -1 and 1, (batch, H, W, 2)."""
    height, width = flow.shape[2:]
    columns = torch.arange(width, device=flow.device).view(1, -1).expand(height, -1)
    rows = torch.arange(height, device=flow.device).view(-1, 1).expand(-1, width)
    positions = torch.stack([columns, rows]).to(flow) + flow
    x = 2 * positions[:, 0] / max(width - 1, 1) - 1
    y = 2 * positions[:, 1] / max(height - 1, 1) - 1
    return torch.stack([x, y], dim=3)
