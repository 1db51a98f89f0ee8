"""Augmentation, cropping and padding of rain sequences.

Rates are (time, height, width) in mm/h, NaN for no data.
"""

import numpy as np
from numpy.typing import NDArray

from model_zoo.training.data.settings import Augmentation

Rates = NDArray[np.float32]

WET = 0.1
"""Rate in mm/h from which a cell is wet."""
HEAVIEST = 16.0
"""Largest factor of sequences that are made heavy; its logarithm is uniform."""
TRIES = 8
"""Random positions tried for a crop that is wet enough."""


def augment(rates: Rates, rng: np.random.Generator, settings: Augmentation) -> Rates:
    """Rotate, flip and rescale all frames of a sequence alike.

    Args:
        rates: (time, height, width) in mm/h, NaN for no data.
        rng: Random generator.
        settings: What is allowed. Fields that are not square are rotated by 180 degrees only.

    Returns:
        Of the same shape, height and width swapped for some rotations of squares.
    """
    turns, mirrored, factor = int(rng.integers(4)), rng.random() < 0.5, rng.uniform(-1, 1)
    if settings.rotate:
        square = rates.shape[1] == rates.shape[2]
        rates = np.rot90(rates, turns if square else 2 * (turns % 2), axes=(1, 2))
    if settings.flip and mirrored:
        rates = rates[:, :, ::-1]
    scale = (1 + settings.intensity) ** factor
    if settings.heavy and rng.random() < settings.heavy:
        scale *= HEAVIEST ** rng.random()
    # dry cells stay dry, and no data stays NaN
    return np.ascontiguousarray(rates * np.float32(scale))


def wet_share(rates: Rates) -> float:
    """Return the share of known cells with 0.1 mm/h or more; 0 if none is known."""
    known = np.count_nonzero(~np.isnan(rates))
    return float(np.count_nonzero(rates >= WET) / known) if known else 0.0


def known_share(rates: Rates) -> float:
    """Return the share of cells that are known."""
    return float(np.count_nonzero(~np.isnan(rates)) / rates.size)


def crop(rates: Rates, side: int, rng: np.random.Generator, least_wet: float) -> Rates:
    """Cut out a random square: the first of some positions that is wet enough, else the wettest.

    Wetness is relative to all cells of the square, so that squares outside of radar coverage are
    avoided. Smaller fields are padded by no data in the south and east.

    Args:
        rates: (time, height, width) in mm/h, NaN for no data.
        side: Of the square, in cells.
        rng: Random generator.
        least_wet: Share of wet cells that is enough.

    Returns:
        (time, side, side).
    """
    rates = pad(rates, (max(side, rates.shape[1]), max(side, rates.shape[2])))
    rows, columns = (size - side + 1 for size in rates.shape[1:])
    best, wettest = rates[:, :side, :side], -1.0
    for _ in range(TRIES):
        row, column = rng.integers(rows), rng.integers(columns)
        found = rates[:, row : row + side, column : column + side]
        share = wet_share(found) * known_share(found)
        if share > wettest:
            best, wettest = found, share
        if wettest >= least_wet:
            break
    return best


def pad(rates: Rates, shape: tuple[int, int]) -> Rates:
    """Pad a sequence by no data (NaN) in the south and east to `shape`, (rows, columns)."""
    rows, columns = (size - have for size, have in zip(shape, rates.shape[1:], strict=True))
    if not rows and not columns:
        return rates
    return np.pad(rates, ((0, 0), (0, rows), (0, columns)), constant_values=np.nan)


def pad_whole(rates: Rates, multiple: int) -> Rates:
    """Pad a sequence by no data (NaN) in the south and east to multiples of `multiple`."""
    rows, columns = (-(-size // multiple) * multiple for size in rates.shape[1:])
    return pad(rates, (rows, columns))
