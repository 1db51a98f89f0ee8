"""Probabilities that a plain forecast makes, to compare those of networks with."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from verification import BadWindow, event

DIMS = ("threshold", "lead_time", "y", "x")


def neighbourhood(forecast: DataArray, thresholds: Sequence[float], window: int) -> DataArray:
    """The probability that a plain forecast makes of its own neighbourhood.

    It is the share of cells reaching the threshold among those with data in a square window, as a
    forecast that is right but for some cells of displacement would have it (Theis et al. 2005,
    doi:10.1017/S1350482705001763).

    Args:
        forecast: (lead_time, y, x) in mm/h, NaN for no data.
        thresholds: In mm/h.
        window: Width in cells, odd; see `verification.window_cells`.

    Returns:
        (threshold, lead_time, y, x), NaN where the forecast is.

    Raises:
        BadWindow: The width is not an odd number of cells.
    """
    rates = forecast.transpose("lead_time", "y", "x").to_numpy()
    shares = np.stack(
        [[share_around(field, threshold, window) for field in rates] for threshold in thresholds]
    )
    places = {dim: forecast[dim] for dim in DIMS[1:] if dim in forecast.coords}
    return DataArray(shares, {"threshold": list(thresholds), **places}, DIMS)


def share_around(field: NDArray[np.floating], threshold: float, window: int) -> NDArray[np.float32]:
    """Of the cells with data in the window around each cell, the share that reaches a threshold.

    Args:
        field: (y, x) in mm/h, NaN for no data.
        threshold: In mm/h.
        window: Width in cells, odd.

    Returns:
        (y, x), NaN where the field is.

    Raises:
        BadWindow: The width is not an odd number of cells.
    """
    if window < 1 or window % 2 == 0:
        raise BadWindow(f"a window of {window} cells has no centre; give an odd number")
    known = ~np.isnan(field)
    share = np.full(field.shape, np.nan, np.float32)
    reached = window_sum(event.reaches(field, threshold), window)
    np.divide(reached, window_sum(known, window), out=share, where=known)
    return share


def window_sum(cells: NDArray[np.bool_], window: int) -> NDArray[np.float32]:
    """Return the number of True cells (y, x) in the window around each cell (y, x).

    Cells outside the grid are False.
    """
    counted: NDArray[np.float32] = cv2.boxFilter(
        cells.astype(np.float32),
        cv2.CV_32F,
        (window, window),
        normalize=False,
        borderType=cv2.BORDER_CONSTANT,
    )
    return counted
