"""The motion of rain on a coarse grid, for arrows on the map page."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from model_zoo.forecasters import motion
from model_zoo.forecasters.baselines import motion_of
from service.pipeline.place_summary import WET, cell_km, spread

SPACING = 10
"""Cells from one arrow to the next."""
NEAR_KM = 30.0
"""Arrows are drawn within this distance of rain: farther from it the motion is a guess."""
MINUTES_PER_HOUR = 60


def motion_arrows(frames: DataArray) -> dict[str, Any]:
    """Arrows of the motion of the newest of some frames (time, y, x).

    Returns:
        `columns` and `rows` of the arrows in cells, and their motion `right` and `down` in km/h,
        four lists of one length, empty where there is no rain.
    """
    recent = frames.isel(time=slice(-(motion.SPAN_MINUTES // 5 + 1), None))
    vectors = motion_of(recent) * cell_km(frames) * MINUTES_PER_HOUR
    rows, columns = arrow_cells(recent.values[-1], cell_km(frames))
    right, down = np.moveaxis(vectors[rows, columns], -1, 0)
    return {
        "columns": (columns + 0.5).tolist(),
        "rows": (rows + 0.5).tolist(),
        "right": np.round(right, 1).tolist(),
        "down": np.round(down, 1).tolist(),
    }


def arrow_cells(rate: NDArray[np.float32], km: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns (arrows,) of a coarse grid on a field (y, x) in mm/h that are near rain.

    Args:
        rate: The field, NaN for no data.
        km: Width of a cell.
    """
    near = spread(rate >= WET, NEAR_KM / km) & ~np.isnan(rate)
    coarse = np.zeros_like(near)
    coarse[SPACING // 2 :: SPACING, SPACING // 2 :: SPACING] = True
    rows, columns = np.nonzero(near & coarse)
    return rows, columns
