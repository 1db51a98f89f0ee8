"""Scores of the papers, accumulated as sums over batches and devices.

Definitions of the MS-LSTM paper, https://arxiv.org/abs/2304.07724, and the code published with it,
all on the 0..1 scale with predictions clipped to it: MSE and MAE are sums over the cells of a
frame, SSIM is that of Wang et al. (2004), doi:10.1109/TIP.2003.819861, with a Gaussian of 1.5 on 11
x 11 pixels, PSNR has 1e-5 inside the logarithm; each is a mean over frames. CSI and HSS come from
counts over all cells and samples of a lead. Deviation: cells without data are left out; for SSIM,
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
"""Constants of SSIM for a data range of 1."""
NO_ERROR = 1e-5
"""Added inside the logarithm of PSNR, which limits it to 50 dB."""
SUMS = ("frames", "mse", "mae", "ssim", "psnr")
COUNTS = ("hits", "misses", "false_alarms", "correct_negatives")


class Scores(NamedTuple):
    """Scores by step."""

    steps: Dataset
    """mse, mae, ssim and psnr by (step), csi and hss by (threshold, step), for each frame after the
    first."""
    horizon: int

    @property
    def future(self) -> Dataset:
        """Scores of the frames after the given ones, by (step)."""
        return self.steps.isel(step=slice(-self.horizon, None))

    def mean(self, name: str, *, history: bool = False) -> DataArray:
        """Average a score over future frames, or over all frames as in the tables of the papers.

        Undefined scores (NaN), such as CSI without events, are left out; over all frames they are
        0, as in the papers.

        Args:
            name: Of the score.
            history: Whether to average over all frames.

        Returns:
            Scalar, or by (threshold,).
        """
        if history:
            return self.steps[name].fillna(0).mean("step")
        return self.future[name].mean("step")


@dataclass
class ScoreSums:
    """Sums over samples by step, the predicted frame, from the second frame on."""

    thresholds: tuple[float, ...]
    """Thresholds of events, rates in mm/h or values in 0..1."""
    scaled: Tensor
    """The same on the 0..1 scale."""
    horizon: int
    totals: Tensor
    """(sum, step) float64, in the order of `SUMS`."""
    counts: Tensor
    """(cell of the contingency table, threshold, step) int64, in the order of `COUNTS`."""

    @classmethod
    def zeros(
        cls,
        steps: int,
        horizon: int,
        thresholds: tuple[float, ...],
        scaled: Tensor,
        device: torch.device,
    ) -> "ScoreSums":
        """Make sums of zero.

        Args:
            steps: Predicted frames of a sequence.
            horizon: Those of them after the given frames.
            thresholds: Of events.
            scaled: The same on the 0..1 scale, (threshold,).
            device: Of the sums.
        """
        totals = torch.zeros(len(SUMS), steps, dtype=torch.float64, device=device)
        shape = (len(COUNTS), len(thresholds), steps)
        counts = torch.zeros(shape, dtype=torch.int64, device=device)
        return cls(thresholds, scaled.to(device), horizon, totals, counts)

    def add(self, predicted: Tensor, frames: Tensor, mask: Tensor) -> None:
        """Add a batch.

        Args:
            predicted: (batch, step, 1, height, width) in 0..1.
            frames: True frames, of the same shape.
            mask: Of the same shape, True where known.
        """
        clipped = predicted.float().clamp(0, 1).where(mask, 0.0)
        observed = frames.where(mask, 0.0)
        error = (clipped - observed).double()
        cells = mask.sum((2, 3, 4)).clamp(min=1)
        squared, absolute = error.square().sum((2, 3, 4)), error.abs().sum((2, 3, 4))
        found = (torch.ones_like(squared), squared, absolute, ssim(clipped, observed))
        noise = psnr(squared / cells)
        self.totals += torch.stack([*(values.double().sum(0) for values in found), noise.sum(0)])
        for number, threshold in enumerate(self.scaled):
            forecast, event = clipped >= threshold, observed >= threshold
            pairs = (
                forecast & event,
                ~forecast & event,
                forecast & ~event,
                ~forecast & ~event,
            )
            self.counts[:, number] += torch.stack([(p & mask).sum((0, 2, 3, 4)) for p in pairs])

    def all_reduce(self, ranks: Ranks) -> "ScoreSums":
        """Sum over all devices."""
        totals, counts = ranks.sum(self.totals), ranks.sum(self.counts)
        return ScoreSums(self.thresholds, self.scaled, self.horizon, totals, counts)

    def scores(self) -> Scores:
        """Compute the scores of the sums."""
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
    """Compute the PSNR in dB of mean squared errors (any shape) on the 0..1 scale."""
    return 10 * torch.log10(1 / (mean_squared + NO_ERROR))


def ssim(predicted: Tensor, observed: Tensor) -> Tensor:
    """Compute the structural similarity.

    Args:
        predicted: (..., 1, height, width) in 0..1.
        observed: Likewise.

    Returns:
        (...), NaN for frames smaller than a window.
    """
    front, size = predicted.shape[:-3], predicted.shape[-2:]
    if min(size) < WINDOW:
        return predicted.new_full(front, torch.nan)
    x, y = predicted.reshape(-1, 1, *size), observed.reshape(-1, 1, *size)
    mean_x, mean_y = smooth(x), smooth(y)
    var_x, var_y = smooth(x * x) - mean_x**2, smooth(y * y) - mean_y**2
    cov = smooth(x * y) - mean_x * mean_y
    similar = (2 * mean_x * mean_y + C1) * (2 * cov + C2)
    similar = similar / ((mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2))
    return similar.mean((1, 2, 3)).reshape(front)


def smooth(fields: Tensor) -> Tensor:
    """Filter fields (batch, 1, height, width) by a Gaussian, windows wholly inside the field."""
    away = torch.arange(WINDOW, device=fields.device, dtype=fields.dtype) - (WINDOW - 1) / 2
    weights = torch.exp(-(away**2) / (2 * SIGMA**2)) / (SIGMA * math.sqrt(2 * math.pi))
    weights = weights / weights.sum()
    down = F.conv2d(fields, weights[None, None, :, None])
    return F.conv2d(down, weights[None, None, None, :])
