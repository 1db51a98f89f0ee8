"""The commands for training: what they say, and how they fail."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from model_zoo.checkpoints import checkpoint
from model_zoo.training.errors import BadData
from model_zoo.training.log import read_log
from service.cli.training import app
from tests.unit.model_zoo.training.data.test_germany import write_rydl
from tests.unit.model_zoo.training.data.test_rain import write_event

TOML = """
name = "small"
model = "ms-convlstm"
channels = 3
batch = 2
epochs = 1
[data]
source = "moving-mnist"
given = 3
horizon = 2
side = 16
train = 8
validation = 3
test = 4
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_train_and_evaluate_by_command(digits: Path, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(TOML)
    folder = tmp_path / "runs" / "one"
    result = run(
        "train",
        tmp_path / "small.toml",
        "--data",
        digits,
        "-o",
        folder,
        "--log-every",
        2,
        "--quiet",
    )
    assert result.exit_code == 0, result.output
    assert "best.safetensors" in result.output
    assert len(read_log(folder / "training.csv")) == 2
    assert checkpoint.load(folder / "best.safetensors").model == "ms-convlstm"
    result = run(
        "evaluate", folder / "best.safetensors", "moving-mnist", "--data", digits, "--quiet"
    )
    assert result.exit_code == 0, result.output
    assert "ms-convlstm on moving-mnist, test, 4 samples" in result.output
    wrong = run("evaluate", folder / "best.safetensors", "kth", "--split", "all")
    assert wrong.exit_code == 2
    assert "no split 'all'" in wrong.output


def test_look_at_data_sets_by_command(digits: Path, tmp_path: Path) -> None:
    assert "10500" in run("data", "moving-mnist", digits).output
    write_event(tmp_path, "one")
    assert "2020-01-01T00:00" in run("data", "corpus", tmp_path).output
    (tmp_path / "two.npz").write_bytes(b"PK")
    result = run("data", "corpus", tmp_path)
    assert result.exit_code == 1
    assert "skipped" in result.output
    write_rydl(tmp_path / "RYDL.hdf5", [0, 1])
    assert "2 frames from 2013-05-01T00:00" in run("data", "germany", tmp_path).output
    for command, fault in (("taxibj", "BJ13"), ("kth", "frames in a row")):
        failed = run("data", command, tmp_path)
        assert isinstance(failed.exception, BadData)
        assert fault in str(failed.exception)


def test_years_of_radar_are_prepared_by_command(tmp_path: Path) -> None:
    pytest.importorskip("zarr", reason="needs zarr: pip install nowcast[train]")
    pytest.importorskip("distributed", reason="needs distributed: pip install nowcast[train]")
    write_rydl(tmp_path / "RYDL.hdf5", [0, 1, 2])
    with h5py.File(tmp_path / "RYDL.hdf5", "r+") as file:
        file["201305010100"] = np.zeros((3, 3))
    result = run("data", "germany", tmp_path, tmp_path / "germany.zarr", "--workers", 1, "--quiet")
    assert result.exit_code == 0, result.output
    assert "is ready; 1 frames skipped" in result.output
    assert (
        "3 frames from 2013-05-01T00:00" in run("data", "germany", tmp_path / "germany.zarr").output
    )


def test_simulated_events_are_written_once_as_files_of_the_corpus(tmp_path: Path) -> None:
    arguments = ("data", "simulated", tmp_path, "--frames", 3, "--side", 16, "--quiet")
    assert run(*arguments, "--events", 1).exit_code == 0
    (first,) = tmp_path.iterdir()
    before = first.stat().st_mtime_ns
    assert run(*arguments, "--events", 2).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "sim-1-00000.npz",
        "sim-1-00001.npz",
    ]
    assert first.stat().st_mtime_ns == before
    with np.load(first) as written, np.load(tmp_path / "sim-1-00001.npz") as other:
        assert written["rate_x100"].shape == (3, 16, 16)
        assert not np.array_equal(written["rate_x100"], other["rate_x100"])
    assert "sim-1-00000" in run("data", "corpus", tmp_path).output


def test_simulated_events_can_be_of_scattered_showers(tmp_path: Path) -> None:
    size = ("--events", 3, "--frames", 2, "--side", 32, "--quiet")
    for folder, wet in (("dry", (0.01, 0.02)), ("wet", (0.3, 0.4))):
        assert run("data", "simulated", tmp_path / folder, *size, "--wet", *wet).exit_code == 0
    shares = [
        np.mean([np.mean(np.load(path)["rate_x100"] >= 10) for path in folder.iterdir()])
        for folder in (tmp_path / "dry", tmp_path / "wet")
    ]
    assert shares[0] < 0.1 < 0.15 < shares[1]
    refused = run("data", "simulated", tmp_path, *size, "--wet", 0.4, 0.1)
    assert refused.exit_code == 2
    assert "lowest" in refused.output
