"""First guess of exceedance probabilities, from the newest frame alone.

Future rain lies near where it is now (in a moving view, where it will be advected), the less near
the later. So the share of cells around that reach a threshold now is a good guess of
how likely it is reached then: the neighbourhood method of Theis, Hense and Damrath (2005),
doi:10.1017/S1350482705001763. Here the shares within windows of several sizes are put together as
in a logistic regression, with weights for each lead and threshold. A network that adds to it needs
to learn only what it knows better.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

RADII = (0, 1, 2, 4, 8, 16)
"""Cells from the middle of a window to its edge."""
LEADS = 4
"""With weights of their own; later ones take the last."""
LEAST_SHARE = 0.005
"""Shares are taken as at least this far from 0 and 1, whose logits are infinite."""
SLOPE = 0.8
"""Sum of the weights of all windows at first."""


class FirstGuess(nn.Module):
    """Logits of thresholds from one frame.

    Attributes:
        levels: The thresholds on the 0..1 scale, rising.
    """

    levels: Tensor

    def __init__(self, thresholds: int) -> None:
        super().__init__()
        self.register_buffer("levels", torch.arange(1, thresholds + 1) / (thresholds + 1))
        windows = len(RADII)
        self.weight = nn.Parameter(torch.full((LEADS, thresholds, windows), SLOPE / windows))
        self.bias = nn.Parameter(torch.zeros(LEADS, thresholds))

    def forward(self, shares: Tensor, ages: Tensor) -> Tensor:
        """Logits (batch, thresholds, height, width).

        Args:
            shares: Those of a frame.
            ages: How many steps that frame is older than the one before the predicted, (batch,).
        """
        leads = ages.clamp(max=LEADS - 1)
        logits = torch.einsum("bwkyx,bkw->bkyx", shares, self.weight[leads].float())
        return logits + self.bias[leads].float()[:, :, None, None]

    @torch.no_grad()
    def shares(self, frame: Tensor) -> Tensor:
        """Return logits of the share of known cells in each window that reach each threshold.

        Where nothing is known, of none.

        Args:
            frame: (batch, 2, height, width): rain in 0..1, and 1 where it is known.

        Returns:
            (batch, window, threshold, height, width).
        """
        frame = frame.float()
        rain, known = frame[:, :1], frame[:, 1:]
        reach = (rain >= self.levels[:, None, None] - 1e-6) * known
        counts = windows(torch.cat([known, reach], dim=1))
        # where nothing is known nothing reaches a threshold either
        shares = [count[:, 1:] / count[:, :1].clamp(min=1) for count in counts]
        return torch.stack(shares, dim=1).logit(eps=LEAST_SHARE)


def windows(fields: Tensor) -> Iterator[Tensor]:
    """Sums of fields of 0 and 1 over the windows of each radius, zero beyond the edge.

    They are exact on up to 16 million cells, as float32 counts no further.
    """
    height, width = fields.shape[-2:]
    most = max(RADII)
    summed = F.pad(fields, (most + 1, most) * 2).cumsum(-2).cumsum(-1)
    for radius in RADII:
        low, high = most - radius, most + radius + 1
        rows = summed[..., high : high + height, :] - summed[..., low : low + height, :]
        yield rows[..., high : high + width] - rows[..., low : low + width]
