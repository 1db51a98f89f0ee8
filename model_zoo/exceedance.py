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
TOLD = (0.5, 2.0, 5.0)
"""mm/h; thresholds whose probabilities go with a forecast."""
CUT = 0.4
"""Where nothing better is known."""
LEAST_OF_CUT = 0.5
"""So far a cut is lowered at most lest it rain less than now."""
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


def losses(logits: Tensor, frames: Tensor, mask: Tensor, levels: Tensor) -> Tensor:
    """Cross entropy of each frame, summed over its known cells, mean over thresholds.

    Args:
        logits: (batch, time, thresholds, height, width).
        frames: The true ones, (batch, time, 1, height, width) in 0..1.
        mask: Whether they are known.
        levels: The thresholds in 0..1.

    Returns:
        (batch, time).
    """
    came = events(frames, levels).to(logits.dtype)
    each = F.binary_cross_entropy_with_logits(logits, came, reduction="none")
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


def no_less(probabilities: Tensor, newest: Tensor, cuts: Tensor) -> Tensor:
    """Cuts lowered where by them it would rain on less of the area than at the newest frame.

    Over scattered showers a network is rightly unsure where they will be, so that fixed cuts make
    rain nearly nowhere, though as many showers are to be expected as there are now. The cells with
    the highest probabilities then get the rain, as many as have it now, down to `LEAST_OF_CUT` of a
    cut: the area is kept, as in probability matching (Ebert 2001,
    doi:10.1175/1520-0493(2001)129<2461:AOAPMS>2.0.CO;2). Fixed cuts decide where more is likely.

    Args:
        probabilities: (leads, thresholds, height, width), NaN where unknown.
        newest: Whether the newest frame reaches them, (thresholds, height, width).
        cuts: (leads, thresholds, 1, 1).

    Returns:
        (leads, thresholds, 1, 1).
    """
    ranked = probabilities.nan_to_num(-1.0).flatten(2)
    lowered = cuts.clone()
    for threshold, cells in enumerate(newest.flatten(1).sum(dim=1).tolist()):
        if cells:
            kept = ranked[:, threshold].topk(cells, dim=1).values[:, -1:, None]
            lowered[:, threshold] = cuts[:, threshold].minimum(kept)
    return lowered.maximum(LEAST_OF_CUT * cuts)
