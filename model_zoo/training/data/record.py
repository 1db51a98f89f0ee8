"""Radar frames of an event or an archive, by number."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model_zoo.training.data.augmentation import Rates
from model_zoo.training.data.sliding_windows import MISSING

NO_DATA = 65535
"""Among rates in mm/h x 100."""


def to_hundredths(rates: Rates) -> NDArray[np.uint16]:
    """Rates in mm/h, NaN for no data, as small whole numbers."""
    hundredths = np.rint(rates * 100).clip(max=NO_DATA - 1)
    return np.where(np.isnan(rates), NO_DATA, hundredths).astype(np.uint16)


def of_hundredths(hundredths: NDArray[np.uint16]) -> Rates:
    """The rates of such numbers."""
    rates: Rates = np.where(hundredths == NO_DATA, np.nan, hundredths / np.float32(100))
    return rates.astype(np.float32)


class Record(Protocol):
    """Frames of one event or archive, by number."""

    @property
    def name(self) -> str:
        """For messages, and to give it a weight by."""

    @property
    def times(self) -> NDArray[np.datetime64]:
        """Ends of the intervals in UTC, rising."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    def rates(self, numbers: NDArray[np.int64]) -> Rates:
        """(time, y, x) in mm/h, row 0 in the north, NaN for no data."""

    def wet(self) -> NDArray[np.float64]:
        """Share of the known cells of each frame with 0.1 mm/h or more."""


def read(record: Record, numbers: NDArray[np.int64]) -> Rates:
    """Frames of a record; no data for those that lack."""
    there = numbers != MISSING
    rates = np.full((len(numbers), *record.shape), np.nan, np.float32)
    rates[there] = record.rates(numbers[there])
    return rates
