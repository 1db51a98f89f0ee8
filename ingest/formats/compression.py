"""gzip and bzip2 around a file: of one stream or of many, checked to their end.

RFC 1952, section 2.2: a gzip file is a series of members. pigz, bgzip, pbzip2, lbzip2 and
`cat a.gz b.gz` write several; all of them are read, as gunzip and bunzip2 do.
"""

import bz2
from collections.abc import Callable
from typing import Protocol

from zlib_ng import zlib_ng

from ingest.errors import BadField

LARGEST = 128 * 2**20
"""Bytes a file may unpack to: a whole legacy RV has 66 MB."""
MOST_STREAMS = 10_000
"""In one file; bgzip begins one every 65,280 bytes."""
PIECE = 2**16
"""Bytes that are given to an unpacker at once: what follows a stream is copied out of them."""
UNPACKERS: dict[bytes, Callable[[], "Unpacker"]] = {
    b"\x1f\x8b": lambda: zlib_ng.decompressobj(wbits=31),
    b"BZh": bz2.BZ2Decompressor,
}


class Unpacker(Protocol):
    """Unpacks one stream, piece by piece."""

    @property
    def eof(self) -> bool:
        """Whether the stream has come to its end."""

    @property
    def unused_data(self) -> bytes:
        """What follows the stream in the last piece."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """The next bytes of at most a number."""


def unpacker_of(head: bytes) -> "Callable[[], Unpacker] | None":
    """What unpacks a stream that begins like this; None where it is not packed."""
    return next((unpacker for magic, unpacker in UNPACKERS.items() if head.startswith(magic)), None)


def unpack(data: bytes) -> bytes:
    """The bytes without gzip or bzip2 around them.

    Raises:
        BadField: They are damaged, truncated, followed by something else, or unpack to too much.
    """
    if not data:
        raise BadField("the file is empty; fetch it again")
    make = unpacker_of(data)
    if make is None:
        return data
    found, room, position = [], LARGEST, 0
    for _ in range(MOST_STREAMS):
        stream, position = unpack_stream(data, position, make(), room)
        found.append(stream)
        room -= len(stream)
        rest = data[position : position + PIECE]
        if not rest.strip(b"\0") and not data[position:].strip(b"\0"):
            return found[0] if len(found) == 1 else b"".join(found)
        make = unpacker_of(rest)
        if make is None:
            raise BadField(
                f"is followed by {len(data) - position} bytes that begin with {rest[:16]!r} and "
                f"are no packed stream; fetch it again"
            )
    raise BadField(f"has over {MOST_STREAMS} packed streams, should have fewer")


def unpack_stream(data: bytes, begin: int, unpacker: Unpacker, room: int) -> tuple[bytes, int]:
    """Unpack one stream.

    Args:
        data: Bytes of the file.
        begin: Where the stream begins.
        unpacker: A fresh one of its kind.
        room: Bytes it may unpack to.

    Returns:
        The unpacked bytes, and where the stream ends.

    Raises:
        BadField: The stream is truncated, or unpacks to too much.
    """
    parts, size, position = [], 0, begin
    while not unpacker.eof:
        piece = data[position : position + PIECE]
        if not piece:
            raise BadField(f"is truncated after {len(data)} bytes; fetch it again")
        try:
            parts.append(unpacker.decompress(piece, room - size + 1))
        except Exception as error:  # each packer has its own errors, and all mean the same
            raise BadField(f"is damaged ({error}); fetch it again") from error
        size += len(parts[-1])
        if size > room:
            raise BadField(f"unpacks to over {LARGEST} bytes, should stay below")
        position += len(piece)
    return bytes(parts[0]) if len(parts) == 1 else b"".join(parts), position - len(
        unpacker.unused_data
    )
