"""Backward warping of feature maps by flow fields in pixels."""

import torch
from torch import Tensor
from torch.nn import functional as F


def warp(x: Tensor, flows: Tensor) -> Tensor:
    """Sample `x` at each pixel displaced by each flow, bilinearly; zero outside the field.

    A flow of zero gives `x` back.

    Args:
        x: (B, C, H, W).
        flows: (B, L, 2, H, W), displacements in pixels, eastward then southward.

    Returns:
        (B, C, L, H, W).
    """
    columns, rows = positions(flows)
    return sample(x, columns, rows)


def shrinking_warp(x: Tensor, flows: Tensor) -> Tensor:
    """The same as published with the MS-RNN and MS-LSTM papers, where zero flow changes the field.

    There, positions that put the centres of the outermost pixels at -1 and 1 are read by a sampler
    that puts the edges of the field there. With zero flow, pixels at the edges are read half a
    pixel further out, those in the middle where they are, so that the field shrinks a little at
    each step. Only weights that were trained with it need it.
    """
    height, width = x.shape[-2:]
    columns, rows = positions(flows)
    return sample(
        x,
        columns * width / max(width - 1, 1) - 0.5,
        rows * height / max(height - 1, 1) - 0.5,
    )


def positions(flows: Tensor) -> tuple[Tensor, Tensor]:
    """Column and row that each pixel is moved from, both (B, L, H, W), at least in float32."""
    dtype = torch.promote_types(flows.dtype, torch.float32)  # bfloat16 cannot count to 1000
    height, width = flows.shape[-2:]
    columns = torch.arange(width, dtype=dtype, device=flows.device)
    rows = torch.arange(height, dtype=dtype, device=flows.device)
    return columns + flows[:, :, 0], rows[:, None] + flows[:, :, 1]


def sample(x: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """Values of `x` between its pixels, (B, C, L, H, W); zero outside the field."""
    height, width = x.shape[-2:]
    # -1 and 1 are the edges of the field, half a pixel beyond the centres of its outermost pixels
    column = (2 * columns + 1) / width - 1
    row = (2 * rows + 1) / height - 1
    # one tall grid of all flows: x is sampled by one kernel and is not copied for each flow
    grid = torch.stack([column, row], dim=-1).flatten(1, 2)
    sampled = F.grid_sample(x.to(grid.dtype), grid, align_corners=False)
    return torch.unflatten(sampled, 2, (columns.shape[1], height)).to(x.dtype)
