"""Files are unfolded by a process of its own, and what becomes of that is told as of a bad file."""

from pathlib import Path

import numpy as np
import pytest

from ingest import BadField, sealed
from ingest.sealed import unfold
from tests.unit.ingest.test_file import de1200_counts, odim


def test_several_files_come_back_in_their_order() -> None:
    first, second = unfold("odim", odim(), odim(prodname="RV"))
    names = [about["attributes"]["dataset1/what"]["prodname"] for about, _ in (first, second)]
    assert names == ["RY", "RV"]
    for _, packed in (first, second):
        np.testing.assert_array_equal(packed, de1200_counts())
        assert packed.dtype == np.uint32


def test_one_bad_file_is_told_by_its_size() -> None:
    with pytest.raises(BadField, match=r"odim of 9 bytes cannot be read to its end \(OSError"):
        unfold("odim", odim(), b"\x89HDF\r\n\x1a\n.")


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("import os; os.abort()", r"netcdf of 4 bytes takes its reader down \(status -6\)"),
        ("while True: pass", "netcdf of 4 bytes takes over 1 s to read"),
        ("import sys; sys.exit(3)", "takes its reader down"),
    ],
)
def test_a_reader_that_dies_or_does_not_end_is_a_bad_file(
    program: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = tmp_path / "reader.py"
    reader.write_text(program)
    monkeypatch.setattr(sealed, "READER", reader)
    monkeypatch.setattr(sealed, "READ_SECONDS", 1)
    with pytest.raises(BadField, match=told):
        unfold("netcdf", b"file")
