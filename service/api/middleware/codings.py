"""Content codings: zstd, br and gzip, negotiated, packed and unpacked."""

import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import brotli
from zlib_ng import gzip_ng, zlib_ng

from service.api.negotiation import quality

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Coding = Literal["zstd", "br", "gzip"]
PREFERENCE: tuple[Coding, ...] = ("zstd", "br", "gzip")
"""Codings from the best to the worst in bytes and time together; at equal quality the first is
taken."""
PIECE_BYTES = 2**18
"""Largest piece in which a body is unpacked."""
GZIP_WBITS = 31
"""Window of zlib that reads the gzip format."""
WINDOW, LARGEST_WINDOW_LOG = zstd.DecompressionParameter.window_log_max, 23
"""Windows of Zstandard are of up to 8 MB in HTTP (RFC 9659)."""


class BadCoding(Exception):
    """A body is not in the content coding that its header names."""


class Levels(NamedTuple):
    """Levels of compression: for content that is cached, and for content that is sent once."""

    cached: int
    once: int


LEVELS: dict[Coding, Levels] = {
    "zstd": Levels(6, 1),
    "br": Levels(5, 1),
    "gzip": Levels(6, 1),
}


@lru_cache(512)
def preferred_coding(accept_encoding: str) -> Coding | None:
    """The content coding to answer in; None for none (RFC 9110, section 12.5.3)."""
    qualities = {coding: coding_quality(coding, accept_encoding) for coding in PREFERENCE}
    best = max(PREFERENCE, key=lambda coding: qualities[coding])
    # Without a coding is acceptable unless it is refused; a coding must not be liked less.
    identity = quality("identity", accept_encoding)
    return best if qualities[best] > 0 and qualities[best] >= identity else None


def coding_quality(coding: Coding, accept_encoding: str) -> float:
    """Quality of a coding in an Accept-Encoding header; `*` stands for those not listed."""
    names = {"gzip": ("gzip", "x-gzip")}.get(coding, (coding,))
    listed = {part.partition(";")[0].strip().lower() for part in accept_encoding.split(",")}
    if any(name in listed for name in names):
        return max(quality(name, accept_encoding) for name in names if name in listed)
    return quality("*", accept_encoding) if "*" in listed else 0.0


def pack(content: bytes, coding: Coding, *, cached: bool) -> bytes:
    """Content in a coding; better packed where the result is cached."""
    level = LEVELS[coding].cached if cached else LEVELS[coding].once
    if coding == "zstd":
        return bytes(zstd.compress(content, level=level))
    if coding == "br":
        return bytes(brotli.compress(content, quality=level))
    return bytes(gzip_ng.compress(content, compresslevel=level, mtime=0))


class GzipUnpacker:
    """Unpacks gzip, of one member or several, piece by piece."""

    def __init__(self) -> None:
        self._member: Any = zlib_ng.decompressobj(wbits=GZIP_WBITS)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Unpacked pieces of at most `PIECE_BYTES`."""
        while data:
            if self._member.eof:
                self._member = zlib_ng.decompressobj(wbits=GZIP_WBITS)
            piece = self._member.decompress(data, PIECE_BYTES)
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            yield piece

    @property
    def is_complete(self) -> bool:
        """Whether the stream has ended."""
        return bool(self._member.eof)


class BrotliUnpacker:
    """Unpacks Brotli piece by piece."""

    def __init__(self) -> None:
        self._stream: Any = brotli.Decompressor()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Unpacked pieces of about `PIECE_BYTES`."""
        piece = self._stream.process(data, output_buffer_limit=PIECE_BYTES)
        # All input may be consumed while there is more output.
        while piece and not self._stream.is_finished():
            yield piece
            piece = self._stream.process(b"", output_buffer_limit=PIECE_BYTES)
        yield piece

    @property
    def is_complete(self) -> bool:
        """Whether the stream has ended."""
        return bool(self._stream.is_finished())


class ZstdUnpacker:
    """Unpacks Zstandard, of one frame or several, piece by piece."""

    def __init__(self) -> None:
        self._frame = self._new_frame()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Unpacked pieces of at most `PIECE_BYTES`."""
        while True:
            if self._frame.eof and data:
                self._frame = self._new_frame()
            yield self._frame.decompress(data, max_length=PIECE_BYTES)
            data = self._frame.unused_data if self._frame.eof else b""
            if not data and (self._frame.eof or self._frame.needs_input):
                return

    @property
    def is_complete(self) -> bool:
        """Whether the stream has ended."""
        return self._frame.eof

    @staticmethod
    def _new_frame() -> zstd.ZstdDecompressor:
        return zstd.ZstdDecompressor(options={WINDOW: LARGEST_WINDOW_LOG})


Unpacker = GzipUnpacker | BrotliUnpacker | ZstdUnpacker
UNPACKERS: dict[str, Callable[[], Unpacker]] = {
    "gzip": GzipUnpacker,
    "x-gzip": GzipUnpacker,
    "br": BrotliUnpacker,
    "zstd": ZstdUnpacker,
}
"""Unpackers by the name of the content coding."""
CORRUPT: Any = (zlib_ng.error, brotli.error, zstd.ZstdError)
"""What the libraries raise at corrupt data."""


def unpack(unpacker: Unpacker, data: bytes) -> Iterator[bytes]:
    """The unpacked pieces of a part of a body.

    Raises:
        BadCoding: The data is corrupt.
    """
    try:
        yield from (piece for piece in unpacker.pieces(data) if piece)
    except CORRUPT as error:
        raise BadCoding(str(error)) from error
