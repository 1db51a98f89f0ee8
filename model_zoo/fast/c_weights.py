"""Weights in the layouts that the C kernels take: Winograd domain and tiles of the matrix unit."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

WINOGRAD_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Finite interpolation points of Winograd's minimal filtering, as in native/convolve.c."""
AMX_OUTPUTS, AMX_INPUTS = 16, 32
"""Output and input channels of a weight tile of the matrix unit (AMX)."""


def winograd_weights(weight: Tensor, block: int) -> Tensor:
    """Transform kernels to the Winograd domain.

    Args:
        weight: (outputs, inputs, size, size).
        block: Outputs that the C kernels sum at once.

    Returns:
        (outputs / block, points, inputs, block), float32, outputs padded with zeros.
    """
    size = weight.shape[-1]
    to_points = winograd_transform(size).to(weight) if size > 1 else weight.new_ones(1, 1)
    points = torch.einsum("iy,ocyx,jx->ijco", to_points, weight, to_points)
    whole = F.pad(points.flatten(0, 1), (0, -len(weight) % block))
    blocks = torch.unflatten(whole, 2, (-1, block))
    return blocks.permute(2, 0, 1, 3).float().contiguous()


def winograd_transform(size: int) -> Tensor:
    """Return the Winograd kernel transform G, (8, size) float64.

    Lavin and Gray (2015), https://arxiv.org/abs/1509.09308. The row of the point 0 is negated, as
    in native/convolve.c.
    """
    rows = []
    for point in WINOGRAD_POINTS:
        others = torch.tensor(
            [point - other for other in WINOGRAD_POINTS if other != point], dtype=torch.float64
        )
        powers = torch.tensor([point**power for power in range(size)], dtype=torch.float64)
        rows.append(powers / others.prod() * (-1 if point == 0 else 1))
    at_infinity = torch.zeros(size, dtype=torch.float64)
    at_infinity[-1] = 1
    return torch.stack([*rows, at_infinity])


def amx_tiles(weights: Sequence[Tensor]) -> Tensor:
    """Pack weights into tiles of the matrix unit.

    Args:
        weights: Of each field, (outputs, inputs, size, size); odd inputs are padded with a zero.

    Returns:
        (outputs / 16, size, size, inputs / 32, 16, 32), bfloat16, padded with zeros.
    """
    whole = torch.cat([F.pad(part, (0, 0, 0, 0, 0, part.shape[1] % 2)) for part in weights], dim=1)
    outputs, inputs = whole.shape[:2]
    whole = F.pad(whole, (0, 0, 0, 0, 0, -inputs % AMX_INPUTS, 0, -outputs % AMX_OUTPUTS))
    blocks = torch.unflatten(torch.unflatten(whole, 1, (-1, AMX_INPUTS)), 0, (-1, AMX_OUTPUTS))
    return blocks.permute(0, 4, 5, 2, 1, 3).to(torch.bfloat16).contiguous()
