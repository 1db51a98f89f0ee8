"""The papers' scores, as sums that add up over batches and devices, and scored last.

Definitions of the MS-LSTM paper, https://arxiv.org/abs/2304.07724, and the code published with it,
all on the 0..1 scale with predictions cut to it: MSE and MAE are sums over the cells of a frame,
SSIM is that of Wang et al. (2004), doi:10.1109/TIP.2003.819861, with a Gaussian of 1.5 on 11 x 11
pixels, PSNR has 1e-5 inside the logarithm; each is a mean over frames. CSI and HSS come from counts
over all cells and samples of a lead. Deviation: cells that are not known count nowhere; for SSIM,
which needs whole windows, they are 0 in both fields.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from xarray import DataArray, Dataset

import verification
from model_zoo.training.distributed import Ranks

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
"""Of SSIM at a range of 1."""
NO_ERROR = 1e-5
"""Inside the logarithm of PSNR, which is at most 50 dB by it."""
SUMS = ("frames", "mse", "mae", "ssim", "psnr")
COUNTS = ("hits", "misses", "false_alarms", "correct_negatives")


class Scores(NamedTuple):
    """What sums come to."""

    steps: Dataset
    """mse, mae, ssim and psnr by (step), csi and hss by (threshold, step), for each frame after the
    first."""
    horizon: int

    @property
    def future(self) -> Dataset:
        """Of the frames beyond the given ones alone."""
        return self.steps.isel(step=slice(-self.horizon, None))

    def mean(self, name: str, *, history: bool = False) -> DataArray:
        """Mean of a score over the future frames, or over all as the papers' tables have it.

        What is not defined, such as CSI where there is no event, is left out; the papers take 0.
        """
        if history:
            return self.steps[name].fillna(0).mean("step")
        return self.future[name].mean("step")


@dataclass
class Sums:
    """Sums over samples by step, which is the frame predicted, from the second frame on."""

    thresholds: tuple[float, ...]
    """Events, as their names: rates in mm/h, or values in 0..1."""
    scaled: Tensor
    """The same on the 0..1 scale."""
    horizon: int
    totals: Tensor
    """(sum, step) float64, in the order of `SUMS`."""
    counts: Tensor
    """(cell of the contingency table, threshold, step) int64, in the order of `COUNTS`."""

    @classmethod
    def begin(
        cls,
        steps: int,
        horizon: int,
        thresholds: tuple[float, ...],
        scaled: Tensor,
        device: torch.device,
    ) -> "Sums":
        """Nothing yet, of sequences with so many predicted frames."""
        totals = torch.zeros(len(SUMS), steps, dtype=torch.float64, device=device)
        shape = (len(COUNTS), len(thresholds), steps)
        counts = torch.zeros(shape, dtype=torch.int64, device=device)
        return cls(thresholds, scaled.to(device), horizon, totals, counts)

    def add(self, predicted: Tensor, frames: Tensor, mask: Tensor) -> None:
        """Take in a batch: predicted and true frames (batch, step, 1, height, width) and mask."""
        said = predicted.float().clamp(0, 1).where(mask, 0.0)
        came = frames.where(mask, 0.0)
        error = (said - came).double()
        cells = mask.sum((2, 3, 4)).clamp(min=1)
        squared, absolute = error.square().sum((2, 3, 4)), error.abs().sum((2, 3, 4))
        found = (torch.ones_like(squared), squared, absolute, ssim(said, came))
        noise = psnr(squared / cells)
        self.totals += torch.stack([*(one.double().sum(0) for one in found), noise.sum(0)])
        for number, threshold in enumerate(self.scaled):
            forecast, event = said >= threshold, came >= threshold
            pairs = (
                forecast & event,
                ~forecast & event,
                forecast & ~event,
                ~forecast & ~event,
            )
            self.counts[:, number] += torch.stack([(p & mask).sum((0, 2, 3, 4)) for p in pairs])

    def over(self, ranks: Ranks) -> "Sums":
        """The sums of all devices."""
        totals, counts = ranks.sum(self.totals), ranks.sum(self.counts)
        return Sums(self.thresholds, self.scaled, self.horizon, totals, counts)

    def scores(self) -> Scores:
        """What the sums come to."""
        frames, *totals = self.totals.cpu().numpy()
        steps = {"step": range(2, len(frames) + 2)}
        found = Dataset(
            {name: ("step", total / frames) for name, total in zip(SUMS[1:], totals, strict=True)},
            steps,
        )
        if self.thresholds:
            cells = Dataset(
                {
                    name: (("threshold", "step"), count)
                    for name, count in zip(COUNTS, self.counts.cpu().numpy(), strict=True)
                },
                {"threshold": list(self.thresholds), **steps},
            )
            found = found.assign(csi=verification.csi(cells), hss=verification.hss(cells))
        return Scores(found, self.horizon)


def psnr(mean_squared: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of mean squared errors on the 0..1 scale."""
    return 10 * torch.log10(1 / (mean_squared + NO_ERROR))


def ssim(one: Tensor, other: Tensor) -> Tensor:
    """Structural similarity of frames (..., 1, height, width) in 0..1, (...).

    Windows lie wholly within a frame; one smaller than a window has none, and NaN.
    """
    front, size = one.shape[:-3], one.shape[-2:]
    if min(size) < WINDOW:
        return one.new_full(front, torch.nan)
    x, y = one.reshape(-1, 1, *size), other.reshape(-1, 1, *size)
    mean_x, mean_y = smooth(x), smooth(y)
    var_x, var_y = smooth(x * x) - mean_x**2, smooth(y * y) - mean_y**2
    cov = smooth(x * y) - mean_x * mean_y
    similar = (2 * mean_x * mean_y + C1) * (2 * cov + C2)
    similar = similar / ((mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2))
    return similar.mean((1, 2, 3)).reshape(front)


def smooth(fields: Tensor) -> Tensor:
    """Gaussian mean over windows that lie wholly within fields (batch, 1, height, width)."""
    away = torch.arange(WINDOW, device=fields.device, dtype=fields.dtype) - (WINDOW - 1) / 2
    weights = torch.exp(-(away**2) / (2 * SIGMA**2)) / (SIGMA * math.sqrt(2 * math.pi))
    weights = weights / weights.sum()
    down = F.conv2d(fields, weights[None, None, :, None])
    return F.conv2d(down, weights[None, None, None, :])
