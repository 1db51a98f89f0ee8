"""Checkpoints: whole, honest, and refused when they are not."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from model_zoo import MODELS, Nowcaster, build
from model_zoo.checkpoints import checkpoint
from model_zoo.errors import BadCheckpoint, NoWeights, UnknownModel, UnknownScale

CARD: dict[str, Any] = {
    "model": "ms-lstm",
    "channels": 4,
    "scale": "reflectivity",
    "experiment": {"learning_rate": 3e-4, "events": ["a", "b"]},
    "provenance": {"revision": "0123abc"},
}


@pytest.fixture
def network() -> Nowcaster:
    torch.manual_seed(0)
    return build("ms-lstm", channels=4)


@pytest.fixture
def file(tmp_path: Path, network: Nowcaster) -> Path:
    path = tmp_path / "network.safetensors"
    checkpoint.save(path, network, **CARD)
    return path


def test_gives_back_what_was_saved(file: Path) -> None:
    loaded = checkpoint.load(file)
    assert {key: getattr(loaded, key) for key in CARD} == CARD
    assert loaded.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert not loaded.network.training


@pytest.mark.parametrize("name", MODELS)
def test_every_model_forecasts_the_same_after_saving_and_loading(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build(name, channels=4)
    checkpoint.save(tmp_path / "x", network, **{**CARD, "model": name})
    loaded = checkpoint.load(tmp_path / "x").network
    frames = torch.rand(1, 2, 1, 16, 16)
    with torch.no_grad():
        assert torch.equal(loaded(frames).frames, network.eval()(frames).frames)
    assert sum(p.numel() for p in loaded.parameters()) == sum(
        p.numel() for p in network.parameters()
    )


def test_keeps_levels_other_than_the_models_own(tmp_path: Path) -> None:
    network = build("ms-convlstm", channels=4, levels=(0, 1, 2, 3, 3, 2, 1, 0))
    checkpoint.save(tmp_path / "x", network, **{**CARD, "model": "ms-convlstm"})
    assert checkpoint.load(tmp_path / "x").network.stack.levels == (0, 1, 2, 3, 3, 2, 1, 0)


def test_keeps_the_precision_of_the_weights(tmp_path: Path, network: Nowcaster) -> None:
    checkpoint.save(tmp_path / "x", network.double(), **CARD)
    assert checkpoint.load(tmp_path / "x").network.head.weight.dtype == torch.float64


def test_loading_leaves_the_random_generator_alone(file: Path) -> None:
    before = torch.get_rng_state()
    checkpoint.load(file)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_missing_file_says_how_to_get_weights(tmp_path: Path) -> None:
    with pytest.raises(NoWeights, match=r"no checkpoint can be read at .*gone.*nowcast train"):
        checkpoint.load(tmp_path / "gone")


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 9, 100, 5000, -1])
def test_a_truncated_file_is_refused(file: Path, kept: int) -> None:
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(BadCheckpoint, match="not a whole safetensors file"):
        checkpoint.load(file)


def test_a_pickle_is_refused_and_never_run(file: Path, network: Nowcaster) -> None:
    torch.save(network.state_dict(), file)
    with pytest.raises(BadCheckpoint, match="nowcast convert"):
        checkpoint.load(file)


@pytest.mark.parametrize("metadata", [None, {"nowcast": "{"}, {"nowcast": "[]"}, {"other": "x"}])
def test_a_foreign_safetensors_file_is_refused(
    file: Path, network: Nowcaster, metadata: dict[str, str] | None
) -> None:
    arrays = {"a": torch.zeros(3)}
    safetensors.torch.save_file(arrays, file, metadata)
    with pytest.raises(BadCheckpoint, match="without the metadata of a checkpoint"):
        checkpoint.load(file)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 99}, "metadata of format 99"),
        ({"model": "unet"}, "cannot be built here: no model 'unet'"),
        ({"scale": "log"}, "cannot be built here: no intensity scale 'log'"),
        ({"channels": "many"}, "cannot be built here"),
        ({"channels": -4}, "cannot be built here"),
        ({"levels": [0, 1, 2]}, "cannot be built here"),
        ({"channels": 8}, r"embed.weight is \(4, 1, 1, 1\), not \(8, 1, 1, 1\)"),
        ({"model": "convlstm"}, "stack.cells.0.gates.convs.0.weight is missing"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    file: Path, change: dict[str, Any], reason: str
) -> None:
    rewrite(file, change)
    with pytest.raises(BadCheckpoint, match=reason):
        checkpoint.load(file)


def test_weights_that_are_not_numbers_are_refused(file: Path, network: Nowcaster) -> None:
    with torch.no_grad():
        network.head.weight[0, 0] = torch.nan
    with pytest.raises(BadCheckpoint, match=r"head\.weight is not finite"):
        checkpoint.save(file, network, **CARD)


def test_a_network_that_could_not_be_loaded_again_is_not_saved(
    tmp_path: Path, network: Nowcaster
) -> None:
    path = tmp_path / "x"
    with pytest.raises(BadCheckpoint, match=r"embed\.weight"):
        checkpoint.save(path, network, **{**CARD, "channels": 5})
    with pytest.raises(UnknownModel):
        checkpoint.save(path, network, **{**CARD, "model": "unet"})
    with pytest.raises(UnknownScale):
        checkpoint.save(path, network, **{**CARD, "scale": "log"})
    with pytest.raises(ValueError, match="not JSON compliant"):
        checkpoint.save(path, network, **{**CARD, "experiment": {"loss": float("nan")}})
    assert list(tmp_path.iterdir()) == []


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(
    file: Path, network: Nowcaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(file, network, **{**CARD, "provenance": {}})
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_whoever_reads_while_it_is_saved_reads_a_whole_file(file: Path, network: Nowcaster) -> None:
    before = file.read_bytes()
    with file.open("rb") as reader:
        half = reader.read(len(before) // 2)
        checkpoint.save(file, network, **{**CARD, "provenance": {}})
        assert half + reader.read() == before
    assert file.read_bytes() != before


def rewrite(file: Path, change: dict[str, Any]) -> None:
    """Change the metadata of a checkpoint and leave its arrays."""
    data = file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    card = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["nowcast"])
    metadata = {"nowcast": json.dumps({**card, **change})}
    safetensors.torch.save_file(safetensors.torch.load(data), file, metadata)
