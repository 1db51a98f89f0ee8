"""Summary of a forecast at a position for programs, and how old its radar is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.api.dependencies import ApiContext
from service.api.freshness import is_stale, radar_age_seconds
from service.archive.key import Time

WET = 0.1
"""Lowest rainfall rate in mm/h that counts as rain in the summary."""


def freshness(context: ApiContext, start: Time) -> dict[str, Any]:
    """Present age of the newest radar frame in an answer."""
    age = radar_age_seconds(context, start)
    return {"nowcast:radar_age_s": age, "nowcast:stale": is_stale(context, start)}


def summary(
    rates: NDArray[np.float32], times: Sequence[str], *, stale: bool = False
) -> dict[str, Any]:
    """State (rain, dry or unknown) and the times at which rain starts and ends.

    Args:
        rates: Rainfall rates (lead_time,) in mm/h, NaN for no data.
        times: Valid times of the rates.
        stale: The radar is too old to call the place dry.
    """
    wet = np.flatnonzero(rates >= WET)
    unknown = bool(np.isnan(rates).any())
    state = "rain" if wet.size else "unknown" if unknown or stale else "dry"
    ends = int(wet[-1]) + 1 if wet.size else len(times)
    return {
        "state": state,
        "complete": not unknown,
        "starts": times[int(wet[0])] if wet.size else None,
        "ends": times[ends] if wet.size and ends < len(times) and not unknown else None,
    }
