"""What a path on disk holds: a radar file, or an archive of many, read one after the other.

DWD's Climate Data Center packs the frames of a day into `YW-230701.tar.gz`, and the days of a month
into `YW2017.002_202211.tar`. The tar of a forecast RV, whose members are its leads, is one file.
What is no radar file, or too large for one, is yielded with its beginning and the reason, and the
files after it are read all the same.
"""

import bz2
import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

from ingest.errors import BadField
from ingest.formats import tar
from ingest.formats.compression import LARGEST, unpacker_of
from ingest.formats.radar_file import is_forecast

HEAD = 2**20
"""Bytes that are kept of what is too large: enough to see what it is, and for a block of bzip2."""
BEGINNING = 2**17
"""Bytes of an archive within which its first file shows what it is."""
DEEPEST = 4
"""Archives within each other: a year of months of days."""
MOST_BYTES = 64 * 2**30
"""That an archive may unpack to; a month of five minutes has 18 GB."""


class StoredFile(NamedTuple):
    """A file as it lies on disk or in an archive."""

    name: str
    data: bytes
    """All of it, or its beginning where it is refused."""
    refused: str = ""
    """Why it is not read; empty where it is."""


def name_of(path: Path) -> str:
    """The name of a file as text: on disk it is any bytes."""
    return os.fsencode(path.name).decode(errors="backslashreplace")


def stored_files(path: Path) -> Iterator[StoredFile]:
    """The radar files at a path, each whole; nothing is raised for what cannot be read."""
    name = name_of(path)
    head = b""
    try:
        with opened(path) as file:
            head = file.read(HEAD)
            size = os.fstat(file.fileno()).st_size
            yield from contents(name, head, file, size, 0)
    except BadField as error:
        yield StoredFile(name, head, str(error))
    except OSError as error:
        yield StoredFile(name, head, f"cannot be read ({error.strerror or error})")


def opened(path: Path) -> IO[bytes]:
    """A regular file, open for reading. A pipe would be waited at, a device has no end.

    Raises:
        BadField: It is something else.
        OSError: It cannot be opened.
    """
    mode = path.stat().st_mode
    kinds = {stat.S_ISFIFO: "a named pipe", stat.S_ISSOCK: "a socket", stat.S_ISDIR: "a folder"}
    if not stat.S_ISREG(mode):
        kind = next((kind for is_one, kind in kinds.items() if is_one(mode)), "a device")
        raise BadField(f"is {kind}, should be a file; it is not opened")
    # should it have become a pipe since, it is not waited at
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def contents(
    name: str, head: bytes, file: IO[bytes], size: int, depth: int
) -> Iterator[StoredFile]:
    """Yield the files that a file holds, or the file itself.

    Args:
        name: Of the file.
        head: Its beginning.
        file: All of it; its position does not matter.
        size: In bytes.
        depth: Number of archives around it.

    Raises:
        BadField: It is damaged, or too large; files before that were yielded.
    """
    beginning = unpacked_beginning(head)
    if not is_archive(beginning):
        if size > LARGEST:
            raise BadField(f"has {size} bytes, should have at most {LARGEST}")
        file.seek(0)
        yield StoredFile(name, file.read(LARGEST))
    elif unpacker_of(head) is None:
        file.seek(0)
        yield from files_of(file, depth + 1)
    else:
        for check_only in (True, False):  # to its checksums first: what has come cannot be unread
            with Unpacked(head, file) as stream:
                if check_only:
                    drain(stream)
                else:
                    yield from files_of(stream, depth + 1)


def unpacked_beginning(head: bytes) -> bytes:
    """The first bytes of what a beginning unpacks to; the beginning where it is not packed."""
    make = unpacker_of(head)
    if make is None:
        return head[:BEGINNING]
    try:
        return bytes(make().decompress(head, BEGINNING))
    except Exception:  # noqa: BLE001  each packer has its own errors; raised when it is read
        return b""


def is_archive(beginning: bytes) -> bool:
    """Whether bytes begin a tar of radar files, or of archives of them, and not of one forecast."""
    if not tar.is_tar(beginning):
        return False
    try:
        for member in tar.members(BytesIO(beginning)):
            start = member.data.read(min(member.size, tar.BLOCK))
            if (forecast := is_forecast(member.name.rpartition("/")[2], start)) is not None:
                return not forecast
    except BadField:  # cut off, as it should be
        pass
    return False


def files_of(stream: tar.Stream, depth: int) -> Iterator[StoredFile]:
    """Yield the radar files of an archive, and of the archives in it.

    Raises:
        BadField: It is damaged, or archives lie too deep within each other.
    """
    if depth > DEEPEST:
        raise BadField(f"holds archives within each other over {DEEPEST} deep")
    for member in tar.members(stream):
        name = member.name.rpartition("/")[2]
        if name.startswith("."):
            continue
        head = member.data.read(HEAD)
        try:
            if member.size <= LARGEST:
                data = head + member.data.read(member.size)
                yield from contents(name, head, BytesIO(data), member.size, depth)
            elif is_archive(head):
                yield from files_of(Joined(head, member.data), depth + 1)
            else:
                raise BadField(f"has {member.size} bytes, should have at most {LARGEST}")
        except BadField as error:
            yield StoredFile(name, head, str(error))


class Joined:
    """What has been read of a stream, and the rest of it."""

    def __init__(self, head: bytes, rest: tar.Stream) -> None:
        self._head, self._rest = BytesIO(head), rest

    def read(self, size: int, /) -> bytes:
        """Read bytes, at most `size`."""
        return self._head.read(size) or self._rest.read(size)


class Unpacked:
    """A packed file from its front to its end, within bounds.

    Its errors are those of a bad file.
    """

    def __init__(self, head: bytes, file: IO[bytes]) -> None:
        file.seek(0)
        self._left = MOST_BYTES
        self._file: gzip.GzipFile | bz2.BZ2File = (
            gzip.GzipFile(fileobj=file) if head.startswith(b"\x1f\x8b") else bz2.BZ2File(file)
        )

    def __enter__(self) -> "Unpacked":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int, /) -> bytes:
        """Read unpacked bytes, at most `size`.

        Raises:
            BadField: The file is damaged or truncated.
        """
        try:
            found = self._file.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise BadField(f"is damaged or truncated ({error}); fetch it again") from error
        self._left -= len(found)
        if self._left < 0:
            raise BadField(f"unpacks to over {MOST_BYTES} bytes, should stay below")
        return found


def drain(stream: tar.Stream) -> None:
    """Read a stream to its end."""
    while stream.read(tar.SKIP):
        pass
