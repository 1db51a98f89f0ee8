"""Small experiments and data sets that the tests of training share."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_zoo.training.experiment import Experiment


def idx_bytes(images: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """An idx file of images (image, height, width)."""
    return np.array([0x803, *images.shape], ">u4").tobytes() + images.tobytes()


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A folder like MNIST's: training digits have odd grey values, test digits even ones."""
    folder = tmp_path / "digits"
    folder.mkdir()
    rng = np.random.default_rng(0)
    shape = (48, 6, 6)
    train = rng.integers(50, 120, shape).astype(np.uint8) * 2 + 1
    test = rng.integers(50, 120, shape).astype(np.uint8) * 2
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(train)))
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(test))
    return folder


def tiny(**changes: Any) -> Experiment:
    """An experiment of seconds: 12 steps of 2 samples, 16 x 16 pixels, a network of 3 channels."""
    settings: dict[str, Any] = {
        "name": "tiny",
        "model": "ms-convlstm",
        "channels": 3,
        "batch": 2,
        "epochs": 2,
        "data": {
            "source": "moving-mnist",
            "given": 3,
            "horizon": 2,
            "side": 16,
            "train": 12,
            "validation": 5,
            "test": 4,
        },
    }
    return Experiment.model_validate(settings | changes)
