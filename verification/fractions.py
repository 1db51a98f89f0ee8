"""Fractions skill score: skill of the forecast fraction of events in neighbourhoods of a scale.

Roberts and Lean (2008), doi:10.1175/2007MWR2123.1, with one deviation: their fraction counts what
lies outside the domain as dry. Here it is events per cell with data inside the window, so the edge
of the radar coverage and the border of the grid are unknown, not dry.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from xarray import DataArray, Dataset

from verification import event
from verification.errors import BadWindow
from verification.matching import kept_coords, pair, split

OBSERVED_CACHE = 16
"""Observed fields whose window counts are kept, as several forecasts may be compared with one."""


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
    predicted, truth = (f.transpose(*kept, *summed).to_numpy() for f in pair(forecast, observed))
    layers = predicted.shape[:-2]
    shape = (len(thresholds), len(windows), *layers)
    n, difference, reference = np.empty(shape, np.int64), np.empty(shape), np.empty(shape)
    limits = [event.limits(field, thresholds) for field in (predicted, truth)]
    lowest, coverage = int(np.argmin(thresholds)), None
    observed_counts: dict[int, WindowCounts] = {}
    for layer in np.ndindex(*layers):
        valid = ~(np.isnan(predicted[layer]) | np.isnan(truth[layer]))
        if coverage is None or not np.array_equal(valid, coverage.valid):
            coverage = Coverage(valid, windows)
            observed_counts.clear()
        address = truth[layer].__array_interface__["data"][0]  # forecasts may share a frame
        if address not in observed_counts:
            if len(observed_counts) == OBSERVED_CACHE:
                observed_counts.clear()
            events = [truth[layer] >= limit for limit in limits[1]]
            observed_counts[address] = WindowCounts(coverage, events)
        counts = WindowCounts(coverage, [predicted[layer] >= limit for limit in limits[0]])
        n[:, :, *layer] = np.count_nonzero(valid)
        for number, sums in enumerate(
            _layer_sums(coverage, counts, observed_counts[address], lowest)
        ):
            difference[:, number, *layer], reference[:, number, *layer] = sums
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
    """Compute the fractions skill score, 0 to 1, elementwise; NaN without events.

    Args:
        sums: Of `fraction_sums`.
    """
    score: DataArray = 1 - sums["squared_difference"] / sums["squared_reference"]
    return score.clip(min=0)  # below 0 it is only by rounding


class Coverage:
    """Valid cells of a field (y, x), and their number in the windows around each cell.

    Args:
        valid: Cells (y, x) where both fields have data.
        windows: Widths in cells.
    """

    def __init__(self, valid: NDArray[np.bool_], windows: Sequence[int]) -> None:
        self.valid, self.windows = valid, windows
        layers = SpacedLayers([valid], max(windows, default=1) // 2)
        self.cells = [layers.window_sums(window)[0].copy() for window in windows]
        self.is_partial = [
            (cells < window**2) | ~valid for cells, window in zip(self.cells, windows, strict=True)
        ]


class WindowCounts:
    """Number of cells with an event in the windows around each cell, for each threshold.

    Args:
        coverage: Valid cells of the field.
        reached: Where each threshold is reached, (y, x) each.
    """

    def __init__(self, coverage: Coverage, reached: Sequence[NDArray[np.bool_]]) -> None:
        events = [field & coverage.valid for field in reached]
        layers = SpacedLayers(events, max(coverage.windows, default=1) // 2)
        self.counts = [layers.window_sums(window) for window in coverage.windows]
        self.squares = [
            np.array([cv2.norm(field, cv2.NORM_L2SQR) for field in counts])
            for counts in self.counts
        ]


def _layer_sums(
    coverage: Coverage, forecast: WindowCounts, observed: WindowCounts, lowest: int
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield squared difference and squared reference of each threshold, window by window.

    Where a window is full of data, fractions are counts of events over the same number of cells:
    their squares are summed as whole numbers, and divided once. What is left are the cells at the
    border of the grid and of the coverage, near events.

    Args:
        coverage: Valid cells of one (y, x).
        forecast: Counts of forecast events in windows, of one (y, x).
        observed: Counts of observed events, likewise.
        lowest: Number of the threshold that all events reach.

    Yields:
        Of each window, the two sums (threshold,).
    """
    for number, window in enumerate(coverage.windows):
        predicted, truth = forecast.counts[number], observed.counts[number]
        near = np.logical_or(predicted[lowest], truth[lowest])
        partial = np.flatnonzero(near & coverage.is_partial[number])
        rows, columns = np.divmod(partial, coverage.valid.shape[1])
        # 0 where the cell itself has no data
        share = coverage.valid[rows, columns] / coverage.cells[number][rows, columns]
        few, others = (counts[:, rows, columns].astype(float) for counts in (predicted, truth))
        squares = forecast.squares[number] + observed.squares[number]
        squares -= square_sums(few) + square_sums(others)
        both = zip(predicted, truth, strict=True)
        differences = np.array([cv2.norm(f, o, cv2.NORM_L2SQR) for f, o in both])
        differences -= square_sums(few - others)
        full = window**4
        few *= share
        others *= share
        reference = np.rint(squares) / full + square_sums(few) + square_sums(others)
        yield np.rint(differences) / full + square_sums(few - others), reference


