"""Rounding of forecasts between the half hours, so that files stay small."""

import numpy as np
from xarray import DataArray

from ingest.precipitation import exceedance_probabilities

HALF_HOUR = np.timedelta64(30, "m")
"""Between the lead times that are verified and that models are trained for."""
RATE_STEP, PROBABILITY_STEP = 1 / 128, 1 / 127
"""Rounding between the half hours, in mm/h and of probabilities (`netcdf.packed_probabilities`)."""
PRECISION = (
    "rates are as forecast at multiples of 30 minutes and rounded to 1/128 mm h-1 between them; "
    "probabilities are rounded to 1/1016 and 1/127"
)


def rounded_between(forecast: DataArray) -> DataArray:
    """Round a forecast (lead_time, y, x) at lead times that are no multiples of half an hour."""
    between = forecast["lead_time"].values % HALF_HOUR != np.timedelta64(0)
    if not between.any():
        return forecast
    found = forecast.copy(deep=True)
    found.values[between] = np.round(found.values[between] / RATE_STEP) * RATE_STEP
    for probability in exceedance_probabilities(found).values():
        values = probability.values
        values[between] = np.round(values[between] / PROBABILITY_STEP) * PROBABILITY_STEP
    return found
