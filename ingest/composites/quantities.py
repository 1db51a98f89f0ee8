"""Numbers of radar composites as rates in mm/h: rates, amounts, fluxes and reflectivities."""

import numpy as np
from numpy.typing import NDArray

from ingest.composites.found import Rates
from ingest.errors import BadField
from ingest.formats.radolan import rate_of_reflectivity
from ingest.units import is_mm_per_hour

FLUXES = {
    "kg m-2 s-1": 3600.0,
    "mm s-1": 3600.0,
    "mm/s": 3600.0,
    "m s-1": 3.6e6,
    "m/s": 3.6e6,
    "mm day-1": 1 / 24,
    "mm/day": 1 / 24,
}
"""mm/h per unit."""
AMOUNTS = {"mm": 1.0, "kg m-2": 1.0, "kg/m2": 1.0, "kg/m^2": 1.0, "m": 1000.0, "cm": 10.0}
"""mm per unit."""
REFLECTIVITIES = ("dbz", "dbzh")
LEAST_DBZ = 7.0
"""Below it, it does not rain: the threshold of many composites."""
NOISE = 0.01
"""mm/h below 0 that packing may bring a dry cell."""


def is_of_rain(units: str) -> bool:
    """Whether units are those of rain, and of little else: m may be a height, m/s a wind."""
    spelling = " ".join(units.split())
    is_length = spelling.split(" ")[0] in ("", "m", "m/s", "cm")
    known = spelling in FLUXES or spelling in AMOUNTS or spelling.lower() in REFLECTIVITIES
    return not is_length and (known or is_mm_per_hour(spelling))


def to_rate(
    values: NDArray[np.floating], units: str, minutes: float, zr: tuple[float, float]
) -> Rates:
    """Convert numbers of a composite to rates.

    Args:
        values: (y, x) in `units`, NaN for no data.
        units: Of the numbers.
        minutes: Accumulation time, for amounts.
        zr: Factor a and exponent b of Z = a R**b, for reflectivities.

    Returns:
        (y, x) in mm/h, NaN for no data.

    Raises:
        BadField: The units are unknown, or the numbers are no rain in these units.
    """
    spelling = " ".join(units.split())
    if spelling.lower() in REFLECTIVITIES:
        return rate_of_echo(values, zr)
    if is_mm_per_hour(spelling):
        factor = 1.0
    elif spelling in FLUXES:
        factor = FLUXES[spelling]
    elif spelling in AMOUNTS:
        if minutes <= 0:
            raise BadField(f"amounts in {units} need their accumulation time; give it by --minutes")
        factor = AMOUNTS[spelling] * 60 / minutes
    else:
        raise BadField(unknown_units(units))
    rate = (values * factor).astype(np.float32)
    lowest = np.nanmin(rate, initial=np.inf)
    if lowest < -NOISE:
        raise BadField(
            f"numbers reach down to {lowest / factor:g} {units}, should be 0 or more; if they mark "
            "cells without data, the file should say so by _FillValue or nodata"
        )
    return np.asarray(np.where(rate < 0, np.float32(0), rate), np.float32)


def rate_of_echo(dbz: NDArray[np.floating], zr: tuple[float, float]) -> Rates:
    """Convert reflectivities (y, x) in dBZ to rates in mm/h, 0 below `LEAST_DBZ`; NaN stays NaN."""
    rate = rate_of_reflectivity(dbz.astype(np.float64), *zr)
    return np.where(dbz < LEAST_DBZ, np.float32(0), rate)


def unknown_units(units: str) -> str:
    """The message for units that are not known."""
    known = ["mm h-1", *FLUXES, *AMOUNTS, "dBZ"]
    stated = f"units are {units!r}" if units else "the file states no units"
    return f"{stated}, should be one of {', '.join(known)}; give them by --units"