def square_sums(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of the squares of each row, (row,) of (row, column)."""
    sums: NDArray[np.float64] = np.einsum("ij,ij->i", rows, rows)
    return sums


class SpacedLayers:
    """Fields in one line of memory, with gaps so wide that no window reaches from one into another.

    So the windows of all fields are summed at once, by adding up shifted copies of the line.

    Args:
        layers: True or False, each (y, x).
        reach: Half of the widest window.
    """

    def __init__(self, layers: Sequence[NDArray[np.bool_]], reach: int) -> None:
        self._shape = rows, columns = layers[0].shape
        self._reach, self._number = reach, len(layers)
        self._width = columns + reach
        # the row above all is where the window of the first cell begins
        room = np.zeros((1 + reach + len(layers) * (rows + reach), self._width), np.uint8)
        inside = room[1 + reach :].reshape(len(layers), rows + reach, self._width)
        for target, layer in zip(inside, layers, strict=True):
            target[:rows, :columns] = layer
        self._line = room.ravel()

    def window_sums(self, window: int) -> NDArray[Any]:
        """Number of True cells in the window around each cell, (layer, y, x), of a type of OpenCV.

        Cells outside the grid count as False.
        """
        small = np.min_scalar_type(window**2)
        line = self._line.astype(small if small.itemsize <= 2 else np.float64, copy=False)
        summed = running_sum(running_sum(line, window, 1), window, self._width)
        half = window // 2
        first = (1 + self._reach - half) * self._width - half
        rows, columns = self._shape
        strides = np.array([(rows + self._reach) * self._width, self._width, 1]) * line.itemsize
        return np.lib.stride_tricks.as_strided(
            summed[first:], (self._number, rows, columns), strides, writeable=False
        )


def running_sum(line: NDArray[Any], number: int, step: int) -> NDArray[Any]:
    """Sum each cell of a line and the next ones, `number` in all and `step` apart.

    Sums of 1, 2, 4, ... are doubled up, so that a sum of nine takes four additions.

    Args:
        line: (cell, ...).
        number: Cells in a sum.
        step: Distance between them, in cells.

    Returns:
        (cell - (number - 1) * step, ...).
    """
    summed, length = line, 1
    for bit in f"{number:b}"[1:]:
        summed = summed[: -length * step] + summed[length * step :]
        length *= 2
        if bit == "1":
            summed = summed[: len(line) - length * step] + line[length * step :]
            length += 1
    return summed
