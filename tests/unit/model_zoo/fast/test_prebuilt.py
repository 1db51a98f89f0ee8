"""C kernels compiled in advance are loaded where there is no compiler."""

import ctypes
import logging
import platform
import shutil
from pathlib import Path

import pytest

from model_zoo.fast import build_kernels, c_library, prebuilt

V3_FLAGS = "flags : " + " ".join(sorted(prebuilt.V3)) + " sse2"
V4_FLAGS = "flags : " + " ".join(sorted(prebuilt.V4)) + " sse2"


@pytest.fixture
def x86(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with empty libraries of every level, on an x86 machine."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    for level in prebuilt.LEVELS:
        prebuilt.path_of(level, tmp_path).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("processor", "name"), [(V3_FLAGS, "v3"), (V4_FLAGS, "v4"), (V4_FLAGS + " amx_tile", "v4")]
)
def test_the_highest_level_the_processor_has_is_found(x86: Path, processor: str, name: str) -> None:
    found = prebuilt.find(processor, x86)
    assert found is not None
    assert found.name == f"kernels-x86_64-{name}.so"


def test_an_old_processor_and_an_empty_folder_have_none(x86: Path, tmp_path: Path) -> None:
    assert prebuilt.find("flags : sse2 avx", x86) is None
    (tmp_path / "empty").mkdir()
    assert prebuilt.find(V4_FLAGS, tmp_path / "empty") is None


def test_a_machine_of_another_kind_takes_only_its_own(
    x86: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert prebuilt.find(V4_FLAGS, x86) is None


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs GCC")
def test_without_a_compiler_a_library_made_before_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    levels = [level for level in prebuilt.LEVELS if level.machine == prebuilt.machine()][-1:]
    [library] = build_kernels.build(tmp_path, levels)
    if not levels[0].needed <= set(c_library.processor().split()):
        pytest.skip(f"this processor lacks some of {sorted(levels[0].needed)}")
    monkeypatch.setattr(prebuilt, "FOLDER", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    c_library.load.cache_clear()
    try:
        with caplog.at_level(logging.INFO):
            kernels = c_library.load()
    finally:
        c_library.load.cache_clear()
    assert isinstance(kernels, ctypes.CDLL)
    assert kernels._name == str(library)
    assert "compiled in advance" in caplog.text


def test_without_a_compiler_there_is_nothing_to_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="install gcc"):
        build_kernels.build(tmp_path)
