"""Probabilities that precipitation reaches thresholds, their loss, and rates derived from them.

A network that predicts one rate per cell must blur it to be right on average, and then rarely
predicts heavy rain. One that predicts the probability that each of some thresholds is reached
(ordinal regression; Frank and Hall 2001, doi:10.1007/3-540-44795-4_13) loses nothing by being
uncertain, and is trained by a proper score.

Arrays are (..., thresholds, height, width), thresholds rising.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

THRESHOLDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0)
"""mm/h; those of the experiments."""
FORECAST_THRESHOLDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""mm/h; thresholds whose probabilities go with a forecast."""
RAIN_FROM = 0.4
"""Probability from which a threshold counts as reached in scores of validation. Forecasts use the
calibrated areas of `forecasters.rain_amounts` instead."""
NUDGE = 1e-6
"""On the 0..1 scale, so that a threshold that is just reached is reached after rounding too."""
SHORT = 0.999
"""Largest fraction of the way to the next threshold that a rate below it may lie at, so that
rounding does not take it there."""


def falling(raw: Tensor) -> Tensor:
    """Make logits (float32, shaped as `raw`) that nowhere rise from threshold to threshold."""
    return raw.float().cummin(dim=-3).values


def events(frames: Tensor, levels: Tensor) -> Tensor:
    """Return which thresholds frames reach, (..., thresholds, height, width), bool.

    Args:
        frames: (..., 1, height, width) in 0..1.
        levels: The thresholds on the same scale.
    """
    return frames >= levels.to(frames)[:, None, None] - NUDGE


def losses(
    logits: Tensor,
    frames: Tensor,
    mask: Tensor,
    levels: Tensor,
    weights: Tensor | None = None,
    measured: Tensor | None = None,
) -> Tensor:
    """Cross entropy of each frame, summed over its known cells, mean over thresholds.

    Args:
        logits: (batch, time, thresholds, height, width).
        frames: The true ones, (batch, time, 1, height, width) in 0..1.
        mask: Whether they are known.
        levels: The thresholds in 0..1.
        weights: How much each threshold counts, (thresholds,), of mean 1; all alike by default.
        measured: The least and the largest rate in 0..1 that is resolved in each sample, (batch,
            2); thresholds below the first or from the second on do not count there.

    Returns:
        (batch, time).
    """
    observed = events(frames, levels).to(logits.dtype)
    each = F.binary_cross_entropy_with_logits(logits, observed, reduction="none")
    if weights is not None:
        each = each * weights.to(each)[:, None, None]
    if measured is not None:
        low, high = measured.to(each)[:, :, None].unbind(1)
        counts = (levels.to(each) >= low - NUDGE) & (levels.to(each) < high - NUDGE)
        each = each * counts[:, None, :, None, None]
    return each.mean(dim=2, keepdim=True).where(mask, 0.0).sum((2, 3, 4))


def rain(probabilities: Tensor, levels: Tensor) -> Tensor:
    """Compute scaled rates that reach each threshold whose probability is at least `RAIN_FROM`.

    Rates are linear in the probabilities between the highest threshold that is reached and the
    next; 0 below the first threshold and at most the last. NaN is not allowed.

    Args:
        probabilities: (..., thresholds, height, width), falling with the threshold.
        levels: The thresholds in 0..1, (thresholds,).

    Returns:
        In 0..1, (..., 1, height, width).
    """
    over = probabilities - RAIN_FROM
    reached = (over >= 0).to(torch.int64).cumprod(dim=-3).sum(dim=-3, keepdim=True)
    last, following = (reached - 1).clamp(min=0), reached.clamp(max=len(levels) - 1)
    above, below = over.gather(-3, last), over.gather(-3, following)
    share = (above / (above - below).clamp(min=NUDGE)).clamp(0, SHORT)
    lower, upper = levels.to(over)[last], levels.to(over)[following]
    return (lower + share * (upper - lower) + NUDGE).where(reached > 0, 0.0)
