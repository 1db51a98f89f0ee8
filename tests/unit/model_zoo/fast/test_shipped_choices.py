"""Where no cache can be written, the choice shipped for the kind of processor is used."""

import json
import logging
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from model_zoo import build
from model_zoo.fast import autotune, c_library, prebuilt
from model_zoo.fast.autotune import BF16, UNOPTIMISED, AutotunedNetwork
from model_zoo.fast.shipped_choices import table

AVAILABLE = ["fused, C kernels, 2 threads", "fused, C kernels, 1 threads", BF16, UNOPTIMISED]
KIND = "x86_64-v4"
TABLE = {KIND: {"2 to 4 threads": {"float32": "fused, C kernels, 1 threads"}}}


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        (prebuilt.AMX, "x86_64-amx"),
        (prebuilt.V4 | {"avx512_bf16"}, "x86_64-v4-bf16"),
        (prebuilt.V4, "x86_64-v4"),
        (prebuilt.V3, "x86_64-v3"),
        ({"sse2"}, "x86_64"),
    ],
)
def test_processors_are_told_apart_by_their_instructions(
    flags: set[str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert table.processor_kind("flags : " + " ".join(flags)) == kind


def test_the_choice_of_this_kind_of_processor_is_used() -> None:
    found = table.look_up(TABLE, KIND, 2, AVAILABLE, bf16=False)
    assert found.name == AVAILABLE[1]
    assert "shipped default for x86_64-v4, 2 to 4 threads; not measured here" in found.reason


@pytest.mark.parametrize(
    ("kind", "threads", "bf16"), [("riscv64", 2, False), (KIND, 64, False), (KIND, 2, True)]
)
def test_any_other_machine_takes_the_first_candidate(
    kind: str, threads: int, *, bf16: bool
) -> None:
    found = table.look_up(TABLE, kind, threads, AVAILABLE, bf16=bf16)
    assert found.name == AVAILABLE[0]
    assert "general default" in found.reason


def test_a_choice_that_is_not_available_here_is_not_used() -> None:
    assert table.look_up(TABLE, KIND, 2, ["fused", UNOPTIMISED], bf16=False).name == "fused"


@pytest.mark.parametrize("name", [*AVAILABLE, "fused"])
def test_a_written_choice_is_found_again(name: str) -> None:
    written = table.with_choice(TABLE, KIND, 2, name, bf16=False)
    assert table.look_up(written, KIND, 2, [UNOPTIMISED, name], bf16=False).name == name
    more = {"fused, C kernels, 2 threads": "fused, C kernels, 3 threads"}.get(name, name)
    assert table.look_up(written, KIND, 3, [UNOPTIMISED, more], bf16=False).name == more


def test_the_shipped_table_has_choices_of_known_form() -> None:
    threads = {thread_class for of_kind in table.read().values() for thread_class in of_kind}
    assert threads <= {name for _, name in table.THREAD_CLASSES} | {table.MORE_THREADS}
    assert table.read()


def measure_nothing(*_: object) -> str:
    raise AssertionError("measured though the result cannot be kept")


def forecast_log(caplog: pytest.LogCaptureFixture) -> str:
    """Forecast with a small network, compare with the network itself, and return the log."""
    caplog.set_level(logging.INFO)
    torch.manual_seed(1)
    network = build("ms-lstm", channels=4).eval()
    frames = torch.rand(1, 2, 1, 16, 16)
    found = AutotunedNetwork(network)(frames, 2)
    torch.testing.assert_close(found, autotune.unoptimised(network, frames, 2), rtol=0, atol=1e-4)
    return caplog.text


@pytest.fixture
def _fresh_kernels() -> Iterator[None]:
    c_library.load.cache_clear()
    yield
    c_library.load.cache_clear()


@pytest.mark.usefixtures("_fresh_kernels")
def test_nothing_is_measured_where_it_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "nowcast").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(autotune, "fastest", measure_nothing)
    assert "default" in forecast_log(caplog)


@pytest.mark.usefixtures("_fresh_kernels")
def test_nothing_is_measured_without_a_home_folder(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr(autotune, "fastest", measure_nothing)
    assert "default" in forecast_log(caplog)


def test_a_choice_in_a_cache_that_cannot_be_written_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(c_library, "folder", lambda: tmp_path)
    assert "measured now" in forecast_log(caplog)
    assert len(json.loads((tmp_path / autotune.CACHE_FILE).read_text())) == 1
    caplog.clear()
    monkeypatch.setattr(autotune, "writable_folder", lambda: None)
    monkeypatch.setattr(autotune, "fastest", measure_nothing)
    assert "measured here before" in forecast_log(caplog)
