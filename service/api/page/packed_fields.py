"""Fields as a browser takes them: exact to what the API says, small, and quick to unpack.

A body is, in this order:

    4 bytes    n, the length of the header, unsigned, little-endian
    n bytes    the header, JSON in UTF-8: what the fields are of, their shape, the names of planes
    planes     in the order of `planes` in the header, each (time, row, column), row 0 in the north

A plane `rainfall_rate` has two bytes a cell, hundredths of mm/h, which is how exact the JSON of the
API is too: first the high bytes of all cells and then the low ones, since they pack better apart.
65535 is no data, and never dry, which is 0. A plane `exceedance_probability_0.5` (or
another threshold in mm/h) has a byte a cell, in per cent; 255 is no data.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ingest.precipitation import HIGHEST

PER_MM = 100
NO_RATE, NO_PROBABILITY = 0xFFFF, 0xFF

assert HIGHEST * PER_MM < NO_RATE


def body(header: Mapping[str, Any], planes: Sequence[bytes]) -> bytes:
    words = orjson.dumps(header)
    return b"".join([struct.pack("<I", len(words)), words, *planes])


def rates(rate: NDArray[np.float32]) -> bytes:
    """Rates in mm/h, NaN for no data."""
    # In float64 the product is exact, so that it is rounded as the API rounds.
    hundredths = np.rint(rate.astype(np.float64) * PER_MM)
    codes = np.where(np.isnan(rate), NO_RATE, hundredths).astype(np.uint16)
    return (codes >> 8).astype(np.uint8).tobytes() + codes.astype(np.uint8).tobytes()


def probabilities(probability: NDArray[np.float32]) -> bytes:
    """Exceedance probabilities in 0..1, NaN for no data, as whole per cent."""
    per_cent = np.where(np.isnan(probability), NO_PROBABILITY, np.rint(probability * 100))
    return per_cent.astype(np.uint8).tobytes()
