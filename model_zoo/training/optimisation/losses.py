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

FrameLosses = Callable[..., Tensor]
"""From predictions, true frames and mask to the loss of each frame, (batch, time)."""


def make_frame_losses(settings: Loss, scale: Scale) -> FrameLosses:
    """Return the frame losses of a kind, on an intensity scale.

    The result maps predictions and true frames, (batch, time, channel, height, width), and a mask
    to the loss of each frame, (batch, time).
    """
    if settings.kind == "exceedance":
        levels = scale.encode(torch.tensor(exceedance.THRESHOLDS))
        return partial(exceedance.losses, levels=levels, weights=threshold_weights(settings))
    return frame_losses


def threshold_weights(settings: Loss) -> Tensor | None:
    """Return the weight of each threshold, (threshold,), of mean 1; None where all are alike."""
    if not settings.thresholds:
        return None
    weights = [settings.thresholds.get(f"{t:g}", 1.0) for t in exceedance.THRESHOLDS]
    return torch.tensor(weights) / (sum(weights) / len(weights))


def frame_losses(predicted: Tensor, frames: Tensor, mask: Tensor) -> Tensor:
    """Compute squared plus absolute errors of each frame, summed over its known cells.

    Args:
        predicted: (batch, time, 1, height, width).
        frames: True frames, of the same shape; any finite number where not known.
        mask: Of the same shape, True where known.

    Returns:
        (batch, time).
    """
    error = (predicted.float() - frames).where(mask, 0.0)
    return (error.square() + error.abs()).sum((2, 3, 4))


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
