"""Many files at once come to the same as one after the other."""

import os
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from service.archive.archive import Archive
from service.ledger.ledger import Ledger
from service.pipeline.ingest import ingest_file
from service.pipeline.ingest_batch import ingest_all
from tests.showers import file_bytes, file_name, moment, write_file
from tests.state_snapshot import files_of, outcomes_of, rows_of


def files(folder: Path) -> list[Path]:
    """Good ones, one twice, one late, one bad and one of another name with the same frame."""
    paths = [write_file(folder, number) for number in (0, 1, 3, 2)]
    bad, other = folder / file_name(4), folder / file_name(1).replace("-dwd", "-dwd-again")
    bad.write_bytes(b"no radar")
    other.write_bytes(file_bytes(1))
    return [*paths, bad, other, paths[0]]


@pytest.mark.parametrize("threads", [1, 3])
def test_files_side_by_side_come_to_the_same_as_one_by_one(tmp_path: Path, threads: int) -> None:
    paths = files(tmp_path)
    single, parallel = (
        (Archive(tmp_path / name), Ledger(f"sqlite:///{tmp_path / name}.sqlite"))
        for name in ("one", "many")
    )
    expected = [ingest_file(*single, path, moment(9)) for path in paths]
    found = list(ingest_all(*parallel, paths, lambda: moment(9), threads))
    assert found == expected
    assert [arrival.outcome for arrival in found] == [
        *("accepted", "accepted", "accepted", "late", "quarantined", "duplicate", "accepted")
    ]
    assert rows_of(parallel[1]) == rows_of(single[1])
    assert files_of(parallel[0].root) == files_of(single[0].root)


def test_what_cannot_be_read_is_told_and_what_comes_after_is_taken_in(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    pipe, huge = tmp_path / file_name(2), tmp_path / file_name(3)
    os.mkfifo(pipe)
    with huge.open("wb") as file:
        file.truncate(40 * 2**30)
    paths = [write_file(tmp_path, 0), tmp_path / "nowhere", pipe, huge, write_file(tmp_path, 1)]
    found = list(ingest_all(archive, ledger, paths, lambda: moment(9), 2))
    assert [arrival.outcome for arrival in found] == [
        *("accepted", "quarantined", "quarantined", "quarantined", "accepted")
    ]
    reasons = [str(arrival.reason) for arrival in found[1:4]]
    assert "nowhere: cannot be read (No such file" in reasons[0]
    assert f"{file_name(2)}: is a named pipe, should be a file" in reasons[1]
    assert f"{file_name(3)}: has 42949672960 bytes, should have at most" in reasons[2]
    kept = sum(map(len, files_of(archive.root).values()))
    assert kept < 5 * 2**20, "only the beginning of what is large is kept"
    assert list(ingest_all(archive, ledger, paths, lambda: moment(9), 2)) == found


def test_an_archive_is_taken_in_file_by_file(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    day = tmp_path / "RY-250621.tar.gz"
    with tarfile.open(day, "w:gz") as tar:
        for number in range(3):
            tar.add(write_file(tmp_path, number), file_name(number))
    found = list(ingest_all(archive, ledger, [day], lambda: moment(9)))
    assert [arrival.name for arrival in found] == [file_name(number) for number in range(3)]
    assert outcomes_of(ledger) == {"accepted": 3}
    assert ingest_file(archive, ledger, day, moment(9)) == found[-1]


def test_files_are_kept_as_they_are_asked_for(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    paths = [write_file(tmp_path, number) for number in range(4)]
    with closing(ingest_all(archive, ledger, paths, lambda: moment(9), 1)) as arrivals:
        assert next(arrivals).frame_time == moment(0)
    assert outcomes_of(ledger) == {"accepted": 1}
