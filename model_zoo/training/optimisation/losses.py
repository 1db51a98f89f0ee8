"""What training makes small.

All of them are sums over the cells of a frame and means over frames and samples, as in the MS-LSTM
paper, https://arxiv.org/abs/2304.07724: of squared plus absolute errors on the 0..1 scale, or for
exceedances of cross entropies. Cells that are not known add nothing, and are not made up for by
others.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from model_zoo import exceedance
from model_zoo.intensity import Scale
from model_zoo.training.experiment import Loss

WeighCells = Callable[[Tensor], Tensor]
"""From true frames in 0..1 to the weight of each cell."""
FrameLosses = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From what is predicted, true frames and mask to the loss of each frame, (batch, time)."""

BOUNDS = (2.0, 5.0, 10.0, 30.0)
"""mm/h, and below the weights of the classes that they part: HKO-7's, Shi et al. (2017),
https://arxiv.org/abs/1706.03458, section 3.2, where 0.5 mm/h parts two classes of weight 1."""
WEIGHTS = (1.0, 2.0, 5.0, 10.0, 30.0)


def evenly(frames: Tensor) -> Tensor:
    """Every cell alike."""
    return torch.ones_like(frames)


def by_rate(scale: Scale) -> WeighCells:
    """Weights that grow with the rain rate, 1 below 2 mm/h and 30 from 30 mm/h on."""
    bounds, weights = scale.encode(torch.tensor(BOUNDS)), torch.tensor(WEIGHTS)

    def weigh(frames: Tensor) -> Tensor:
        return weights.to(frames.device)[
            torch.bucketize(frames.contiguous(), bounds.to(frames), right=True)
        ]

    return weigh


def losses_by(kind: str, scale: Scale) -> FrameLosses:
    """The losses of a kind on an intensity scale."""
    if kind == "exceedance":
        levels = scale.encode(torch.tensor(exceedance.THRESHOLDS))
        return partial(exceedance.losses, levels=levels)
    return partial(frame_losses, weigh=by_rate(scale) if kind == "balanced" else evenly)


def frame_losses(
    predicted: Tensor, frames: Tensor, mask: Tensor, weigh: WeighCells = evenly
) -> Tensor:
    """Squared plus absolute error of each frame, summed over its known cells, (batch, time).

    Args:
        predicted: (batch, time, 1, height, width).
        frames: The true ones, of the same shape; any finite number where they are not known.
        mask: Of the same shape, whether they are.
        weigh: Weight of each cell by its true value.
    """
    error = (predicted.float() - frames).where(mask, 0.0)
    return ((error.square() + error.abs()) * weigh(frames)).sum((2, 3, 4))


def loss_of(losses: Tensor, penalty: Tensor, given: int, settings: Loss) -> Tensor:
    """One number out of the losses of each frame (batch, time) that a network predicted.

    Args:
        losses: The first of them of the second given frame.
        penalty: What the cells are to be punished for.
        given: How many frames were given.
        settings: Whether the past counts, and how much the penalty.
    """
    counted = losses if settings.history else losses[:, given - 1 :]
    return counted.mean() + settings.decoupling * penalty
