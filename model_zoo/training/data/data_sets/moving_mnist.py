"""Moving MNIST: handwritten digits that move in straight lines and bounce off the edges.

Srivastava et al. (2015), https://arxiv.org/abs/1502.04681, with the numbers of the MS-RNN papers:
speeds of 2 to 6 pixels a frame in any direction, digits that extend over the edge by 2 pixels
when they bounce. Deviations from the code published with those: digits of training and test differ,
as in the paper; sequences are neither flipped nor rotated.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_zoo.training.data.sample import Draw, Sample, Sequences, Split, known, rng_of
from model_zoo.training.data.settings import MovingMNIST
from model_zoo.training.errors import BadData

FILES = {Split.TRAIN: "train-images-idx3-ubyte", Split.TEST: "t10k-images-idx3-ubyte"}
MAGIC = 0x00000803
"""Magic number of idx files of bytes in three dimensions, http://yann.lecun.com/exdb/mnist/."""
SPEEDS = 2.0, 6.0
"""Range of the speed of a digit, in pixels per frame."""
OVERHANG = 2
"""Pixels of a digit outside the frame when it bounces."""
HELD_BACK = 12
"""Every 12th digit of the training file is for validation."""


class MovingDigits(Sequences):
    """Sequences (time, 1, side, side), made on access, the same in every epoch."""

    def __init__(
        self, digits: NDArray[np.uint8], settings: MovingMNIST, split: Split, seed: int
    ) -> None:
        """Make sequences of `digits` (digit, height, width)."""
        self.digits = digits
        self.settings = settings
        self.split = split
        self.seed = seed

    def __len__(self) -> int:
        lengths = (self.settings.train, self.settings.validation, self.settings.test)
        return lengths[self.split]

    def __getitem__(self, draw: Draw) -> Sample:
        rng = rng_of(self.seed, self.split, Draw(0, draw.index))
        canvas = np.zeros((self.settings.frames, self.settings.side, self.settings.side), np.uint16)
        for _ in range(self.settings.digits):
            digit = self.digits[rng.integers(len(self.digits))]
            for frame, (row, column) in zip(canvas, self.path(digit.shape, rng), strict=True):
                paste(frame, digit, int(row), int(column))
        return known((canvas.clip(max=255) / 255).astype(np.float32))

    def path(self, digit: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw row and column of the corner of a digit over time, (time, 2)."""
        low = -OVERHANG
        room = self.settings.side - np.array(digit) - 2 * low
        angle = rng.uniform(0, 2 * np.pi)
        speed = rng.uniform(*SPEEDS)
        step = speed * np.array([np.sin(angle), np.cos(angle)])
        straight = rng.uniform(0, room) + step * np.arange(self.settings.frames)[:, None]
        # a straight line folded at the walls is a path that bounces off them
        folded = room - np.abs(straight % (2 * room) - room)
        corners: NDArray[np.int64] = np.rint(low + folded).astype(np.int64)
        return corners


def paste(frame: NDArray[np.uint16], digit: NDArray[np.uint8], row: int, column: int) -> None:
    """Add a digit (height, width) to a frame (side, side), clipped at the edges."""
    top, left = max(row, 0), max(column, 0)
    inside = digit[top - row : len(frame) - row, left - column : frame.shape[1] - column]
    frame[top : top + inside.shape[0], left : left + inside.shape[1]] += inside


def open_moving_mnist(settings: MovingMNIST, folder: Path, split: Split, seed: int) -> MovingDigits:
    """Open moving digits of a folder of idx files, plain or compressed by gzip.

    Raises:
        BadData: A file is missing or damaged, or the digits do not fit the frame.
    """
    digits = read_idx(find_idx(folder, FILES[Split.TEST if split is Split.TEST else Split.TRAIN]))
    if split is not Split.TEST:
        held_back = np.arange(len(digits)) % HELD_BACK == HELD_BACK - 1
        digits = digits[held_back if split is Split.VALIDATION else ~held_back]
    if max(digits.shape[1:]) > settings.side:
        raise BadData(
            f"digits of {digits.shape[1]} x {digits.shape[2]} pixels do not fit a frame of "
            f"{settings.side}; make `side` larger"
        )
    return MovingDigits(digits, settings, split, seed)


def find_idx(folder: Path, name: str) -> Path:
    """Find an idx file, plain or compressed.

    Raises:
        BadData: There is none.
    """
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise BadData(f"{folder} has neither {name} nor {name}.gz; put the files of MNIST there")


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Images (image, height, width) of an idx file.

    Raises:
        BadData: It is damaged, or of something else.
    """
    data = path.read_bytes()
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise BadData(f"{path} is damaged ({error}); fetch it again") from error
    header = np.frombuffer(data[:16], ">u4")
    if len(header) < 4 or header[0] != MAGIC:
        raise BadData(f"{path} does not begin as an idx file of images does, with {MAGIC:#010x}")
    number, height, width = (int(size) for size in header[1:])
    if len(data) != 16 + number * height * width or not number:
        raise BadData(
            f"{path} has {len(data)} bytes, should have {16 + number * height * width} for "
            f"{number} images of {height} x {width}; fetch it again"
        )
    return np.frombuffer(data, np.uint8, offset=16).reshape(number, height, width)
