"""The cascade: scales that add up, lifetimes as they were put in, and none from missing data."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import fft

from model_zoo.forecasters import cascade

Array = NDArray[np.float32]

SHAPE = (64, 96)
DECAY = (0.98, 0.9, 0.6)
"""Correlation from frame to frame of large, middle and small scales."""


def waves(frames: int) -> Array:
    """Fields (time, y, x), the scales of which are AR(1) processes of different memory."""
    random = np.random.default_rng(7)
    filters = cascade.bandpass(*SHAPE)
    memory = np.repeat(DECAY, 2)[: len(filters)]
    total = np.zeros((frames, *SHAPE))
    for level, rho in zip(filters, memory, strict=False):
        noise = random.standard_normal((frames, *SHAPE))
        state = noise[0]
        for time in range(frames):
            state = state if time == 0 else rho * state + np.sqrt(1 - rho**2) * noise[time]
            total[time] += fft.irfft2(fft.rfft2(state) * level, s=SHAPE)
    return total.astype(np.float32)


def everywhere() -> NDArray[np.bool_]:
    return np.ones(SHAPE, bool)


@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (180, 180), (32, 500)])
def test_filters_add_up_and_go_from_large_to_small(shape: tuple[int, int]) -> None:
    filters = cascade.bandpass(*shape)
    np.testing.assert_allclose(filters.sum(0), 1, atol=1e-6)
    wavenumber = np.hypot(fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None])
    centres = [float((band * wavenumber).sum() / band.sum()) for band in filters]
    assert centres == sorted(centres)


def test_lifetimes_are_those_that_were_put_in() -> None:
    found = cascade.decompose(waves(7), everywhere(), [30, 25, 20, 15, 10, 5, 0]).temporal
    assert found.step == 5
    levels = len(found.lag1)
    expected = np.repeat(DECAY, 2)[:levels]
    # scales overlap, and there are few waves of the largest
    np.testing.assert_allclose(found.lag1[1:], expected[1:], atol=0.12)
    assert all(larger >= smaller - 0.05 for larger, smaller in pairwise(found.lag1[1:]))


def test_what_is_not_known_tells_no_lifetimes() -> None:
    fields, known = waves(3), everywhere()
    known[:, :24] = known[:, 48:] = False
    clean = cascade.decompose(fields, known, [10, 5, 0]).temporal
    # nothing there is ever the same, which would shorten all lifetimes if it counted
    fields[:, :, 72:] = 3 * np.random.default_rng(1).standard_normal(fields[:, :, 72:].shape)
    spoilt = cascade.decompose(fields, everywhere(), [10, 5, 0]).temporal
    masked = cascade.decompose(fields, known, [10, 5, 0]).temporal
    # of the larger scales something always reaches across
    small = slice(3, None)
    assert abs(masked.lag1 - clean.lag1)[small].max() < 0.05
    assert abs(spoilt.lag1 - clean.lag1)[small].max() > 0.2


def test_no_lead_is_now_and_a_far_lead_is_flat() -> None:
    fields = waves(3)
    parts = cascade.decompose(fields, everywhere(), [20, 10, 0])
    now, later, far = cascade.ahead(parts, [0, 30, 100_000])
    np.testing.assert_allclose(now, fields[-1], atol=1e-4)
    assert now.std() > later.std() > far.std()
    np.testing.assert_allclose(far.mean(), fields[-1].mean(), atol=1e-4)


def test_a_missing_frame_in_between_leaves_the_best_prediction() -> None:
    """From frames two steps apart it is what AR(2) with these correlations makes best."""
    lag1, lag2 = np.array([0.9]), np.array([0.8])
    temporal = cascade.Temporal(5, lag1, lag2)
    shape, spread = (2, 2), np.ones((2, 1))
    parts = cascade.Cascade(shape, np.zeros((2, 2, 2), np.complex64), (10, 0), spread, temporal)
    newest, earlier = cascade.predictors(parts, 5)
    known = cascade.decay(temporal, 3)[:, 0]
    system = np.array([[1, known[2]], [known[2], 1]])
    expected = np.linalg.solve(system, [known[1], known[3]])
    np.testing.assert_allclose([newest[1, 0], earlier[1, 0]], expected)


def test_correlations_that_no_process_has_are_mended() -> None:
    lag1 = np.array([0.0, 0.5, 0.95, 1 - 1e-6])
    for lag2 in (-1.0, 0.0, 1.0):
        mended = cascade.stationary(lag1, np.full(4, lag2))
        decay = cascade.decay(cascade.Temporal(5, lag1, mended), 500)
        assert np.abs(decay).max() <= 1 + 1e-9
        assert decay.min() > -0.2
