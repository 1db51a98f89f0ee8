"""A folder of stored files as a source."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest import SourceUnavailable
from ingest.sources.stored_folder import files_in, published


def test_files_come_in_the_order_of_their_stamps_whatever_their_kind(tmp_path: Path) -> None:
    names = [
        "composite_rv_20200907_0735.tar",
        "raa01-ry_10000-2009070725-dwd---bin.gz",
        "raa01-ry_10000-2009070730-dwd---bin.gz",
        "readme.txt",
        ".hidden",
    ]
    for name in names:
        (tmp_path / name).touch()
    found = [path.name for path in files_in([tmp_path])]
    assert found == [names[1], names[2], names[0], names[3]]


def test_a_missing_or_empty_folder_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="does not exist"):
        files_in([tmp_path / "nowhere"])
    with pytest.raises(SourceUnavailable, match="no files there"):
        files_in([tmp_path])


def test_a_file_is_published_minutes_after_its_stamp() -> None:
    otherwise = datetime(2000, 1, 1, tzinfo=UTC)
    assert published(Path("raa01-ry_10000-2009070725-dwd---bin.gz"), otherwise) == datetime(
        2020, 9, 7, 7, 29, tzinfo=UTC
    )
    assert published(Path("frame.bin"), otherwise) == otherwise


def test_what_is_no_file_is_listed_to_be_told_of(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder").mkdir()
    assert [path.name for path in files_in([tmp_path])] == ["broken", "pipe"]
