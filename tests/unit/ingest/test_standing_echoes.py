"""Echoes that stand still while rain moves are distinguished from rain, standing or not."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.standing_echoes import replaced, standing_cells, steady

Array = NDArray[np.float32]
AGES = np.arange(30.0, -1, -5)
SPEED = 0.32
"""Cells per minute, eastward: 19 km in half an hour on cells of 2 km, 48 km on those of 5 km."""


def rain(seed: int, wide: bool = False) -> Array:
    """(time, y, x): showers, or rain nearly everywhere, that move by `SPEED` and do not change."""
    noise = np.random.default_rng(seed).normal(size=(120, 160)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 6 if wide else 2.4)
    noise /= noise.std()
    field = np.maximum(noise + 1.5, 0) * 2 if wide else np.maximum(noise - 1.2, 0) * 8
    shifts = [np.array([[1, 0, 10 - SPEED * age], [0, 1, 0]], np.float32) for age in AGES]
    return np.stack([cv2.warpAffine(field, shift, (160, 120))[:, 20:140] for shift in shifts])


def motion(speed: float = SPEED) -> Array:
    moving = np.zeros((120, 120, 2), np.float32)
    moving[..., 0] = speed
    return moving


def place(shape: str) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:120, :120]
    shapes: dict[str, NDArray[np.bool_]] = {
        "cell": (rows == 60) & (columns == 60),
        "block": (abs(rows - 60) < 3) & (abs(columns - 60) < 3),
        "spoke": (abs(columns - 60) < 2) & (rows > 40) & (rows < 100),
        "slanting spoke": (abs(columns - rows) < 2) & (rows > 40) & (rows < 80),
    }
    return shapes[shape]


FLICKER = np.random.default_rng(5).uniform(0.7, 1.3, (len(AGES), 1, 1)).astype(np.float32)


@pytest.mark.parametrize("shape", ["cell", "block", "spoke", "slanting spoke"])
@pytest.mark.parametrize("rate", [15.0, 60.0])
@pytest.mark.parametrize("flicker", [np.float32(1), FLICKER], ids=["steady", "flickering"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_stands_amid_showers_that_move_is_found(
    shape: str, rate: float, flicker: Array, seed: int
) -> None:
    fields, cells = rain(seed), place(shape)
    fields = np.where(cells, rate * flicker, fields).astype(np.float32)
    found = standing_cells(fields, motion(), AGES)
    assert found[cells].mean() > 0.85
    assert not found[~cells].any()


@pytest.mark.parametrize("wide", [False, True], ids=["showers", "wide rain"])
@pytest.mark.parametrize("seed", range(5))
def test_rain_that_moves_does_not_stand(wide: bool, seed: int) -> None:
    assert standing_cells(rain(seed, wide), motion(), AGES).mean() < 1e-4


STILL: dict[str, Callable[[], tuple[Array, Array]]] = {
    "nothing moves": lambda: (np.repeat(rain(1)[-1:], len(AGES), 0), motion(0)),
    "hardly moves": lambda: (np.repeat(rain(1)[-1:], len(AGES), 0), motion(0.05)),
    "uniform": lambda: (np.full((len(AGES), 120, 120), 2, np.float32), motion()),
    "dry": lambda: (np.zeros((len(AGES), 120, 120), np.float32), motion()),
    "no data": lambda: (np.full((len(AGES), 120, 120), np.nan, np.float32), motion()),
}


@pytest.mark.parametrize("name", STILL)
def test_nothing_stands_where_no_rain_moves_from_it(name: str) -> None:
    assert not standing_cells(*STILL[name](), AGES).any()


def test_an_echo_that_was_not_there_all_the_time_does_not_stand() -> None:
    fields, cells = rain(1), place("block")
    fields[3:, cells] = 30
    assert not standing_cells(fields, motion(), AGES)[cells].any()


def test_three_frames_tell_nothing() -> None:
    fields = np.where(place("block"), np.float32(30), rain(1))
    assert not standing_cells(fields[-3:], motion(), AGES[-3:]).any()
    assert steady(fields[-3:])[place("block")].all()


def test_cells_take_the_mean_of_what_lies_around_and_no_data_stays() -> None:
    field = np.full((50, 50), 2, np.float32)
    field[20:24, 20:24], field[:5] = 40, np.nan
    cells = field > 30
    filled = replaced(field, cells)
    np.testing.assert_allclose(filled[5:], 2, rtol=1e-5)
    assert np.isnan(filled[:5]).all()
    np.testing.assert_array_equal(replaced(field, np.zeros_like(cells)), field)
