"""tar archives are read as Python's tarfile reads them, and refused where that ends in silence."""

import io
import tarfile
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import BadField
from ingest.formats import tar

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
FILES = st.lists(st.tuples(st.integers(1, 240), st.binary(max_size=1500)), min_size=1, max_size=6)


def packed(files: Sequence[tuple[str, bytes]], kind: int) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=kind) as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def read(data: bytes) -> list[tuple[str, bytes]]:
    return [
        (member.name, member.data.read(member.size)) for member in tar.members(io.BytesIO(data))
    ]


@pytest.mark.parametrize("kind", FORMATS.values(), ids=FORMATS)
@settings(max_examples=40, deadline=None)
@given(files=FILES)
def test_names_and_data_come_back(kind: int, files: list[tuple[int, bytes]]) -> None:
    longest = 90 if kind == tarfile.USTAR_FORMAT else 240
    named = [
        (f"{number}{'x' * min(size, longest)}", data) for number, (size, data) in enumerate(files)
    ]
    assert read(packed(named, kind)) == named


def test_members_may_be_left_unread() -> None:
    data = packed([("a", b"1" * 900), ("b", b"2" * 5)], tarfile.GNU_FORMAT)
    assert [member.name for member in tar.members(io.BytesIO(data))] == ["a", "b"]


def test_folders_and_links_are_passed_by() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, kind in (("d", tarfile.DIRTYPE), ("l", tarfile.SYMTYPE), ("p", tarfile.FIFOTYPE)):
            member = tarfile.TarInfo(name)
            member.type = kind
            archive.addfile(member)
        archive.addfile(tarfile.TarInfo("file"))
    assert read(file.getvalue()) == [("file", b"")]


def test_a_flipped_bit_of_a_header_is_seen_or_changes_nothing() -> None:
    """Where `tarfile` ends at the second header as if it were the end of all."""
    files = [("a", b"1" * 512), ("b", b"2" * 512)]
    data, seen = packed(files, tarfile.USTAR_FORMAT), 0
    for bit in range(1024 * 8, 1536 * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            assert read(bytes(flipped)) == files
        except BadField:
            seen += 1
    assert seen > 4000, "of 4096; the checksum may end by a blank or by nothing"


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 0.999))
def test_a_cut_anywhere_is_seen(share: float) -> None:
    data = packed([("a", b"1" * 700), ("b", b"2" * 100)], tarfile.USTAR_FORMAT)
    end = 512 + 1024 + 512 + 512  # the mark of the end begins here
    with pytest.raises(BadField, match="truncated"):
        read(data[: int(share * end)])


@pytest.mark.parametrize("size", [-300, -1, 1, 64, 700])
def test_bytes_that_are_missing_or_added_in_the_last_file_are_seen(size: int) -> None:
    """The rest of the file would have moved, and its end be taken from what fills the archive."""
    data = packed(
        [("a", bytes(range(1, 201)) * 4), ("b", bytes(range(1, 201)) * 4)], FORMATS["gnu"]
    )
    middle = 512 + 1024 + 512 + 400
    spoilt = data[:middle] + b"x" * max(size, 0) + data[middle + max(-size, 0) :]
    with pytest.raises(BadField, match="is no whole tar archive"):
        read(spoilt)


def test_what_would_take_memory_or_never_end_is_refused() -> None:
    long = tarfile.TarInfo("././@LongLink")
    long.type, long.size = tarfile.GNUTYPE_LONGNAME, 2**33
    with pytest.raises(BadField, match="extended header of 8589934592 bytes"):
        read(long.tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(BadField, match="over 50000 entries"):
        read(tarfile.TarInfo("x").tobuf() * 60_000)
