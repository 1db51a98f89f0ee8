"""tar archives, read from the front to the end without looking back, in bounded memory.

POSIX.1-1988 (ustar), with the long names of GNU tar and the paths and sizes of POSIX.1-2001 (pax).
Python's `tarfile` ends without a word at a header that is damaged, so that the rest of an archive
would be missing; here every header is checked, and the archive has to end as archives do.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from ingest.errors import BadField

BLOCK = 512
NAME, SIZE, CHECKSUM, MAGIC = slice(0, 100), slice(124, 136), slice(148, 156), slice(257, 262)
PREFIX, KIND = slice(345, 500), 156
REGULAR = (b"0", b"\0", b"7")
LONG_NAME, PAX, SPARSE = b"L", b"x", b"S"
WITHOUT_DATA = (b"1", b"2", b"3", b"4", b"5", b"6")
"""Links, devices, folders and pipes: what size they say is not followed by as many bytes."""
LARGEST_EXTENSION = 2**16
"""Bytes of a long name, or of the extended header of a file."""
MOST_ENTRIES = 50_000
"""Of an archive; a month of five minutes has 8,928 files."""
SKIP = 2**20
"""Bytes read at a time where a member is skipped."""

DAMAGED_EXTENSION = "is no whole tar archive (an extended header is damaged)"


class Stream(Protocol):
    """What is read from its front to its end."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, fewer only at the end."""


class Member(NamedTuple):
    """A file of an archive, to be read before the next one is asked for."""

    name: str
    size: int
    data: "Section"


class Section:
    """The next so many bytes of a stream."""

    def __init__(self, stream: Stream, size: int) -> None:
        self._stream, self.left = stream, size

    def read(self, size: int, /) -> bytes:
        """So many bytes, fewer only at the end of the section.

        Raises:
            BadField: The archive ends before.
        """
        found = exactly(self._stream, min(size, self.left))
        self.left -= len(found)
        return found

    def skip(self) -> None:
        """Read to the end."""
        while self.left:
            self.read(SKIP)


def is_tar(head: bytes) -> bool:
    """Whether bytes are the beginning of a tar archive."""
    return head[MAGIC] == b"ustar"


def members(stream: Stream) -> Iterator[Member]:
    """The regular files of an archive, in their order.

    Raises:
        BadField: It is damaged or truncated, or has too many entries.
    """
    name, size = "", -1
    for _ in range(MOST_ENTRIES):
        header = exactly(stream, BLOCK)
        if not header.strip(b"\0"):
            check_end(stream)
            return
        check(header)
        kind, stated = header[KIND : KIND + 1], 0
        if kind not in WITHOUT_DATA:
            stated = number(header[SIZE])
        if kind in (LONG_NAME, PAX):
            long, real = extension(kind, padded(stream, stated))
            name, size = long or name, size if real is None else real
            continue
        if kind == SPARSE:
            raise BadField("holds a sparse file, should hold whole ones; pack it again without")
        length = stated if size < 0 or kind in WITHOUT_DATA else size
        data = Section(stream, length)
        if kind in REGULAR and not (name or plain_name(header)).endswith("/"):
            yield Member(name or plain_name(header), length, data)
        data.skip()
        exactly(stream, -length % BLOCK)
        name, size = "", -1
    raise BadField(f"the archive has over {MOST_ENTRIES} entries, should have fewer")


def check_end(stream: Stream) -> None:
    """Check that what follows the last file are blocks: files have no checksum of their own.

    Raises:
        BadField: Bytes are missing or were added, so that what follows them has moved.
    """
    length = 0
    while part := stream.read(SKIP):
        length += len(part)
    if length % BLOCK:
        raise BadField(
            f"is no whole tar archive ({length % BLOCK} bytes beyond blocks of {BLOCK}); fetch it "
            "again"
        )


def exactly(stream: Stream, size: int) -> bytes:
    """So many bytes.

    Raises:
        BadField: There are fewer.
    """
    parts, left = [], size
    while left and (part := stream.read(left)):
        parts.append(part)
        left -= len(part)
    if left:
        raise BadField("is no whole tar archive (truncated); fetch it again")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def check(header: bytes) -> None:
    """Check that the bytes of a header come to its checksum, which counts itself as blanks.

    Raises:
        BadField: They do not.
    """
    blank = header[: CHECKSUM.start] + b" " * 8 + header[CHECKSUM.stop :]
    if number(header[CHECKSUM]) != sum(blank):
        raise BadField("is no whole tar archive (a header is damaged); fetch it again")


def number(field: bytes) -> int:
    """Return a number in octal digits, or in base 256 where it is too large for them.

    Raises:
        BadField: It is neither.
    """
    if field[0] == 0x80:
        return int.from_bytes(field[1:])
    try:
        found = int(field.split(b"\0")[0].strip() or b"0", 8)
    except ValueError:
        found = -1
    if found < 0:
        raise BadField(f"is no whole tar archive ({field!r} is no number); fetch it again")
    return found


def padded(stream: Stream, size: int) -> bytes:
    """Read the data of an entry that describes the next one.

    Raises:
        BadField: It is too large, or the archive ends.
    """
    if size > LARGEST_EXTENSION:
        raise BadField(f"has an extended header of {size} bytes, should have few")
    data = exactly(stream, size)
    exactly(stream, -size % BLOCK)
    return data


def extension(kind: bytes, data: bytes) -> tuple[str, int | None]:
    """Return name and size of the next file, as far as they are stated.

    Raises:
        BadField: The records of an extended header do not come to their lengths.
    """
    if kind == LONG_NAME:
        return text(data), None
    try:
        records = records_of(data)
        size = int(records[b"size"]) if b"size" in records else None
    except ValueError as error:
        raise BadField(DAMAGED_EXTENSION) from error
    if size is not None and size < 0:
        raise BadField(DAMAGED_EXTENSION)
    if any(key.startswith(b"GNU.sparse") for key in records):
        raise BadField("holds a sparse file, should hold whole ones; pack it again without")
    return text(records.get(b"path", b"")), size


def records_of(data: bytes) -> dict[bytes, bytes]:
    """Return the records of an extended header (pax), by their keys.

    Raises:
        ValueError: They do not come to their lengths.
    """
    records: dict[bytes, bytes] = {}
    while data:
        length = int(data[: data.index(b" ")])
        key, _, value = data[data.index(b" ") + 1 : length - 1].partition(b"=")
        if not 3 < length <= len(data) or data[length - 1 : length] != b"\n":
            raise ValueError(length)
        records[key], data = value, data[length:]
    return records


def plain_name(header: bytes) -> str:
    """Return the path in a header, with the prefix of ustar."""
    prefix = text(header[PREFIX]) if header[MAGIC.stop : MAGIC.stop + 1] == b"\0" else ""
    return f"{prefix}/{text(header[NAME])}".removeprefix("/")


def text(data: bytes) -> str:
    """Return the text before the first zero byte."""
    return data.split(b"\0")[0].decode(errors="backslashreplace")
