"""What lies on disk is read file by file: archives of days and months, and what is no file."""

import bz2
import gzip
import io
import os
import resource
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ingest.sources import stored_files as stored
from ingest.sources.stored_files import stored_files

Files = Sequence[tuple[str, bytes]]


def frames(first: int, number: int) -> list[tuple[str, bytes]]:
    """Named as frames of a day, five minutes apart; what is in them is not looked at here."""
    return [
        (f"raa01-yw_10000-2307{day:02d}{hour:02d}{minute:02d}-dwd---bin", b"YW" + bytes(2000))
        for index in range(first, first + number)
        for day, hour, minute in [(1 + index // 288, index // 12 % 24, index % 12 * 5)]
    ]


def packed(files: Files, mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files:
            member = tarfile.TarInfo(f"./day/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def rv(pack: Callable[[bytes], bytes] = bytes) -> bytes:
    """Named as the leads of a forecast."""
    leads = [(f"DE1200_RV2506211235_{lead:03d}", b"RV" + bytes(2000)) for lead in (0, 30, 60)]
    return pack(packed(leads))


def found(folder: Path, name: str, data: bytes) -> list[tuple[str, bytes]]:
    path = folder / name
    path.write_bytes(data)
    files = list(stored_files(path))
    assert [file.refused for file in files] == [""] * len(files)
    return [(file.name, file.data) for file in files]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2"])
def test_the_archive_of_a_day_is_its_files(mode: str, tmp_path: Path) -> None:
    day = frames(0, 288)
    assert found(tmp_path, "YW-230701.tar.gz", packed(day, mode)) == day


@pytest.mark.parametrize("inner", ["w", "w:gz", "w:bz2"])
@pytest.mark.parametrize("outer", ["w", "w:gz"])
def test_the_archive_of_a_month_is_the_files_of_its_days(
    inner: str, outer: str, tmp_path: Path
) -> None:
    days = [frames(288 * day, 288) for day in range(3)]
    month = [(f"YW-23070{day}.tar.gz", packed(files, inner)) for day, files in enumerate(days)]
    assert found(tmp_path, "YW_202307.tar", packed(month, outer)) == [
        file for day in days for file in day
    ]


def test_packed_frames_in_an_archive_are_frames(tmp_path: Path) -> None:
    day = [(f"{name}.gz", gzip.compress(data)) for name, data in frames(0, 9)]
    assert found(tmp_path, "day.tar", packed(day)) == day


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_a_forecast_is_one_file(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    data = rv(pack)
    assert found(tmp_path, "DE1200_RV2506211235.tar", data) == [("DE1200_RV2506211235.tar", data)]


def test_forecasts_in_an_archive_are_one_file_each(tmp_path: Path) -> None:
    both = [("DE1200_RV2506211235.tar.gz", rv(gzip.compress)), ("DE1200_RV2506211240.tar", rv())]
    assert found(tmp_path, "forecasts.tar", packed(both)) == both


def test_a_frame_is_itself(tmp_path: Path) -> None:
    (name, data), = frames(0, 1)  # fmt: skip
    assert found(tmp_path, name, data) == [(name, data)]
    assert found(tmp_path, f"{name}.bz2", bz2.compress(data)) == [
        (f"{name}.bz2", bz2.compress(data))
    ]


def test_a_packed_archive_that_is_damaged_anywhere_gives_nothing(tmp_path: Path) -> None:
    """Its checksum is behind all files, so that they are held against it before they are taken."""
    data = packed(frames(0, 288), "w:gz")
    for position in (len(data) // 2, len(data) - 6):
        path = tmp_path / "day.tar.gz"
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        (file,) = stored_files(path)
        assert "is damaged or truncated" in file.refused
    path.write_bytes(data[: len(data) // 2])
    (file,) = stored_files(path)
    assert "is damaged or truncated" in file.refused


def test_one_bad_day_does_not_stop_the_others(tmp_path: Path) -> None:
    good = packed(frames(0, 5), "w:gz")
    path = tmp_path / "month.tar"
    path.write_bytes(packed([("1.tar.gz", good), ("2.tar.gz", good[:-9]), ("3.tar.gz", good)]))
    files = list(stored_files(path))
    assert [bool(file.refused) for file in files] == [*[False] * 5, True, *[False] * 5]
    assert files[5].name == "2.tar.gz"


def test_a_truncated_archive_gives_what_is_whole_and_a_reason(tmp_path: Path) -> None:
    data, path = packed(frames(0, 9)), tmp_path / "day.tar"
    path.write_bytes(data[: len(data) // 3])
    *files, last = stored_files(path)
    whole = [(file.name, file.data) for file in files if not file.refused]
    assert whole == frames(0, 9)[: len(whole)]
    assert len(whole) > 0
    assert (last.name, "truncated" in last.refused) == ("day.tar", True)


def test_what_is_no_file_or_too_large_is_refused_with_its_beginning(tmp_path: Path) -> None:
    pipe, huge = tmp_path / "pipe", tmp_path / "huge"
    os.mkfifo(pipe)
    with huge.open("wb") as file:
        file.write(b"core dump")
        file.truncate(40 * 2**30)
    (of_pipe,) = stored_files(pipe)
    assert of_pipe == ("pipe", b"", "is a named pipe, should be a file; it is not opened")
    (of_huge,) = stored_files(huge)
    assert of_huge.data == b"core dump".ljust(stored.HEAD, b"\0")
    assert of_huge.refused == "has 42949672960 bytes, should have at most 134217728"
    (of_device,) = stored_files(Path("/dev/zero"))
    assert "is a device" in of_device.refused
    (of_nothing,) = stored_files(tmp_path / "nowhere")
    assert of_nothing.refused == "cannot be read (No such file or directory)"


def test_archives_within_each_other_end_somewhere(tmp_path: Path) -> None:
    data = packed(frames(0, 1))
    for _ in range(9):
        data = packed([("more.tar", data)])
    path = tmp_path / "deep.tar"
    path.write_bytes(data)
    (file,) = stored_files(path)
    assert "over 4 deep" in file.refused


def test_a_bomb_is_refused_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "MOST_BYTES", 50 * 2**20)
    bomb = packed([*frames(0, 1), ("zeros", bytes(80 * 2**20))], "w:gz")
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(bomb)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (file,) = stored_files(path)
    assert "unpacks to over" in file.refused
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * 1024
