"""The spectrum of known waves, of blurred rain, and of fields with gaps."""

import numpy as np
import pytest
from xarray import DataArray

from verification import DifferentGrids, radial_spectrum


def wave(cells: float, size: int = 60) -> DataArray:
    phase = 2 * np.pi * np.arange(size) / cells
    return DataArray(np.tile(3 * np.sin(phase), (size, 1)), dims=["y", "x"])


def noise(seed: int = 0, shape: tuple[int, ...] = (60, 60)) -> DataArray:
    values = np.random.default_rng(seed).normal(size=shape)
    return DataArray(values, dims=["lead_time", "y", "x"][-len(shape) :])


@pytest.mark.parametrize("cells", [4, 6, 20])
def test_a_wave_shows_at_its_wavelength(cells: float) -> None:
    power = radial_spectrum(wave(cells), cell_km=5)
    assert power.wavelength[power.to_numpy().argmax()] == cells * 5


def test_white_noise_has_the_same_power_at_all_scales_and_its_own_variance() -> None:
    """Density times the area of the wavenumber plane, (1 / 5 km)^2, is the variance."""
    power = radial_spectrum(noise(shape=(40, 60, 60)), cell_km=5).mean("lead_time")
    np.testing.assert_allclose(power / 5**2, 1, atol=0.15)
    np.testing.assert_allclose(power.mean() / 5**2, 1, atol=0.01)


def test_every_mode_lies_in_one_ring() -> None:
    """Rings weighted by how many modes they have add up to the variance (Parseval)."""
    field = wave(6) + wave(10)
    rings = radial_spectrum(field, cell_km=1)
    cycles = np.hypot(*np.meshgrid(*(np.fft.fftfreq(60),) * 2)) * 60
    modes = np.bincount(np.rint(cycles).astype(int).ravel())[1:31]
    np.testing.assert_allclose((rings * modes).sum() / 60**2, field.var())


def test_blurring_takes_power_from_the_small_scales_only() -> None:
    field = noise()
    blurred = sum(field.roll(x=s, y=t) for s in range(3) for t in range(3)) / 9
    ratio = radial_spectrum(DataArray(blurred), 1) / radial_spectrum(field, 1)
    assert ratio[0] > 0.95
    assert ratio[-10:].max() < 0.4


def test_a_constant_field_with_gaps_has_no_power() -> None:
    """Filled with 0, the edge of the coverage would be the strongest signal of all."""
    field = DataArray(np.full((40, 40), 7.0), dims=["y", "x"]).where(noise(shape=(40, 40)) > 0)
    np.testing.assert_allclose(radial_spectrum(field, 1), 0, atol=1e-20)


def test_gaps_do_not_lower_the_power() -> None:
    field = noise(1, (40, 60, 60))
    gaps = field.where(noise(2, (60, 60)) > 0)
    total = radial_spectrum(gaps, 1).mean() / radial_spectrum(field, 1).mean()
    np.testing.assert_allclose(total, 1, atol=0.05)


def test_a_field_without_data_has_no_spectrum() -> None:
    field = noise(shape=(2, 20, 20))
    field[1] = np.nan
    power = radial_spectrum(field, 1)
    assert power.dims == ("lead_time", "wavenumber")
    assert power[0].notnull().all()
    assert power[1].isnull().all()


def test_sides_may_differ() -> None:
    power = radial_spectrum(noise(shape=(20, 60)), 5)
    assert power.wavenumber[0] == 1 / 300
    assert power.wavenumber[-1] == 1 / 10
    assert power.notnull().all()


def test_a_series_has_no_radial_spectrum() -> None:
    with pytest.raises(DifferentGrids, match="no \\['y'\\]"):
        radial_spectrum(DataArray([1.0], dims="x"), 1)
