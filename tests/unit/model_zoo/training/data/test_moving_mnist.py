"""Moving MNIST: what moves, how, and which digits."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from model_zoo.training.data.data_sets.moving_mnist import open_moving_mnist
from model_zoo.training.data.sample import Draw, Split
from model_zoo.training.data.settings import MovingMNIST
from model_zoo.training.errors import BadData
from tests.unit.model_zoo.training.conftest import idx_bytes

ONE = MovingMNIST(given=30, horizon=30, side=20, digits=1)


def test_training_and_test_digits_never_mix(digits: Path) -> None:
    seen: dict[Split, set[bytes]] = {}
    for split in Split:
        moving = open_moving_mnist(ONE, digits, split, seed=1)
        seen[split] = {digit.tobytes() for digit in moving.digits}
        frames = torch.cat([moving[Draw(0, n)].frames for n in range(20)]) * 255
        odd = set((frames[frames > 0].round() % 2).tolist())
        assert odd == ({0.0} if split is Split.TEST else {1.0})
    assert len(set.union(*seen.values())) == sum(map(len, seen.values())) == 96


def test_a_digit_moves_straight_and_bounces_off_the_edges(digits: Path) -> None:
    moving = open_moving_mnist(ONE, digits, Split.TRAIN, seed=3)
    for number in range(10):
        path = moving.path((6, 6), np.random.default_rng(number))
        assert path.min() >= -2
        assert path.max() <= 20 - 6 + 2
        speed = np.hypot(*np.diff(path, axis=0).T)
        assert 1.5 < np.median(speed) < 6.5, "2 to 6 pixels, but for rounding"
        assert (np.abs(np.diff(path, axis=0)) <= 7).all(), "no jump at a wall"
        frame = moving[Draw(0, number)].frames
        assert ((frame > 0).sum((1, 2, 3)) >= 16).all(), "two pixels a side are outside at most"


def test_samples_are_the_same_whenever_they_are_asked_for(digits: Path) -> None:
    fixed = open_moving_mnist(MovingMNIST(), digits, Split.TRAIN, seed=1)
    other = open_moving_mnist(MovingMNIST(), digits, Split.TRAIN, seed=2)
    first = fixed[Draw(0, 5)].frames
    assert first.shape == (20, 1, 64, 64)
    assert torch.equal(first, fixed[Draw(0, 5)].frames)
    assert torch.equal(first, fixed[Draw(7, 5)].frames)
    assert not torch.equal(first, fixed[Draw(0, 6)].frames)
    assert not torch.equal(first, other[Draw(0, 5)].frames)
    assert 0 <= first.min() < first.max() <= 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "idx file"),
        (b"\x00" * 30, "idx file"),
        (idx_bytes(np.ones((2, 6, 6), np.uint8))[:-1], "should have 88"),
        (gzip.compress(idx_bytes(np.ones((2, 6, 6), np.uint8)), mtime=0)[:-9], "damaged"),
        (idx_bytes(np.ones((2, 26, 26), np.uint8)), "do not fit"),
    ],
)
def test_damaged_files_are_told(digits: Path, data: bytes, message: str) -> None:
    (digits / "t10k-images-idx3-ubyte").write_bytes(data)
    with pytest.raises(BadData, match=message):
        open_moving_mnist(ONE, digits, Split.TEST, seed=1)


def test_missing_files_are_told(digits: Path) -> None:
    (digits / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(BadData, match="neither t10k-images-idx3-ubyte nor"):
        open_moving_mnist(ONE, digits, Split.TEST, seed=1)


def test_the_real_digits_move(shared: Path) -> None:
    for split, number in ((Split.TRAIN, 55_000), (Split.VALIDATION, 5_000), (Split.TEST, 10_000)):
        moving = open_moving_mnist(MovingMNIST(), shared / "data" / "mnist", split, seed=1)
        assert moving.digits.shape == (number, 28, 28)
        share = float((moving[Draw(0, 0)].frames > 0.5).float().mean())
        assert 0.01 < share < 0.12
