"""Packed fields for the map page: as exact as the JSON of the API, small, and fast to decode.

A body has, in this order:

    4 bytes    n, the length of the header, unsigned, little-endian
    n bytes    the header, JSON in UTF-8: time, shape and so on, and the names of the planes
    planes     in the order of `planes` in the header, each (time, row, column), row 0 in the north

A plane `rainfall_rate` has two bytes per cell, in 0.01 mm/h, the resolution of the API's JSON:
first the high bytes of all cells and then the low ones, since they compress better apart. 65535 is
no data and 0 is dry. A plane `precipitation_amount` is packed alike, in 0.01 mm. A plane
`exceedance_probability_0.5` (or another threshold in mm/h) has one byte per cell, in per cent; 255
is no data.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ingest.precipitation import HIGHEST

STEPS_PER_MM = 100
"""Steps of a packed rate per mm/h, and of a sum per mm."""
NO_RATE, NO_PROBABILITY = 0xFFFF, 0xFF

assert HIGHEST * STEPS_PER_MM < NO_RATE


def body(header: Mapping[str, Any], planes: Sequence[bytes]) -> bytes:
    """The body with a header and the packed planes."""
    encoded = orjson.dumps(header)
    return b"".join([struct.pack("<I", len(encoded)), encoded, *planes])


def rates(rate: NDArray[np.float32]) -> bytes:
    """Pack rainfall rates (time, row, column) in mm/h, NaN for no data."""
    # The product is exact in float64, so that rounding agrees with that of the JSON.
    hundredths = np.rint(rate.astype(np.float64) * STEPS_PER_MM)
    codes = np.where(np.isnan(rate), NO_RATE, hundredths).astype(np.uint16)
    return (codes >> 8).astype(np.uint8).tobytes() + codes.astype(np.uint8).tobytes()


def amounts(amount: NDArray[np.float32]) -> bytes:
    """Pack rain sums (time, row, column) in mm, NaN for no data; the highest code is 655.34 mm."""
    return rates(np.minimum(amount, (NO_RATE - 1) / STEPS_PER_MM))


def probabilities(probability: NDArray[np.float32]) -> bytes:
    """Pack exceedance probabilities (time, row, column), 0..1 or NaN for no data, as per cent."""
    per_cent = np.where(np.isnan(probability), NO_PROBABILITY, np.rint(probability * 100))
    return per_cent.astype(np.uint8).tobytes()
