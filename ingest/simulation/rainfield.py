"""A rain field that moves, grows and decays: noise of many scales, each with its own lifetime.

Rain is a threshold and an exponential over a sum of band-passed Gaussian fields. Each band loses
its memory as an autoregressive process in coordinates that move with the air, large bands slowly
and small ones fast, as in STEPS: Bowler, Pierce and Seed (2006), doi:10.1256/qj.04.100, and Seed
(2003), doi:10.1175/1520-0450(2003)042<0381:ADASSA>2.0.CO;2. Deviations: autoregression of first
and not of second order; no observed rain to begin with; rain areas are the longer for their width
the larger they are; and the small bands modulate the rate once more, as showers do within a rain
area without tearing it up.

The field lives on a torus that is larger than the country and drifts with the mean wind, so what
leaves is mostly forgotten before it comes back, and the drift never blurs it. Only what shear and
rotation add to the mean wind is followed by interpolation, step by step.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.simulation.periodic_fields import (
    Field,
    band_pass,
    eddies,
    noise,
    refine,
    sample,
    standard,
)
from ingest.simulation.weather import Weather, log_rate_curve

SIDE_KM = 1536
"""Side of the torus."""
BANDS_KM = tuple(2 ** (octave + 0.5) for octave in range(1, 10))
"""Centres of the bands, an octave apart, 2.8 to 724 km."""
CELLS_KM = (1, 2, 2, 4, 8, 16, 32, 64, 64)
"""Cells on which each band is kept: the coarser, the faster; three to a wave are just enough."""
ROUND_KM, LONG_KM = 4, 400
"""Wavelengths between which rain areas go from round to stretched, by a power law."""
FLAT_KM = 300
"""Wavelength above which the variance of a band grows no more."""
SHOWERS_KM = 50
"""Bands below it make showers."""
SMOOTH_KM = 16
"""Cells on which winds are known; they change over hundreds of km."""
STEP_HOURS = 5 / 60
FRONT_WAVES = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
"""Whole waves of a front around the torus, east and north: its line lies across them."""
FRONT_RADIANS = 0.3
"""Standard deviation of a front across its line, of 2 pi radians around the torus."""
MEANDER_RADIANS = 0.2
"""By how much a front bends from its line; two such waves go around the torus."""
FRONT_KM = (-250.0, 100.0)
"""Where the line of a front is at first, along the wind from the centre of the square."""


@dataclass
class Band:
    """One scale of the field: how it is made, lasts and moves, and how it is now."""

    passes: Field
    memory: float
    upwind: tuple[NDArray[np.floating], NDArray[np.floating]]
    state: Field


@dataclass(frozen=True)
class FrontWave:
    """A ridge along a line, which comes back once around the torus: mean 0, variance 1.

    Attributes:
        east: Whole waves around the torus, eastward.
        north: Likewise, northward.
        phase: Phase of the ridge in radians.
        bend: Phase of its meanders in radians.
    """

    east: int
    north: int
    phase: float
    bend: float

    def values(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> Field:
        """The ridge at places in km, eastward and southward."""
        along = 2 * np.pi / SIDE_KM * 2 * (self.north * x + self.east * y) + self.bend
        phase = 2 * np.pi / SIDE_KM * (self.east * x - self.north * y) - self.phase
        phase = phase + MEANDER_RADIANS * np.sin(along)
        ridge, around = (
            np.exp((np.cos(angle) - 1) / FRONT_RADIANS**2)
            for angle in (phase, np.linspace(0, 2 * np.pi, 1000, endpoint=False))
        )
        found: Field = ((ridge - around.mean()) / around.std()).astype(np.float32)
        return found


class RainField:
    """Rain over a square at one time; `advance` takes it five minutes on.

    Args:
        seed: The same seed and weather make the same rain.
        weather: What kind of event it is.
        shape: Rows and columns of the square, in cells of 1 km.
    """

    def __init__(self, seed: int, weather: Weather, shape: tuple[int, int]) -> None:
        self.weather = weather
        self._hours = 0.0
        self._drift_km = np.zeros(2)
        self._rows, self._columns = (np.arange(cells) + 0.5 for cells in shape)
        self._rng = np.random.default_rng(seed)
        self._eddies = eddies(self._rng, weather.eddy_kmh, SIDE_KM)
        orientation = self._rng.uniform(0, np.pi)
        self._bands = [
            self._band(wavelength, cell, orientation)
            for wavelength, cell in zip(BANDS_KM, CELLS_KM, strict=True)
        ]
        self._curve = log_rate_curve(weather)
        self._front = self._random_front() if weather.front else None

    def _random_front(self) -> "FrontWave":
        """A front across the wind that is about to pass over the square."""
        wind = np.array([self.weather.eastward_kmh, self.weather.northward_kmh])
        waves = np.array(FRONT_WAVES)
        east, north = waves[np.argmax(waves @ wind / np.linalg.norm(waves, axis=1))].tolist()
        centre = len(self._columns) / 2, len(self._rows) / 2
        ahead = self._rng.uniform(*FRONT_KM) * np.hypot(east, north)
        phase = 2 * np.pi / SIDE_KM * (east * centre[0] - north * centre[1] + ahead)
        bend = float(self._rng.uniform(0, 2 * np.pi))
        return FrontWave(east, north, float(phase), bend)

    def _band(self, wavelength: float, cell: int, orientation: float) -> Band:
        cells = SIDE_KM // cell
        slenderness = np.log(wavelength / ROUND_KM) / np.log(LONG_KM / ROUND_KM)
        stretch = max(1.0, self.weather.stretch**slenderness)
        passes = band_pass(cells, wavelength / cell, stretch, orientation)
        memory = np.exp(-60 * STEP_HOURS / self.weather.lifetime(wavelength))
        return Band(passes, memory, self._upwind(cell), noise(self._rng, passes))

    def _upwind(self, cell: int) -> tuple[Field, Field]:
        """Column and row, in cells, from where eddies bring the air of each cell in a step."""
        coarse = max(cell, SMOOTH_KM)
        centres = np.arange(0, SIDE_KM, coarse) + coarse / 2
        east, south = (
            refine(wind.astype(np.float32), SIDE_KM // cell) * np.float32(STEP_HOURS / cell)
            for wind in self._eddies.wind(centres, centres[:, None])
        )
        cells = np.arange(SIDE_KM // cell, dtype=np.float32)
        return cells - east, cells[:, None] - south

    def advance(self) -> None:
        """Five minutes on."""
        east, north = self._mean_wind()
        self._drift_km = self._drift_km + STEP_HOURS * np.array([east, -north])
        self._hours += STEP_HOURS
        for band in self._bands:
            kept = sample(band.state, *band.upwind)
            new = noise(self._rng, band.passes)
            mixed = cv2.addWeighted(kept, band.memory, new, np.sqrt(1 - band.memory**2), 0)
            band.state = standard(mixed)  # interpolation has taken some of the variance

    def rate(self) -> Field:
        """Rain rate in mm/h, 0 where it is dry; row 0 in the north."""
        rain, showers = self._sums(self._rain_weights(), self._shower_weights())
        if self._front is not None:
            share = np.float32(self.weather.front)
            x, y = self._columns - self._drift_km[0], self._rows - self._drift_km[1]
            rain = rain * np.sqrt(1 - share**2) + share * self._front.values(x, y[:, None])
        levels, logarithms = self._curve
        rate = np.zeros_like(rain)
        wet = rain > levels[0]
        rate[wet] = np.exp(np.interp(rain[wet], levels, logarithms) + showers[wet])
        return rate

    def wind(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Eastward and northward motion of the rain in km/h, (y, x) each."""
        east, north = self._mean_wind()
        x, y = self._columns - self._drift_km[0], self._rows - self._drift_km[1]
        along, down = self._eddies.wind(x, y[:, None])
        return east + along, north - down

    def _mean_wind(self) -> tuple[float, float]:
        """Eastward and northward, km/h, turned clockwise since the start."""
        east, north = self.weather.eastward_kmh, self.weather.northward_kmh
        turned = np.deg2rad(self.weather.veering * self._hours)
        cos, sin = float(np.cos(turned)), float(np.sin(turned))
        return east * cos + north * sin, north * cos - east * sin

    def _rain_weights(self) -> NDArray[np.float64]:
        weights = np.minimum(BANDS_KM, FLAT_KM) ** (self.weather.smoothness / 2)
        return weights / np.linalg.norm(weights)

    def _shower_weights(self) -> NDArray[np.float64]:
        bands = np.array(BANDS_KM)
        weights = np.where(bands < SHOWERS_KM, bands**0.25, 0)
        return self.weather.showers * weights / np.linalg.norm(weights)

    def _sums(self, *sets: NDArray[np.float64]) -> list[Field]:
        """The bands added up over the square, once for each set of weights."""
        finest = self._over_square(self._bands[0].state)  # too fine to refine all others to it
        sums = []
        for weights in sets:
            total = np.zeros_like(self._bands[-1].state)
            for band, weight in zip(self._bands[:0:-1], weights[:0:-1], strict=True):
                total = refine(total, len(band.state)) + np.float32(weight) * band.state
            sums.append(self._over_square(total) + np.float32(weights[0]) * finest)
        return sums

    def _over_square(self, field: Field) -> Field:
        """A field of the torus on the cells of the square, where the drift has taken it."""
        cell = SIDE_KM / len(field)
        east, south = -self._drift_km % SIDE_KM
        columns, rows = (self._columns + east) / cell - 0.5, (self._rows + south) / cell - 0.5
        return sample(field, columns, rows[:, None])
