"""Fields of rain sums that end at each lead time of a forecast, of radar and forecast together."""

import numpy as np
from xarray import DataArray, Variable

from ingest.accumulation import (
    AMOUNT,
    AMOUNT_UNITS,
    STEP_MINUTES,
    RateTotal,
    amount,
    amount_name,
    running_totals,
)
from ingest.precipitation import exceedance_probabilities, exceedance_probability_name
from service.pipeline.rain_sums.radar_history import FRAMES_MISSING, STEPS, RadarHistory

PERIODS = (15, 30, 60, 120, 360)
"""Lengths of the periods in minutes."""


def sum_fields(history: RadarHistory, forecast: DataArray) -> DataArray:
    """Return the sums (lead_time, y, x) of a forecast in mm, NaN for no data.

    The values are those of an hour; the coordinates `precipitation_amount_15min` and so on have the
    sums of all `PERIODS`. What lies before the issue time is radar; the attribute `frames_missing`
    is the number of frames that are missing in the six hours before it.

    Args:
        history: Radar up to the issue time, on the grid of the forecast.
        forecast: (lead_time, y, x) in mm/h at each five minutes.
    """
    running = running_totals(np.concatenate([history.rates, forecast.values]))
    ends = STEPS + 1 + np.arange(len(forecast))
    names = map(exceedance_probability_name, exceedance_probabilities(forecast))
    bare = forecast.drop_vars(list(names))
    sums = {}
    for minutes in PERIODS:
        steps = minutes // STEP_MINUTES
        within = RateTotal(
            running.total[ends] - running.total[ends - steps],
            running.valid[ends] - running.valid[ends - steps],
        )
        sums[minutes] = amount(within, steps).astype(np.float32)
    attributes = {
        **{name: value for name, value in forecast.attrs.items() if name != "cell_methods"},
        **amount_attributes(60),
        FRAMES_MISSING: history.frames_missing(STEPS),
    }
    coords = {
        amount_name(minutes): Variable(forecast.dims, values, amount_attributes(minutes))
        for minutes, values in sums.items()
    }
    field = bare.copy(data=sums[60]).assign_coords(coords).assign_attrs(attributes)
    return field.rename(AMOUNT)


def amount_attributes(minutes: int) -> dict[str, str]:
    """Return the CF attributes of the sums of a period of a length in minutes."""
    return {
        "standard_name": AMOUNT,
        "long_name": f"precipitation amount of the {minutes} minutes before the time",
        "units": AMOUNT_UNITS,
        "cell_methods": "time: sum",
    }
