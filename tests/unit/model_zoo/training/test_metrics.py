"""The papers' metrics, against formulas worked out another way."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from model_zoo.training.distributed import Ranks
from model_zoo.training.metrics import ScoreSums, psnr, ssim

CPU = torch.device("cpu")
HERE = Ranks(0, 1, CPU)


def filtered_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """SSIM by scipy's Gaussian filter, which weighs 11 pixels at this truncation."""

    def smooth(field: np.ndarray) -> np.ndarray:
        found: np.ndarray = gaussian_filter(field, 1.5, truncate=3.5)[5:-5, 5:-5]
        return found

    ux, uy = smooth(x), smooth(y)
    vx, vy, vxy = smooth(x * x) - ux**2, smooth(y * y) - uy**2, smooth(x * y) - ux * uy
    top = (2 * ux * uy + 1e-4) * (2 * vxy + 9e-4)
    return float((top / ((ux**2 + uy**2 + 1e-4) * (vx + vy + 9e-4))).mean())


def test_ssim_is_the_eleven_by_eleven_gaussian_one() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((2, 3, 1, 20, 30))
    y = (x + rng.normal(0, 0.2, x.shape)).clip(0, 1)
    found = ssim(torch.from_numpy(x), torch.from_numpy(y))
    expected = [[filtered_ssim(x[b, t, 0], y[b, t, 0]) for t in range(3)] for b in range(2)]
    assert found.numpy() == pytest.approx(np.array(expected), abs=1e-9)
    assert ssim(torch.from_numpy(x), torch.from_numpy(x)).numpy() == pytest.approx(1)
    assert ssim(torch.zeros(2, 3, 1, 8, 30), torch.zeros(2, 3, 1, 8, 30)).isnan().all()


def test_psnr_is_capped_at_50_db() -> None:
    assert psnr(torch.tensor([0.0, 0.01])).tolist() == pytest.approx([50.0, 19.9957], abs=1e-3)


def sums(
    predicted: torch.Tensor, frames: torch.Tensor, mask: torch.Tensor, parts: int = 1
) -> ScoreSums:
    found = ScoreSums.zeros(predicted.shape[1], 2, (0.5,), torch.tensor([0.5]), CPU)
    for batch in zip(*(t.chunk(parts) for t in (predicted, frames, mask)), strict=True):
        found.add(*batch)
    return found.all_reduce(HERE)


def test_errors_are_sums_over_the_frame_and_means_over_samples_step_by_step() -> None:
    frames = torch.zeros(2, 3, 1, 12, 12)
    predicted = torch.zeros_like(frames)
    predicted[0, 1] = 0.5
    predicted[1, 2] = 7.0  # cut to 1
    scores = sums(predicted, frames, torch.ones_like(frames, dtype=torch.bool)).scores()
    assert scores.steps["step"].values.tolist() == [2, 3, 4]
    assert scores.steps["mse"].values.tolist() == [0, 144 * 0.25 / 2, 144 / 2]
    assert scores.steps["mae"].values.tolist() == [0, 144 * 0.5 / 2, 144 / 2]
    assert scores.future["mse"].values.tolist() == [18, 72]
    assert float(scores.mean("mse")) == 45
    assert float(scores.mean("mse", history=True)) == 30


def test_scores_count_events_at_the_threshold_itself_and_known_cells_only() -> None:
    frames = torch.tensor([0.5, 0.5, 0.4, 0.4, 0.9]).expand(1, 3, 1, 12, 5)
    predicted = torch.tensor([0.5, 0.4, 0.6, 0.3, 0.0]).expand(1, 3, 1, 12, 5)
    mask = torch.tensor([True, True, True, True, False]).expand(1, 3, 1, 12, 5)
    scores = sums(predicted, frames, mask).scores()
    assert scores.steps["csi"].values.tolist() == [[1 / 3] * 3]
    assert scores.steps["hss"].values.tolist() == [[0.0] * 3]
    perfect = sums(frames, frames, mask).scores()
    assert perfect.steps["csi"].values.tolist() == [[1.0] * 3]
    dry = sums(frames * 0, frames * 0, mask).scores()
    assert np.isnan(dry.mean("csi"))
    assert float(dry.mean("csi", history=True).item()) == 0, "as the papers count it"


def test_batches_add_up() -> None:
    torch.manual_seed(0)
    predicted, frames = torch.rand(6, 3, 1, 16, 16), torch.rand(6, 3, 1, 16, 16)
    mask = torch.rand(6, 3, 1, 16, 16) < 0.8
    whole, parts = sums(predicted, frames, mask), sums(predicted, frames, mask, parts=3)
    assert torch.equal(whole.counts, parts.counts)
    assert torch.allclose(whole.totals, parts.totals, rtol=1e-12)
    assert int(whole.counts.sum()) == int(mask.sum())
