"""Made-up events and untrained networks, for the benchmarks of skill."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model_zoo.checkpoints import checkpoint
from model_zoo.exceedance import THRESHOLDS
from model_zoo.zoo import build

SIDE = 40
CADENCE = np.timedelta64(15, "m")
NOON = np.datetime64("2020-05-01T12:00", "s")


def showers(frames: int, seed: int, drift: float = 2.0) -> NDArray[np.float32]:
    """Rain (time, y, x) in mm/h that drifts to the east by so many cells a frame."""
    rng = np.random.default_rng(seed)
    x = y = np.arange(float(SIDE))
    rate = np.zeros((frames, SIDE, SIDE), np.float32)
    for _ in range(25):
        column, row = rng.uniform(-drift * frames, SIDE), rng.uniform(0, SIDE)
        width, peak = rng.uniform(1.5, 5), rng.uniform(1, 12)
        for number in range(frames):
            across = np.exp(-0.5 * ((x - column - drift * number) / width) ** 2)
            rate[number] += peak * np.outer(np.exp(-0.5 * ((y - row) / width) ** 2), across)
    return rate


def write_event(folder: Path, name: str, rate: NDArray[np.floating]) -> None:
    """An event as a file of the corpus, a frame every 15 minutes from noon, NaN for no data."""
    stored = np.where(np.isnan(rate), 65535, np.rint(100 * np.nan_to_num(rate))).astype(np.uint16)
    times = NOON + CADENCE * np.arange(len(rate))
    path = folder / "data" / "corpus" / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, rate_x100=stored, time=times, km=5.0)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the shared one, with two events of seven hours and one of one hour."""
    folder = tmp_path_factory.mktemp("made")
    write_event(folder, "early", showers(29, seed=1))
    late = showers(29, seed=2)
    late[:, :6] = np.nan
    write_event(folder, "late", late)
    write_event(folder, "short", showers(5, seed=3))
    return folder


@pytest.fixture
def weights(tmp_path: Path) -> Callable[..., Path]:
    """Writes untrained networks that tell probabilities, and returns their files; a lively one says
    more than its first guess."""

    def write(
        name: str = "ms-convlstm", seed: int = 0, *, lively: bool = False, **known: Any
    ) -> Path:
        torch.manual_seed(seed)
        path = tmp_path / f"{name}.safetensors"
        about = {"experiment": {}, "provenance": {}, **known}
        network = build("ms-convlstm", channels=4, exceedances=len(THRESHOLDS))
        if lively:
            torch.nn.init.normal_(network.head.weight)
        checkpoint.save(
            path,
            network,
            model="ms-convlstm",
            channels=4,
            scale="rate",
            view="moving",
            thresholds=THRESHOLDS,
            **about,
        )
        return path

    return write
