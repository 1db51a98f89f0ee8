"""Results for the frames that were asked for last, computed once.

Every model of a cycle starts from the same frames: a blend runs networks that are served beside it,
and each of them needs the same motion and the same S-PROG.
"""

from collections.abc import Callable
from hashlib import blake2b
from threading import Condition
from typing import ParamSpec, TypeVar

import numpy as np
from cachetools import LRUCache, cached
from numpy.typing import NDArray
from xarray import DataArray

P = ParamSpec("P")
R = TypeVar("R")

ENTRIES = 4
"""Results of a function that are kept."""


def cached_by_frames(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose latest results are kept, by the content of its arguments.

    Of two threads that ask for the same at once, one waits for the other. What is returned is
    shared by all who ask, who must not change it. An error is not kept.

    Args:
        function: Of frames (time, y, x), arrays and plain values.
    """
    keep = cached(LRUCache(ENTRIES), key=content_key, condition=Condition())
    kept: Callable[P, R] = keep(function)
    return kept


def content_key(*arguments: object) -> tuple[object, ...]:
    """What is equal for arguments of equal content."""
    return tuple(map(content, arguments))


def content(argument: object) -> object:
    """A digest of frames with their coordinates or of an array; anything else as it is."""
    if isinstance(argument, np.ndarray):
        return digest(argument)
    if isinstance(argument, DataArray):
        coords = [(str(name), digest(c.to_numpy())) for name, c in argument.coords.items()]
        return digest(argument.to_numpy()), tuple(coords), repr(argument.attrs)
    return argument


def digest(array: NDArray[np.generic]) -> tuple[tuple[int, ...], str, bytes]:
    """Shape, type and a hash of the values of an array."""
    values = np.ascontiguousarray(array)
    if values.dtype.kind in "OMm":
        values = np.asarray(values.astype(str))
    hashed = blake2b(values.tobytes(), digest_size=16).digest()
    return array.shape, str(array.dtype), hashed
