"""What kind of rain event to simulate, and how its rates are spread."""

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

DETECTABLE = 0.1
"""mm/h from which a cell is wet."""


@dataclass(frozen=True)
class Weather:
    """What kind of event it is; as it stands, a mix of rain and showers.

    The values were chosen on German composites of 2014, 2017 and 2025 (rates, spectra), and on how
    fast the skill of extrapolation falls over nine European events.

    Args:
        wet_share: Share of the area with 0.1 mm/h or more, in the long run.
        median_rate: Median of the rate in rain areas before showers, mm/h.
        spread: Standard deviation of its logarithm.
        showers: Standard deviation of the logarithm of the factor by which showers change it.
        eastward_kmh, northward_kmh: The mean wind at the start.
        veering: Degrees per hour by which the mean wind turns, clockwise.
        eddy_kmh: Root mean square of what shear and rotation add to the mean wind.
        stretch: How much longer than wide large rain areas are.
        smoothness: Exponent of the variance of a band over its wavelength.
        lifetime_minutes: How long a band of 16 km takes to keep 1/e of itself.
        lifetime_exponent: Exponent of lifetimes over wavelengths.
        front: Weight of a band of rain that lies across the mean wind and moves with it, from 0 for
            none to below 1; its square is its share of the variance.
    """

    wet_share: float = 0.1
    median_rate: float = 0.75
    spread: float = 1.05
    showers: float = 0.6
    eastward_kmh: float = 32.0
    northward_kmh: float = 12.0
    veering: float = 4.0
    eddy_kmh: float = 7.0
    stretch: float = 2.5
    smoothness: float = 1.1
    lifetime_minutes: float = 50.0
    lifetime_exponent: float = 0.8
    front: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no rain can be made of."""
        for name, highest in (("wet_share", 0.5), ("median_rate", 50), ("lifetime_minutes", 1e6)):
            value = getattr(self, name)
            if not 0 < value <= highest:
                raise ValueError(f"{name} is {value}, should be above 0 and at most {highest:g}")

        if not 0 <= self.front < 1:
            raise ValueError(f"front is {self.front}, should be from 0 to below 1")

    def lifetime(self, wavelength: float) -> float:
        """How long a band takes to keep 1/e of itself, minutes."""
        return float(self.lifetime_minutes * (wavelength / 16) ** self.lifetime_exponent)


FRONT = Weather(
    wet_share=0.16,
    median_rate=0.7,
    spread=0.9,
    showers=0.5,
    stretch=3.0,
    smoothness=1.2,
    lifetime_minutes=60,
    front=0.5,
)
"""A band of rain across the country, with heavier rain along its line."""
SHOWERS = Weather(
    wet_share=0.05,
    median_rate=1.2,
    spread=1.1,
    showers=0.75,
    stretch=1.5,
    smoothness=0.65,
    lifetime_minutes=35,
)
"""Scattered cells that last less than an hour."""
STRATIFORM = Weather(
    wet_share=0.35,
    median_rate=0.6,
    spread=0.75,
    showers=0.35,
    stretch=2.0,
    smoothness=1.7,
    lifetime_minutes=100,
)
"""Wide areas of light and moderate rain."""
SLOWEST_KMH, FASTEST_KMH = 36.0, 90.0
"""Mean winds of random weather: 10 to 25 m/s."""
VEERING = 6.0
"""Largest turn of the mean wind of random weather, degrees per hour to either side."""


def random_weather(seed: int) -> Weather:
    """Weather of a random kind that moves in any direction at 10 to 25 m/s.

    Args:
        seed: The same seed gives the same weather.
    """
    rng = np.random.default_rng(seed)
    kind = (FRONT, SHOWERS, STRATIFORM)[rng.integers(3)]
    direction, speed = rng.uniform(0, 2 * np.pi), rng.uniform(SLOWEST_KMH, FASTEST_KMH)
    return replace(
        kind,
        eastward_kmh=float(speed * np.cos(direction)),
        northward_kmh=float(speed * np.sin(direction)),
        veering=float(rng.uniform(-VEERING, VEERING)),
    )


def log_rate_curve(weather: Weather) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the logarithm of the rate by Gaussian level, two arrays (level,).

    Rates are log-normal where it rains. The lowest level is the edge of the rain areas, where the
    rate is too small to be detected.

    Raises:
        ValueError: Too little of the rain would be detectable for the wet share.
    """
    level, rate = NormalDist(), NormalDist(np.log(weather.median_rate), weather.spread)
    seen = 1 - NormalDist(rate.mean, np.hypot(weather.spread, weather.showers)).cdf(
        np.log(DETECTABLE)
    )
    area = weather.wet_share / seen
    if area >= 1:
        raise ValueError(
            f"a median rate of {weather.median_rate} mm/h leaves {seen:.2f} of the rain to be "
            f"seen, too little for a wet share of {weather.wet_share}; raise one or lower the other"
        )
    levels = np.linspace(level.inv_cdf(1 - area), 7, 1000)
    above = [
        min(level.cdf(-above_mean) / area, 1 - 1e-6) for above_mean in levels
    ]  # share of the rain areas
    return levels, np.array([2 * rate.mean - rate.inv_cdf(share) for share in above])
