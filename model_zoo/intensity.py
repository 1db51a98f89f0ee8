"""Rain rates in mm/h to the 0..1 that networks see, and back.

A scale is chosen by name, and a checkpoint keeps the name of the one it was trained with. NaN,
which is no data, stays NaN in both directions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from torch import Tensor

from model_zoo.errors import UnknownScale


class Scale(Protocol):
    """A map from rain rates onto 0..1 that can be undone."""

    def encode(self, rate: Tensor) -> Tensor:
        """From mm/h to 0..1."""

    def decode(self, scaled: Tensor) -> Tensor:
        """From 0..1 to mm/h; what lies outside is taken as the nearer end."""


@dataclass(frozen=True)
class Reflectivity:
    """Linear in the reflectivity of rain: Z = a R**b, dBZ = 10 log10 Z, from `floor` to `ceiling`.

    The defaults are those of the networks published with the MS-LSTM paper for Germany,
    https://arxiv.org/abs/2304.07724, and of DWD's Z-R relation (Z = 256 R**1.42). They differ in
    that nothing is rounded to 8 bits here. At and below the floor, 0.0041 mm/h, rain is 0, and 0 is
    no rain; at and above the ceiling, 338 mm/h, it is 1.
    """

    a: float = 256.0
    b: float = 1.42
    floor: float = -10.0
    ceiling: float = 60.0

    def encode(self, rate: Tensor) -> Tensor:
        """From mm/h to 0..1; negative rates, which no radar gives, become NaN."""
        dbz = 10 * math.log10(self.a) + 10 * self.b * rate.log10()
        return ((dbz - self.floor) / (self.ceiling - self.floor)).clamp(0, 1)

    def decode(self, scaled: Tensor) -> Tensor:
        """From 0..1 to mm/h; exactly 0 where `scaled` is 0 or below."""
        dbz = self.floor + (self.ceiling - self.floor) * scaled.clamp(max=1)
        rate = 10 ** ((dbz - 10 * math.log10(self.a)) / (10 * self.b))
        return rate.where(~(scaled <= 0), 0.0)


@dataclass(frozen=True)
class Rate:
    """Logarithmic in the rate, but linear where it hardly rains: log(1 + R / knee) / log(1 + R' /
    knee), R' the ceiling.

    Reflectivity spends the lowest 0.3 of its range on rates that radar products do not have, so
    that a drizzle looks like half a cloudburst; here 0.1 mm/h is 0.03, 2 is 0.24 and 40 is 0.66.
    At and above the ceiling rain is 1.
    """

    knee: float = 0.5
    """mm/h."""
    ceiling: float = 400.0
    """mm/h."""

    def encode(self, rate: Tensor) -> Tensor:
        """From mm/h to 0..1; negative rates, which no radar gives, become NaN."""
        scaled = (rate / self.knee).log1p() / math.log1p(self.ceiling / self.knee)
        return scaled.clamp(max=1).where(~(rate < 0), math.nan)

    def decode(self, scaled: Tensor) -> Tensor:
        """From 0..1 to mm/h; exactly 0 where `scaled` is 0 or below."""
        return self.knee * (scaled.clamp(0, 1) * math.log1p(self.ceiling / self.knee)).expm1()


SCALES: Mapping[str, Scale] = MappingProxyType({"reflectivity": Reflectivity(), "rate": Rate()})


def scale(name: str) -> Scale:
    """A scale by its name.

    Raises:
        UnknownScale: There is no such scale; the message lists those there are.
    """
    if name not in SCALES:
        raise UnknownScale(f"no intensity scale {name!r}, only {', '.join(SCALES)}")
    return SCALES[name]
