"""Fields on a torus: band-passed noise, interpolation across the seam, and winds that close.

Rows run southward and columns eastward; the centre of the first cell lies half a cell from the
origin, whatever the size of the cells, so fields of different cells lie on each other.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

BAND_OCTAVES = 0.5
"""Standard deviation of a band in octaves; bands an octave apart overlap and leave no scale out."""
SEAM_CELLS = 4
"""What the interpolation needs of the other side."""


def band_pass(cells: int, wavelength: float, stretch: float, orientation: float) -> Field:
    """Filter over the modes of `rfft2` that passes waves of one length.

    Args:
        cells: Along each side of the torus.
        wavelength: In cells.
        stretch: How much longer than wide the waves are, at the same area.
        orientation: Of the long side in radians, from east towards south.
    """
    row, column = np.fft.fftfreq(cells)[:, None], np.fft.rfftfreq(cells)
    cos, sin, root = np.cos(orientation), np.sin(orientation), np.sqrt(stretch)
    along, across = column * cos + row * sin, row * cos - column * sin
    frequency = np.hypot(along * root, across / root)
    frequency[0, 0] = np.finfo(float).tiny  # the mean: infinitely long, and not passed
    octaves = np.log2(frequency * wavelength) / BAND_OCTAVES
    passes: Field = np.exp(-(octaves**2) / 2).astype(np.float32)
    return passes


def noise(rng: np.random.Generator, passes: Field) -> Field:
    """Gaussian noise of mean 0 and variance 1 of the waves that a filter passes."""
    modes = rng.standard_normal((*passes.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    return standard(np.fft.irfft2(modes * passes).astype(np.float32, copy=False))


def standard(field: Field) -> Field:
    """The field at mean 0 and variance 1."""
    mean, deviation = cv2.meanStdDev(field)
    scaled: Field = (field - np.float32(mean[0, 0])) * np.float32(1 / deviation[0, 0])
    return scaled


def sample(field: Field, columns: NDArray[np.floating], rows: NDArray[np.floating]) -> Field:
    """Interpolate a field (y, x) at positions, in cells from the centre of the first one.

    Args:
        field: (y, x), periodic.
        columns: Positions, of any shape.
        rows: Likewise.

    Returns:
        Shaped as the positions.
    """
    across, down = (
        np.ascontiguousarray(axis, np.float32) for axis in np.broadcast_arrays(columns, rows)
    )
    found: Field = cv2.remap(field, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)
    return found


def refine(field: Field, cells: int) -> Field:
    """The field on at least as many cells, a power of two times those it has."""
    while len(field) < cells:
        wide = np.pad(field, SEAM_CELLS, mode="wrap")
        fine = cv2.resize(wide, None, fx=2, fy=2, interpolation=cv2.INTER_LANCZOS4)
        field = np.ascontiguousarray(
            fine[2 * SEAM_CELLS : -2 * SEAM_CELLS, 2 * SEAM_CELLS : -2 * SEAM_CELLS]
        )
    return field


@dataclass(frozen=True)
class Eddies:
    """A steady wind of shear and rotation without mean and divergence: waves of a stream function.

    Args:
        waves: (wave, east and south), whole waves around the torus.
        speed: (wave), the largest wind of each, km/h.
        phase: (wave), radians.
        side: Of the torus, km.
    """

    waves: NDArray[np.int_]
    speed: NDArray[np.float64]
    phase: NDArray[np.float64]
    side: float

    def wind(
        self, x: NDArray[np.floating], y: NDArray[np.floating]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Eastward and southward wind in km/h at places in km."""
        east, south = (np.zeros(np.broadcast_shapes(x.shape, y.shape)) for _ in range(2))
        for (kx, ky), speed, phase in zip(self.waves, self.speed, self.phase, strict=True):
            wave = 2 * np.pi / self.side * (kx * x + ky * y) + phase
            along = speed / np.hypot(kx, ky) * np.cos(wave)
            east += ky * along
            south -= kx * along
        return east, south


def eddies(rng: np.random.Generator, rms_kmh: float, side: float) -> Eddies:
    """Random eddies as large as the torus and half of it, of a root mean square wind."""
    waves = np.array([(1, 0), (0, 1), (1, 1), (1, -1), (2, 1), (1, 2), (2, -1), (1, -2)])
    speed = rng.standard_normal(len(waves)) / np.linalg.norm(waves, axis=1)
    speed *= rms_kmh * np.sqrt(2) / np.linalg.norm(speed)
    return Eddies(waves, speed, rng.uniform(0, 2 * np.pi, len(waves)), side)
