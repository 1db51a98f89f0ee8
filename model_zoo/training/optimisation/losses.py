"""Training losses.

Sums over the cells of a frame and means over frames and samples, as in the MS-LSTM paper,
https://arxiv.org/abs/2304.07724: of squared plus absolute errors on the 0..1 scale, or of cross
entropies for exceedances. Cells without data do not contribute, and sums are not rescaled for them.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from model_zoo import exceedance
from model_zoo.intensity import Scale
from model_zoo.training.experiment import Loss

WeighCells = Callable[[Tensor], Tensor]
"""From true frames (batch, time, 1, height, width) in 0..1 to the weight of each cell."""
FrameLosses = Callable[..., Tensor]
"""From predictions, true frames and mask to the loss of each frame, (batch, time)."""

BOUNDS = (2.0, 5.0, 10.0, 30.0)
"""Bounds of rain-rate classes in mm/h, of HKO-7, Shi et al. (2017),
https://arxiv.org/abs/1706.03458, section 3.2, where 0.5 mm/h separates two classes of weight 1."""
WEIGHTS = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Weights of the classes."""


def uniform_weights(frames: Tensor) -> Tensor:
    """Return weights of 1, shaped as `frames` (batch, time, 1, height, width)."""
    return torch.ones_like(frames)


def by_rate(scale: Scale) -> WeighCells:
    """Make weights that grow with the rain rate, from 1 below 2 mm/h to 30 from 30 mm/h on."""
    bounds, weights = scale.encode(torch.tensor(BOUNDS)), torch.tensor(WEIGHTS)

    def weigh(frames: Tensor) -> Tensor:
        return weights.to(frames.device)[
            torch.bucketize(frames.contiguous(), bounds.to(frames), right=True)
        ]

    return weigh


def make_frame_losses(settings: Loss, scale: Scale) -> FrameLosses:
    """The losses of a kind on an intensity scale."""
    if settings.kind == "exceedance":
        levels = scale.encode(torch.tensor(exceedance.THRESHOLDS))
        return partial(exceedance.losses, levels=levels, weights=threshold_weights(settings))
    weigh = by_rate(scale) if settings.kind == "balanced" else uniform_weights
    return partial(frame_losses, weigh=weigh)


def threshold_weights(settings: Loss) -> Tensor | None:
    """Return the weight of each threshold, (threshold,), of mean 1; None where all are alike."""
    if not settings.thresholds:
        return None
    weights = [settings.thresholds.get(f"{t:g}", 1.0) for t in exceedance.THRESHOLDS]
    return torch.tensor(weights) / (sum(weights) / len(weights))


def frame_losses(
    predicted: Tensor, frames: Tensor, mask: Tensor, weigh: WeighCells = uniform_weights
) -> Tensor:
    """Compute squared plus absolute errors of each frame, summed over its known cells.

    Args:
        predicted: (batch, time, 1, height, width).
        frames: True frames, of the same shape; any finite number where not known.
        mask: Of the same shape, True where known.
        weigh: Weight of each cell from its true value.

    Returns:
        (batch, time).
    """
    error = (predicted.float() - frames).where(mask, 0.0)
    return ((error.square() + error.abs()) * weigh(frames)).sum((2, 3, 4))


def total_loss(
    losses: Tensor, penalty: Tensor, given: int, settings: Loss, mask: Tensor | None = None
) -> Tensor:
    """Combine the losses of the predicted frames and the penalty of the cells.

    Args:
        losses: (batch, time), from the second given frame on.
        penalty: Scalar auxiliary loss of the cells.
        given: Number of given frames.
        settings: Whether given frames count, and the weight of the penalty.
        mask: Where those frames are known, (batch, time, 1, height, width); for a mean per cell.

    Returns:
        Scalar.
    """
    if settings.per_cell and mask is not None:
        ahead = slice(given - 1, None)
        cells = mask[:, ahead].sum().clamp(min=1)
        return losses[:, ahead].sum() / cells + settings.decoupling * penalty
    counted = losses if settings.history else losses[:, given - 1 :]
    return counted.mean() + settings.decoupling * penalty
