"""Backward warping of feature maps by flow fields in pixels."""

import torch
from torch import Tensor
from torch.nn import functional as F


def warp(x: Tensor, flows: Tensor) -> Tensor:
    """Sample `x` bilinearly at each pixel displaced by each flow; zero outside the field.

    A flow of zero returns `x`.

    Args:
        x: (B, C, H, W).
        flows: (B, L, 2, H, W), displacements in pixels, eastward then southward.

    Returns:
        (B, C, L, H, W).
    """
    columns, rows = positions(flows)
    return sample(x, columns, rows)


def shrinking_warp(x: Tensor, flows: Tensor) -> Tensor:
    """Warp as published with the MS-RNN and MS-LSTM papers, where a flow of zero shrinks the field.

    There, coordinates for `align_corners=True` are sampled with `align_corners=False`: with zero
    flow, pixels at the edges are sampled half a pixel further out, those in the middle in place, so
    that the field shrinks a little at each step. Only weights trained with it need it.

    Args:
        x: (B, C, H, W).
        flows: (B, L, 2, H, W), displacements in pixels, eastward then southward.

    Returns:
        (B, C, L, H, W).
    """
    height, width = x.shape[-2:]
    columns, rows = positions(flows)
    return sample(
        x,
        columns * width / max(width - 1, 1) - 0.5,
        rows * height / max(height - 1, 1) - 0.5,
    )


def positions(flows: Tensor) -> tuple[Tensor, Tensor]:
    """Return source column and row of each pixel, both (B, L, H, W), in float32 at least."""
    dtype = torch.promote_types(
        flows.dtype, torch.float32
    )  # bfloat16 does not represent all column numbers
    height, width = flows.shape[-2:]
    columns = torch.arange(width, dtype=dtype, device=flows.device)
    rows = torch.arange(height, dtype=dtype, device=flows.device)
    return columns + flows[:, :, 0], rows[:, None] + flows[:, :, 1]


def sample(x: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """Interpolate `x` (B, C, H, W) at (B, L, H, W) positions: (B, C, L, H, W), zero outside."""
    height, width = x.shape[-2:]
    # -1 and 1 are the edges of the field, half a pixel beyond the centres of its outermost pixels
    column = (2 * columns + 1) / width - 1
    row = (2 * rows + 1) / height - 1
    # one tall grid of all flows, so that x is sampled by one kernel and not copied
    grid = torch.stack([column, row], dim=-1).flatten(1, 2)
    sampled = F.grid_sample(x.to(grid.dtype), grid, align_corners=False)
    return torch.unflatten(sampled, 2, (columns.shape[1], height)).to(x.dtype)
