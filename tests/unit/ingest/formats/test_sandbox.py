"""Files are parsed by a process of its own, whose end is reported as that of a bad file."""

import json
import resource
from pathlib import Path

import numpy as np
import pytest

from ingest import BadField, NotRead
from ingest.formats import sandbox, sandbox_worker
from ingest.formats.sandbox import parse_untrusted
from tests.unit.ingest.formats.test_radar_file import de1200_counts, odim


def test_several_files_come_back_in_their_order() -> None:
    first, second = parse_untrusted("odim", odim(), odim(prodname="RV"))
    names = [about["attributes"]["dataset1/what"]["prodname"] for about, _ in (first, second)]
    assert names == ["RY", "RV"]
    for _, packed in (first, second):
        np.testing.assert_array_equal(packed, de1200_counts())
        assert packed.dtype == np.uint32


def test_one_bad_file_is_told_by_its_size() -> None:
    with pytest.raises(BadField, match=r"odim of 9 bytes cannot be read to its end \(OSError"):
        parse_untrusted("odim", odim(), b"\x89HDF\r\n\x1a\n.")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import os; os.abort()", r"netcdf of 4 bytes takes its reader down \(status -6\)"),
        (
            "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 2))\nwhile True: pass",
            "netcdf of 4 bytes takes over 10 s of processor to read",
        ),
        ("import sys; sys.exit(3)", "takes its reader down"),
    ],
)
def test_a_reader_that_dies_or_does_not_end_is_a_bad_file(
    program: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = tmp_path / "reader.py"
    reader.write_text(program)
    monkeypatch.setattr(sandbox, "READER", reader)
    monkeypatch.setattr(sandbox, "READ_SECONDS", 500)  # however busy the machine is
    with pytest.raises(BadField, match=message):
        parse_untrusted("netcdf", b"file")


@pytest.mark.parametrize(
    ("program", "seconds", "message"),
    [
        ("import time; time.sleep(600)", 1, "the machine is busy; try again"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 500, "see to the memory"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGINT)", 500, "was ended; read it again"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 500, "was ended"),
    ],
)
def test_a_file_that_the_machine_has_no_time_or_memory_for_is_not_called_bad(
    program: str, seconds: float, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = tmp_path / "reader.py"
    reader.write_text(program)
    monkeypatch.setattr(sandbox, "READER", reader)
    monkeypatch.setattr(sandbox, "READ_SECONDS", seconds)
    with pytest.raises(NotRead, match=message):
        parse_untrusted("netcdf", b"file")


def test_a_reader_that_never_ends_is_stopped_by_its_own_limit() -> None:
    soft, hard = sandbox_worker.LIMITS[resource.RLIMIT_CPU]
    assert soft < hard < sandbox.READ_SECONDS


def test_ctrl_c_does_not_reach_the_reader_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = tmp_path / "reader.py"
    reader.write_text("import os, sys; sys.exit(0 if os.getsid(0) == os.getpid() else 1)")
    monkeypatch.setattr(sandbox, "READER", reader)
    with pytest.raises(json.JSONDecodeError):  # it ended well, and wrote nothing
        parse_untrusted("netcdf", b"file")
