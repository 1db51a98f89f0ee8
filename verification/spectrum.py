"""Radially averaged power spectrum of rain fields, which shows smoothing by scale."""

import numpy as np
from xarray import DataArray

from verification.matching import kept_coords, split


def radial_spectrum(field: DataArray, cell_km: float) -> DataArray:
    """Power spectral density of a rain field, averaged over all directions.

    It is the spectrum of the departures from the mean of the cells with data. A cell without data
    has no departure, and the power is divided by the share of cells that have some; so spectra are
    comparable only over the same mask (see `common_mask`). No taper: the field counts as periodic.

    Args:
        field: Rain rate in mm/h with y and x, NaN for no data.
        cell_km: Width of a cell in km.

    Returns:
        Density in (mm/h)2 km2, float64, with the other dims of the field and `wavenumber` in cycles
        per km (with `wavelength`, km), in steps of one cycle per longer side, up to two cells per
        cycle. Multiplied with the area of the wavenumber plane it adds up to the variance. NaN for
        a field without any data.

    Raises:
        DifferentGrids: The field has no y and x.
    """
    kept, summed = split(field, ["y", "x"])
    values = field.transpose(*kept, *summed).to_numpy().astype(np.float64)
    height, width = values.shape[-2:]
    seen = ~np.isnan(values)
    cells = seen.sum((-2, -1), keepdims=True)
    share = np.where(cells > 0, cells, np.nan) / (height * width)
    mean = np.where(seen, values, 0).sum((-2, -1), keepdims=True) / (share * height * width)
    departure = np.where(seen, values - mean, 0)
    power = np.abs(np.fft.fft2(departure)) ** 2 * cell_km**2 / (height * width) / share
    longest = max(height, width)
    cycles = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)) * longest
    ring = np.rint(cycles).astype(int).ravel()
    rings = np.arange(1, longest // 2 + 1)
    sums = np.array([np.bincount(ring, layer) for layer in power.reshape(-1, height * width)])
    density = (sums / np.bincount(ring))[:, rings].reshape(*values.shape[:-2], len(rings))
    wavenumber = rings / (longest * cell_km)
    return DataArray(
        density,
        {
            **kept_coords(field, kept),
            "wavenumber": wavenumber,
            "wavelength": ("wavenumber", 1 / wavenumber),
        },
        [*kept, "wavenumber"],
        name="power",
    )
