"""Rounding of stored forecasts, so that files stay small."""

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from ingest.grid import known_grid
from ingest.precipitation import exceedance_probabilities

HALF_HOUR = np.timedelta64(30, "m")
"""Between the lead times that are verified and that models are trained for."""
RATE_STEP, SIGNIFICAND = 1 / 128, 2.0**-7
"""Rounding of rates between the half hours: in mm/h, or as a share of the power of two below."""
HALF_HOUR_STEP, PROBABILITY_STEP = 0.005, 0.02
"""Rounding of probabilities at the half hours, and between them."""
PLACE_STEP = 2.0**-16
"""Rounding of latitude and longitude of a known grid in degrees: within 1 m."""
PRECISION = (
    "rates are as forecast at multiples of 30 minutes, and between them rounded to 1/128 mm h-1 or "
    "to 8 significant bits, whichever is coarser; probabilities are rounded to 0.005 at multiples "
    "of 30 minutes and to 0.02 between them; latitude and longitude are rounded to 1/65536 degree"
)


def rounded(forecast: DataArray) -> DataArray:
    """Round a forecast (lead_time, y, x) to `PRECISION`; rates in mm/h, NaN stays no data."""
    found = forecast.copy(deep=True)
    between = found["lead_time"].values % HALF_HOUR != np.timedelta64(0)
    found.values[between] = rounded_rates(found.values[between])
    for probability in exceedance_probabilities(found).values():
        values = probability.values
        for those, step in ((between, PROBABILITY_STEP), (~between, HALF_HOUR_STEP)):
            values[those] = np.round(values[those] / step) * step
    if known_grid(found) is not None:
        for name in {"lat", "lon"} & set(found.coords):
            degrees = found[name]
            found = found.assign_coords(
                {name: degrees.copy(data=np.round(degrees.values / PLACE_STEP) * PLACE_STEP)}
            )
    return found


def rounded_rates(rates: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round rates (of any shape) in mm/h to `RATE_STEP`, and large ones to 8 significant bits."""
    _, exponents = np.frexp(np.where(np.isfinite(rates), rates, 0))
    steps = np.maximum(np.ldexp(np.float32(SIGNIFICAND), exponents - 1), np.float32(RATE_STEP))
    found: NDArray[np.float32] = np.round(rates / steps) * steps
    return found
