"""Checkpoints of published networks into ours, and refused with the reason where that cannot be."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from model_zoo.checkpoints import checkpoint, convert
from model_zoo.checkpoints.arrays import arrays_of
from model_zoo.checkpoints.published_networks import PUBLISHED, REFUSED
from model_zoo.errors import BadCheckpoint, NotConvertible, UnknownScale
from model_zoo.zoo import build

Arrays = dict[str, Tensor]


def published(name: str, channels: int = 4) -> Arrays:
    """Random weights by the names of a published network, those that it drops left out."""
    torch.manual_seed(0)
    places = convert.match(PUBLISHED[name], build(PUBLISHED[name].model, channels=channels))
    return {theirs: torch.rand(place.whole().shape) for theirs, place in places.items()}


@pytest.fixture
def arrays() -> Arrays:
    return published("MS-LSTM")


@pytest.mark.parametrize("name", PUBLISHED)
def test_takes_the_weights_of_every_known_network(name: str) -> None:
    arrays = published(name, channels=8)
    network = convert.load(name, arrays)
    ours = arrays_of(network)
    places = convert.match(PUBLISHED[name], network)
    assert {place.name for place in places.values()} == ours.keys()
    for theirs, place in places.items():
        assert torch.equal(ours[place.name], place.part(arrays[theirs]))


def test_the_gate_that_mim_gave_up_is_left_behind() -> None:
    arrays = published("MIM")
    gate = torch.arange(16.0)  # four channels of each of i, f, g, o
    arrays["rnns.lstm.1._conv_x2h.bias"] = gate
    bias = dict(convert.load("MIM", arrays).named_parameters())["stack.cells.1.gates.convs.0.bias"]
    assert torch.equal(bias, torch.cat([gate[:4], gate[8:]]))


@pytest.mark.parametrize(
    ("name", "dropped"),
    [
        ("PredRNN++", "rnns.lstm.0._conv_z.weight"),
        ("MIM", "rnns.lstm.0._conv_s2o.bias"),
        ("MotionRNN_fixed", "rnns.lstm.5._deconv_dec.weight"),
    ],
)
def test_arrays_whose_results_are_dropped_are_neither_needed_nor_refused(
    name: str, dropped: str
) -> None:
    arrays = published(name)
    without = convert.load(name, arrays)
    arrays[dropped] = torch.full((3,), torch.nan)
    frames = torch.rand(1, 2, 1, 16, 16)
    with torch.no_grad():
        assert torch.equal(convert.load(name, arrays)(frames).frames, without(frames).frames)


@pytest.mark.parametrize("name", REFUSED)
def test_a_network_that_ours_cannot_reproduce_is_refused_with_the_reason(
    name: str, arrays: Arrays
) -> None:
    with pytest.raises(NotConvertible, match=f"'{name}' cannot be converted: .*again"):
        convert.load(name, arrays)


def test_takes_numpy_arrays_even_where_they_cannot_be_written_to(arrays: Arrays) -> None:
    numbers = {name: array.numpy() for name, array in arrays.items()}
    for array in numbers.values():
        array.setflags(write=False)
    assert torch.equal(convert.load("MS-LSTM", numbers).head.weight, arrays["fc.conv_fc.weight"])


def test_width_and_precision_are_those_of_the_arrays(arrays: Arrays) -> None:
    network = convert.load("MS-LSTM", {name: array.double() for name, array in arrays.items()})
    assert network.embed.weight.shape == (4, 1, 1, 1)
    assert {p.dtype for p in network.parameters()} == {torch.float64}


def test_an_unknown_network_is_refused_with_the_known_ones(arrays: Arrays) -> None:
    with pytest.raises(NotConvertible, match=r"no published network 'U-Net' .*only ConvLSTM, MS-"):
        convert.load("U-Net", arrays)


def test_missing_unexpected_and_misshapen_arrays_are_all_named(arrays: Arrays) -> None:
    del arrays["rnns.lstm.2._conv_out.bias"]
    arrays["rnns.lstm.6._conv_out.bias"] = torch.zeros(4)
    arrays["rnns.lstm.0._conv_c2o_5.weight"] = torch.zeros(4, 4, 3, 3)
    with pytest.raises(BadCheckpoint) as caught:
        convert.load("MS-LSTM", arrays)
    for fault in [
        "rnns.lstm.2._conv_out.bias is missing",
        "rnns.lstm.6._conv_out.bias is unexpected",
        "rnns.lstm.0._conv_c2o_5.weight is (4, 4, 3, 3), not (4, 4, 5, 5)",
    ]:
        assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda arrays: arrays.clear(), "have no 'embed.conv_embed.weight'.*only nothing"),
        (lambda arrays: arrays["fc.conv_fc.bias"].fill_(torch.inf), "fc.conv_fc.bias is not fin"),
        (lambda arrays: arrays.update({"fc.conv_fc.bias": torch.ones(1).int()}), "torch.int32"),
        (lambda arrays: arrays.update({"fc.conv_fc.bias": torch.ones(1).half()}), "torch.float16"),
        (
            lambda arrays: arrays.update({"fc.conv_fc.bias": np.array(["x"])}),
            "not an array of numbers",
        ),
    ],
)
def test_arrays_that_are_no_weights_are_refused(
    arrays: Arrays, change: Callable[[Arrays], None], reason: str
) -> None:
    change(arrays)
    with pytest.raises(BadCheckpoint, match=reason):
        convert.load("MS-LSTM", arrays)


@pytest.mark.parametrize("nest", [(), ("state_dict",), ("net_param",), ("model", "state_dict")])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_converts_a_file_that_torch_saved(
    tmp_path: Path, arrays: Arrays, nest: tuple[str, ...], prefix: str
) -> None:
    found: dict[str, object] = {f"{prefix}{name}": array for name, array in arrays.items()}
    for key in nest:
        found = {key: found, "epoch": 20}
    torch.save(found, tmp_path / "theirs.pth")
    check_conversion(tmp_path / "theirs.pth", arrays)


@pytest.mark.parametrize("prefix", ["", "w/"])
def test_converts_a_file_that_numpy_saved(tmp_path: Path, arrays: Arrays, prefix: str) -> None:
    numbers = {f"{prefix}{name}": array.numpy() for name, array in arrays.items()}
    beside = {"loss": np.zeros(())} if prefix else {}
    np.savez(tmp_path / "theirs.npz", **numbers, **beside)  # type: ignore[arg-type]
    check_conversion(tmp_path / "theirs.npz", arrays)


def test_converts_a_safetensors_file(tmp_path: Path, arrays: Arrays) -> None:
    safetensors.torch.save_file(arrays, tmp_path / "theirs.safetensors")
    check_conversion(tmp_path / "theirs.safetensors", arrays)


def check_conversion(source: Path, arrays: Arrays) -> None:
    convert.convert(source, "MS-LSTM", source.with_name("ours"))
    loaded = checkpoint.load(source.with_name("ours"))
    assert (loaded.model, loaded.channels, loaded.scale) == ("ms-lstm", 4, "reflectivity")
    assert loaded.provenance["published_network"] == "MS-LSTM"
    assert loaded.provenance["converted_from"] == source.name
    frames = torch.rand(1, 2, 1, 16, 16)
    with torch.no_grad():
        wanted = convert.load("MS-LSTM", arrays)(frames).frames
        assert torch.equal(loaded.network(frames).frames, wanted)


class Trap:
    """Leaves a file behind if it is ever unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.file,)


def test_code_in_a_checkpoint_is_never_run(tmp_path: Path) -> None:
    torch.save({"state_dict": Trap(tmp_path / "sprung")}, tmp_path / "theirs.pth")
    with pytest.raises(BadCheckpoint, match="cannot be read as a checkpoint"):
        convert.convert(tmp_path / "theirs.pth", "MS-LSTM", tmp_path / "ours")
    assert [path.name for path in tmp_path.iterdir()] == ["theirs.pth"]


@pytest.mark.parametrize("suffix", ["pth", "npz", "safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b"\x80\x02}q\x00.", b"x" * 100])
def test_a_file_that_is_no_checkpoint_is_refused(
    tmp_path: Path, suffix: str, content: bytes | None
) -> None:
    source = tmp_path / f"theirs.{suffix}"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(BadCheckpoint):
        convert.convert(source, "MS-LSTM", tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


def test_an_unknown_scale_is_refused_before_anything_is_written(
    tmp_path: Path, arrays: Arrays
) -> None:
    torch.save(arrays, tmp_path / "theirs.pth")
    with pytest.raises(UnknownScale):
        convert.convert(tmp_path / "theirs.pth", "MS-LSTM", tmp_path / "ours", scale="log")
    assert not (tmp_path / "ours").exists()
