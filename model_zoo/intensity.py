"""Intensity scales: rain rates in mm/h to the 0..1 input of networks, and back.

A scale is chosen by name; a checkpoint has the name of the scale it was trained with. All
functions are elementwise, for tensors of any shape, and NaN (no data) stays NaN.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from torch import Tensor

from ingest.formats.radolan import ZR_EXPONENT, ZR_FACTOR
from model_zoo.errors import UnknownScale


class Scale(Protocol):
    """An invertible elementwise map from rain rates to 0..1."""

    def encode(self, rate: Tensor) -> Tensor:
        """Convert mm/h to 0..1."""

    def decode(self, scaled: Tensor) -> Tensor:
        """Convert 0..1 to mm/h; values outside are clipped."""


@dataclass(frozen=True)
class Reflectivity:
    """Elementwise scale linear in reflectivity, dBZ = 10 log10(a R**b), from `floor` to `ceiling`.

    The defaults are those of the networks published with the MS-LSTM paper for Germany,
    https://arxiv.org/abs/2304.07724, with DWD's Z-R relation, but without rounding to 8 bits. Rates
    up to 0.0041 mm/h (the floor) are 0, which decodes to no rain; rates from 338 mm/h (the ceiling)
    are 1.
    """

    a: float = ZR_FACTOR
    b: float = ZR_EXPONENT
    floor: float = -10.0
    ceiling: float = 60.0

    def encode(self, rate: Tensor) -> Tensor:
        """Convert mm/h to 0..1; negative rates, which are invalid, become NaN."""
        dbz = 10 * math.log10(self.a) + 10 * self.b * rate.log10()
        return ((dbz - self.floor) / (self.ceiling - self.floor)).clamp(0, 1)

    def decode(self, scaled: Tensor) -> Tensor:
        """Convert 0..1 to mm/h; exactly 0 where `scaled` is 0 or below."""
        dbz = self.floor + (self.ceiling - self.floor) * scaled.clamp(max=1)
        rate = 10 ** ((dbz - 10 * math.log10(self.a)) / (10 * self.b))
        return rate.where(~(scaled <= 0), 0.0)


@dataclass(frozen=True)
class Rate:
    """Elementwise scale log(1 + R / knee) / log(1 + ceiling / knee), about linear below the knee.

    The reflectivity scale uses the lowest 0.3 of its range for rates that radar products do not
    have, so that drizzle is half as large as a cloudburst; here 0.1 mm/h is 0.03, 2 mm/h is 0.24
    and 40 mm/h is 0.66. Rates from the ceiling are 1.
    """

    knee: float = 0.5
    """mm/h."""
    ceiling: float = 400.0
    """mm/h."""

    def encode(self, rate: Tensor) -> Tensor:
        """Convert mm/h to 0..1; negative rates, which are invalid, become NaN."""
        scaled = (rate / self.knee).log1p() / math.log1p(self.ceiling / self.knee)
        return scaled.clamp(max=1).where(~(rate < 0), math.nan)

    def decode(self, scaled: Tensor) -> Tensor:
        """Convert 0..1 to mm/h; exactly 0 where `scaled` is 0 or below."""
        return self.knee * (scaled.clamp(0, 1) * math.log1p(self.ceiling / self.knee)).expm1()


SCALES: Mapping[str, Scale] = MappingProxyType({"reflectivity": Reflectivity(), "rate": Rate()})


def scale(name: str) -> Scale:
    """Return a scale by its name.

    Raises:
        UnknownScale: There is no such scale; the message lists those there are.
    """
    if name not in SCALES:
        raise UnknownScale(f"no intensity scale {name!r}, only {', '.join(SCALES)}")
    return SCALES[name]
