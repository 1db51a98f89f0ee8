"""What the newest frame alone says of how likely thresholds are reached.

Rain that is to be foretold lies near where it is now (in a moving view, where it will be carried),
the less near the later. So the share of cells around that reach a threshold now is a good guess of
how likely it is reached then: the neighbourhood method of Theis, Hense and Damrath (2005),
doi:10.1017/S1350482705001763. Here the shares within windows of several sizes are put together as
in a logistic regression, with weights for each lead and threshold. A network that adds to it needs
to learn only what it knows better.
"""

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
            ages: How many steps that frame is older than the one before the foretold, (batch,).
        """
        at = ages.clamp(max=LEADS - 1)
        said = torch.einsum("bwkyx,bkw->bkyx", shares, self.weight[at].float())
        return said + self.bias[at].float()[:, :, None, None]

    @torch.no_grad()
    def shares(self, frame: Tensor) -> Tensor:
        """Logits of the share of known cells in each window that reach each threshold, (batch,
        window, threshold, height, width); where nothing is known, of none.

        Args:
            frame: (batch, 2, height, width): rain in 0..1, and 1 where it is known.
        """
        frame = frame.float()
        rain, known = frame[:, :1], frame[:, 1:]
        reach = (rain >= self.levels[:, None, None] - 1e-6) * known
        shares = []
        for radius in RADII:
            seen = box(known, radius)
            shares.append(torch.where(seen > 0, box(reach, radius) / seen.clamp(min=1e-6), 0.0))
        return torch.stack(shares, dim=1).clamp(0, 1).logit(eps=LEAST_SHARE)


def box(fields: Tensor, radius: int) -> Tensor:
    """Sums over square windows, zero beyond the edge, divided by the cells of a window."""
    if radius == 0:
        return fields
    side = 2 * radius + 1
    down = F.avg_pool2d(fields, (side, 1), stride=1, padding=(radius, 0))
    return F.avg_pool2d(down, (1, side), stride=1, padding=(0, radius))
