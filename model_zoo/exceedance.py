"""How likely thresholds are reached, and the rain that says so.

A network that foretells one rain rate per cell must blur it to be right on average, and then it
never rains hard. One that tells for each of some thresholds how likely it is reached (ordinal
regression; Frank and Hall 2001, doi:10.1007/3-540-44795-4_13) loses nothing by being unsure, and is
trained by a proper score. Its rain rate is read off last: where the probability of a threshold
passes a cut, the rate is that threshold. A lower cut makes more rain, so cuts are chosen such that
it rains as often as it should.

Everything is ordered as (..., thresholds, height, width), thresholds rising.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

THRESHOLDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0)
"""mm/h; those of the experiments."""
TOLD = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""mm/h; thresholds whose probabilities go with a forecast."""
CUT = 0.4
"""Where nothing better is known."""
NUDGE = 1e-6
"""On the 0..1 scale, so that a threshold that is just reached is reached after rounding too."""
SHORT = 0.999
"""Of the way to the next threshold, how far rain goes at most that does not reach it, lest rounding
takes it there."""


def falling(raw: Tensor) -> Tensor:
    """Logits that nowhere rise from threshold to threshold, in float32, from any numbers."""
    return raw.float().cummin(dim=-3).values


def events(frames: Tensor, levels: Tensor) -> Tensor:
    """Which thresholds frames reach, bool.

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
        measured: The least and the largest rate in 0..1 that is told apart in each sample, (batch,
            2); thresholds below the first or from the second on do not count there.

    Returns:
        (batch, time).
    """
    came = events(frames, levels).to(logits.dtype)
    each = F.binary_cross_entropy_with_logits(logits, came, reduction="none")
    if weights is not None:
        each = each * weights.to(each)[:, None, None]
    if measured is not None:
        low, high = measured.to(each)[:, :, None].unbind(1)
        counts = (levels.to(each) >= low - NUDGE) & (levels.to(each) < high - NUDGE)
        each = each * counts[:, None, :, None, None]
    return each.mean(dim=2, keepdim=True).where(mask, 0.0).sum((2, 3, 4))


def rain(probabilities: Tensor, levels: Tensor, cuts: Tensor) -> Tensor:
    """The rain on the 0..1 scale, (..., 1, height, width): linear between the thresholds whose
    probabilities lie above and below their cuts; 0 below the first, at most the last.

    Args:
        probabilities: (..., thresholds, height, width), falling with the threshold.
        levels: The thresholds in 0..1.
        cuts: Probability that makes rain of each threshold, (..., thresholds, 1, 1).
    """
    over = probabilities - cuts
    reached = (over >= 0).to(torch.int64).cumprod(dim=-3).sum(dim=-3, keepdim=True)
    last, following = (reached - 1).clamp(min=0), reached.clamp(max=len(levels) - 1)
    above, below = over.gather(-3, last), over.gather(-3, following)
    share = (above / (above - below).clamp(min=NUDGE)).clamp(0, SHORT)
    at, then = levels.to(over)[last], levels.to(over)[following]
    return (at + share * (then - at) + NUDGE).where(reached > 0, 0.0)


def cuts_of(said: Sequence[Sequence[float]], leads: int, thresholds: int) -> Tensor:
    """Cuts (leads, thresholds, 1, 1): `CUT` by default, beyond known leads those of the last."""
    if not said:
        return torch.full((leads, thresholds, 1, 1), CUT)
    known = torch.tensor(said)
    return known[torch.arange(leads).clamp(max=len(known) - 1)][:, :, None, None]
