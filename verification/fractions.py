"""Fractions skill score: how well the share of rainy cells around each cell was forecast.

Roberts and Lean (2008), doi:10.1175/2007MWR2123.1, with one deviation: their fraction counts what
lies outside the domain as dry. Here it is events per cell with data inside the window, so the edge
of the radar coverage and the border of the grid are unknown, not dry.
"""

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from xarray import DataArray, Dataset

from verification import event
from verification.errors import BadWindow
from verification.matching import kept_coords, pair, split


def window_cells(scale_km: float, cell_km: float = 5.0) -> int:
    """The narrowest window, in cells, that has a centre cell and is as wide as the scale.

    At 5 km cells: 5 km is 1 cell, 10 km 3, 20 km 5 and 40 km 9.

    Raises:
        BadWindow: The scale or the cell has no width.
    """
    if not (scale_km > 0 and cell_km > 0):
        raise BadWindow(f"a scale of {scale_km} km on cells of {cell_km} km: both must be above 0")
    cells = math.ceil(scale_km / cell_km - 1e-9)
    return cells + 1 - cells % 2


def fraction_sums(
    forecast: DataArray, observed: DataArray, thresholds: Sequence[float], windows: Sequence[int]
) -> Dataset:
    """Sums over y and x, from which the fractions skill score is made; they add up over time.

    A cell without data in either field has no fraction of its own and enters no other's.

    Args:
        forecast: Rain rate in mm/h with y and x, NaN for no data.
        observed: Rain rate in mm/h at the times of the forecast (see `match`), NaN for no data.
        thresholds: Rates in mm/h.
        windows: Widths of the square neighbourhoods in cells, odd; see `window_cells`.

    Returns:
        n (cells with a fraction, int64), squared_difference and squared_reference, float64, with
        the dims (threshold, window, those of the forecast but y and x).

    Raises:
        BadThreshold: No threshold, or one that is not a finite number.
        BadWindow: A width that is not an odd number of cells.
        DifferentGrids: The fields do not lie on the same cells and leads.
    """
    event.check(thresholds)
    for window in windows:
        if window < 1 or window % 2 == 0:
            raise BadWindow(f"a window of {window} cells has no centre; give odd numbers, 1, 3, 5")
    kept, summed = split(forecast, ["y", "x"])
    said, came = (f.transpose(*kept, *summed).to_numpy() for f in pair(forecast, observed))
    layers = said.shape[:-2]
    shape = (len(thresholds), len(windows), *layers)
    n, difference, reference = np.empty(shape, np.int64), np.empty(shape), np.empty(shape)
    for layer in np.ndindex(*layers):
        n[:, :, *layer] = np.count_nonzero(~np.isnan(said[layer]) & ~np.isnan(came[layer]))
        sums = np.array([*_layer_sums(said[layer], came[layer], thresholds, windows)])
        difference[:, :, *layer], reference[:, :, *layer] = sums.T.reshape(2, *shape[:2])
    dims = ("threshold", "window", *kept)
    return Dataset(
        {
            "n": (dims, n),
            "squared_difference": (dims, difference),
            "squared_reference": (dims, reference),
        },
        {
            "threshold": [float(t) for t in thresholds],
            "window": list(windows),
            **kept_coords(forecast, kept),
        },
    )


def fss(sums: Dataset) -> DataArray:
    """Fractions skill score, 0 to 1; NaN where no event was forecast or came."""
    score: DataArray = 1 - sums["squared_difference"] / sums["squared_reference"]
    return score.clip(min=0)  # below 0 it is only by rounding


def _layer_sums(
    said: NDArray[np.floating],
    came: NDArray[np.floating],
    thresholds: Sequence[float],
    windows: Sequence[int],
) -> Iterator[tuple[float, float]]:
    """Sums of squared difference and reference of one (y, x), windows within thresholds."""
    seen = ~(np.isnan(said) | np.isnan(came))
    # one over the cells with data around each cell; 0 where the cell itself has none
    weights = [
        seen / np.maximum(_window_sum(seen, window), np.float32(1)) if window > 1 else None
        for window in windows
    ]
    for threshold in thresholds:
        forecast, observed = (event.reaches(field, threshold) & seen for field in (said, came))
        inner = _extent(forecast | observed)
        for window, weight in zip(windows, weights, strict=True):
            if weight is None:  # a fraction is the event itself
                differ = np.count_nonzero(forecast ^ observed)
                yield differ, np.count_nonzero(forecast) + np.count_nonzero(observed)
                continue
            # further away all fractions are 0
            near = tuple(slice(max(a - window // 2, 0), b + window // 2) for a, b in inner)
            here, there = (_window_sum(e[near], window) for e in (forecast, observed))
            here *= weight[near]
            there *= weight[near]
            yield (
                cv2.norm(here, there, cv2.NORM_L2SQR),
                cv2.norm(here, cv2.NORM_L2SQR) + cv2.norm(there, cv2.NORM_L2SQR),
            )


def _extent(events: NDArray[np.bool_]) -> tuple[tuple[int, int], tuple[int, int]]:
    """First row and column (y, x) of the events, and those after the last; all 0 without any."""
    lines = [np.flatnonzero(events.any(axis)) for axis in (1, 0)]
    y, x = ((int(of[0]), int(of[-1]) + 1) if of.size else (0, 0) for of in lines)
    return y, x


def _window_sum(cells: NDArray[np.bool_], window: int) -> NDArray[np.float32]:
    """How many cells of the window around each cell are True; outside the grid none is."""
    counted: NDArray[np.float32] = cv2.boxFilter(
        cells.view(np.uint8),
        cv2.CV_32F,
        (window, window),
        normalize=False,
        borderType=cv2.BORDER_CONSTANT,
    )
    return counted
