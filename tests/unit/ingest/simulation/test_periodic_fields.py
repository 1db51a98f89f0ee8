"""Fields without a seam, noise of one scale, and winds that neither pile up nor blow on."""

import numpy as np
import pytest

from ingest.simulation.periodic_fields import band_pass, eddies, noise, refine, sample


def wave(cells: int) -> np.ndarray:
    """Two waves across the torus, at the cell centres."""
    centres = (np.arange(cells) + 0.5) / cells
    return np.sin(4 * np.pi * (centres + centres[:, None])).astype(np.float32)


def test_noise_has_the_scale_it_was_asked_for() -> None:
    field = noise(np.random.default_rng(0), band_pass(128, 16, stretch=1, orientation=0))
    assert field.mean() == pytest.approx(0, abs=1e-5)
    assert field.std() == pytest.approx(1, abs=1e-5)
    power = np.abs(np.fft.rfft2(field)) ** 2
    cycles = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(128)) * 16
    assert power[(cycles > 0.5) & (cycles < 2)].sum() > 0.9 * power.sum()


def test_stretched_noise_is_longer_along_its_orientation() -> None:
    passes = band_pass(128, 16, stretch=4, orientation=0)
    field = noise(np.random.default_rng(0), passes)
    along, across = (np.abs(np.diff(field, axis=axis)).mean() for axis in (1, 0))
    assert along < across / 2


def test_noise_has_no_seam() -> None:
    field = noise(np.random.default_rng(0), band_pass(64, 16, stretch=1, orientation=0))
    step = np.abs(np.diff(field, axis=1)).max()
    assert np.abs(field[:, 0] - field[:, -1]).max() <= step


def test_sampling_wraps_around() -> None:
    field = wave(32)
    cells = np.arange(32.0)
    np.testing.assert_allclose(sample(field, cells + 32, cells[:, None]), field, atol=1e-6)
    np.testing.assert_allclose(
        sample(field, cells - 5, cells[:, None] + 3), np.roll(field, (-3, 5), (0, 1)), atol=1e-6
    )


def test_refining_keeps_the_field_in_its_place() -> None:
    fine = refine(wave(32), 128)
    assert fine.shape == (128, 128)
    np.testing.assert_allclose(fine, wave(128), atol=0.03)
    np.testing.assert_array_equal(refine(fine, 128), fine)


def test_eddies_have_the_wind_asked_for_and_close() -> None:
    centres = (np.arange(64) + 0.5) * 24
    east, south = eddies(np.random.default_rng(0), 7, 1536).wind(centres, centres[:, None])
    assert np.sqrt((east**2 + south**2).mean()) == pytest.approx(7)
    assert east.mean() == pytest.approx(0, abs=1e-9)
    assert south.mean() == pytest.approx(0, abs=1e-9)


def test_eddies_pile_nothing_up() -> None:
    points = np.arange(0.0, 1536, 4)
    east, south = eddies(np.random.default_rng(0), 7, 1536).wind(points, points[:, None])
    inflow = (np.roll(east, -1, 1) - np.roll(east, 1, 1)) + (
        np.roll(south, -1, 0) - np.roll(south, 1, 0)
    )
    assert np.abs(inflow).max() < 1e-3 * np.abs(np.roll(east, -1, 1) - np.roll(east, 1, 1)).max()
