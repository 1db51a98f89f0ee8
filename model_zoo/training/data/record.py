"""Records: radar frames of an event or archive by index.

Rates are (time, y, x) in mm/h, NaN for no data.
"""

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model_zoo.training.data.augmentation import Rates
from model_zoo.training.data.sliding_windows import MISSING

EVERY_RATE = (0.0, math.inf)
"""mm/h; what a product resolves that is neither cut off below nor capped."""
NO_DATA = 65535
"""No data among rates in mm/h x 100."""


def to_hundredths(rates: Rates) -> NDArray[np.uint16]:
    """Convert rates in mm/h (any shape) to uint16 hundredths; NaN becomes `NO_DATA`."""
    hundredths = np.rint(rates * 100).clip(max=NO_DATA - 1)
    return np.where(np.isnan(rates), NO_DATA, hundredths).astype(np.uint16)


def from_hundredths(hundredths: NDArray[np.uint16]) -> Rates:
    """Convert uint16 hundredths (any shape) to rates in mm/h; `NO_DATA` becomes NaN."""
    rates: Rates = np.where(hundredths == NO_DATA, np.nan, hundredths / np.float32(100))
    return rates.astype(np.float32)


class Record(Protocol):
    """Frames of one event or archive by index."""

    @property
    def name(self) -> str:
        """Name, for messages and weights."""

    @property
    def times(self) -> NDArray[np.datetime64]:
        """Ends of the intervals in UTC, rising, (time,)."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    @property
    def measured(self) -> tuple[float, float]:
        """Smallest and largest rate in mm/h that the product resolves.

        A rate beyond them is known to be so small or so large only.
        """

    def rates(self, numbers: NDArray[np.int64]) -> Rates:
        """Return frames (time, y, x) in mm/h, row 0 in the north, NaN for no data."""

    def wet(self) -> NDArray[np.float64]:
        """Return the share of known cells with 0.1 mm/h or more of each frame, (time,)."""


def read(record: Record, numbers: NDArray[np.int64]) -> Rates:
    """Read frames (time, y, x) of a record by index; missing ones are NaN."""
    present = numbers != MISSING
    rates = np.full((len(numbers), *record.shape), np.nan, np.float32)
    rates[present] = record.rates(numbers[present])
    return rates
