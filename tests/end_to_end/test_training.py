"""Training by its command: killed at random steps, and on two devices."""

import csv
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from model_zoo.checkpoints import checkpoint

ROOT = Path(__file__).parents[2]
KILLS = 3
SEED = 4
STEPS, EVERY = 60, 20
"""Steps of a run, and between validations."""
KILLED_BEFORE = STEPS // 2
"""So that a kill is in time where this process has to wait for a processor."""
EXPERIMENT = f"""
name = "tiny"
model = "ms-predrnn"
channels = 3
batch = 4
steps = {STEPS}
ema = 0.9
validate_every = {EVERY}
optimiser.schedule = "cosine"
optimiser.warm_up = 3
optimiser.clip = 50.0

[data]
source = "moving-mnist"
given = 3
horizon = 2
side = 16
train = 24
validation = 7
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment, and digits of 6 x 6 pixels for it."""
    folder: Path = tmp_path_factory.mktemp("training")
    (folder / "tiny.toml").write_text(EXPERIMENT)
    images = np.random.default_rng(0).integers(0, 256, (60, 6, 6)).astype(np.uint8)
    idx = np.array([0x803, *images.shape], ">u4").tobytes() + images.tobytes()
    for name in ("train", "t10k"):
        (folder / f"{name}-images-idx3-ubyte").write_bytes(idx)
    return folder


def command(files: Path, folder: Path) -> list[str]:
    arguments = ["train", str(files / "tiny.toml"), "--data", str(files), "-o", str(folder)]
    often = ["--log-every", "1", "--save-every", "4", "--device", "cpu", "--quiet"]
    return ["-m", "service.cli", *arguments, *often]


def start(arguments: list[str], **environment: str) -> subprocess.Popen[bytes]:
    variables = os.environ | {"OMP_NUM_THREADS": "1"} | environment
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=variables, stderr=subprocess.PIPE
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    _, complaints = process.communicate(timeout=550)
    assert process.returncode == 0, complaints.decode()


def rows(path: Path) -> list[dict[str, float]]:
    """Rows of a log without how fast they came."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        found = [row for row in csv.DictReader(file) if None not in row.values()]
    return [{k: float(v) for k, v in r.items() if k != "samples_per_second"} for r in found]


@pytest.fixture(scope="module")
def unbroken(files: Path) -> Path:
    """The folder of a run that nothing happened to."""
    folder = files / "unbroken"
    finish(start(command(files, folder)))
    assert len(rows(folder / "training.csv")) == STEPS
    return folder


def test_killed_at_random_steps_it_ends_bit_for_bit_where_it_would_have(
    files: Path, unbroken: Path
) -> None:
    folder, moments = files / "killed", random.Random(SEED)
    log, steps = folder / "training.csv", sorted(moments.sample(range(2, KILLED_BEFORE), KILLS))
    for step in steps:
        process = start(command(files, folder))
        while len(rows(log)) < step:
            assert process.poll() is None, "it should be killed before it ends"
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=550)
        assert not (folder / "last.safetensors").exists()
    finish(start(command(files, folder)))
    assert rows(log) == rows(unbroken / "training.csv")
    assert rows(folder / "validation.csv") == rows(unbroken / "validation.csv")
    for name in ("last", "best"):
        killed, whole = (
            checkpoint.load(run / f"{name}.safetensors").network.state_dict()
            for run in (folder, unbroken)
        )
        assert all(torch.equal(killed[key], whole[key]) for key in whole), name


def test_two_devices_learn_as_one_does_with_their_batches_together(
    files: Path, unbroken: Path
) -> None:
    folder = files / "two"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    # as torchrun would start them
    both = [
        start(
            command(files, folder),
            **address,
            WORLD_SIZE="2",
            RANK=rank,
            LOCAL_RANK=rank,
        )
        for rank in "01"
    ]
    for process in both:
        finish(process)
    for name, number in (("training", STEPS), ("validation", STEPS // EVERY)):
        of_single, of_both = (rows(run / f"{name}.csv") for run in (unbroken, folder))
        assert len(of_single) == len(of_both) == number
        for single, double in zip(of_single, of_both, strict=True):
            for column in single:
                assert double[column] == pytest.approx(single[column], rel=1e-6, nan_ok=True)


def test_a_trained_network_is_scored_beside_the_paper(files: Path, unbroken: Path) -> None:
    arguments = [
        "evaluate",
        str(unbroken / "best.safetensors"),
        "moving-mnist",
        "--data",
        str(files),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", *arguments, "--samples", "4", "--quiet"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=550,
    )
    assert "SSIM" in done.stdout
    assert "ours, all frames, as the paper" in done.stdout
    assert "5, +2" in done.stdout
