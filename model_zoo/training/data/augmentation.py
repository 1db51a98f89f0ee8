"""Variations of a rain sequence that are rain sequences too."""

import numpy as np
from numpy.typing import NDArray

from model_zoo.training.data.settings import Augmentation

Rates = NDArray[np.float32]

WET = 0.1
"""mm/h from which a cell is wet."""
TRIES = 8
"""Places looked at for a crop that is wet enough."""


def augment(rates: Rates, rng: np.random.Generator, settings: Augmentation) -> Rates:
    """Turn, mirror and rescale all frames of a sequence alike.

    Args:
        rates: (time, height, width) in mm/h, NaN for no data.
        rng: Where chance comes from.
        settings: What may happen. Fields that are not square are only turned upside down.
    """
    turns, mirrored, factor = int(rng.integers(4)), rng.random() < 0.5, rng.uniform(-1, 1)
    if settings.rotate:
        square = rates.shape[1] == rates.shape[2]
        rates = np.rot90(rates, turns if square else 2 * (turns % 2), axes=(1, 2))
    if settings.flip and mirrored:
        rates = rates[:, :, ::-1]
    # where it is dry it stays dry, and no data stays no data
    return np.ascontiguousarray(rates * np.float32((1 + settings.intensity) ** factor))


def wet_share(rates: Rates) -> float:
    """Share of the known cells with 0.1 mm/h or more; 0 where nothing is known."""
    known = np.count_nonzero(~np.isnan(rates))
    return float(np.count_nonzero(rates >= WET) / known) if known else 0.0


def known_share(rates: Rates) -> float:
    """Share of the cells that are known."""
    return float(np.count_nonzero(~np.isnan(rates)) / rates.size)


def crop(rates: Rates, side: int, rng: np.random.Generator, least_wet: float) -> Rates:
    """A square of a sequence; of some random places the first that is wet enough, else the wettest.

    Wetness counts over all cells of the square, so that one beyond the radars' sight is passed by.
    Where the field is smaller than the square, no data is put south and east of it.
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
    """The sequence with no data south and east of it, up to rows and columns."""
    rows, columns = (size - have for size, have in zip(shape, rates.shape[1:], strict=True))
    if not rows and not columns:
        return rates
    return np.pad(rates, ((0, 0), (0, rows), (0, columns)), constant_values=np.nan)


def pad_whole(rates: Rates, multiple: int) -> Rates:
    """The sequence with no data south and east of it, up to multiples of rows and columns."""
    rows, columns = (-(-size // multiple) * multiple for size in rates.shape[1:])
    return pad(rates, (rows, columns))
