"""SHA-256 of archived files, kept after their end: a disk may lose or change bytes in silence.

Readers of netCDF ignore what follows the end of a file, so a file of the archive can be opened as
it is. An attribute near its beginning says that the checksum follows, which tells a file that has
lost its end from one of an earlier version, which never had a checksum.
"""

import hashlib

from ingest.errors import BadField

ATTRIBUTE = {"checksum": "SHA-256 after the end of the file, in the archive"}
"""Global attribute of files with a checksum."""
MARK = next(iter(ATTRIBUTE.values())).encode()
PREFIX = b"\nnowcast-sha256:"
SIZE = len(PREFIX) + 64 + 1
"""Bytes of a checksum with its prefix and a line break."""


def trailer_of(content: bytes) -> bytes:
    """Return the bytes that follow a content."""
    return PREFIX + hashlib.sha256(content).hexdigest().encode() + b"\n"


def sealed(content: bytes) -> bytes:
    """Return a content with its checksum."""
    return content + trailer_of(content)


def has_checksum(data: bytes) -> bool:
    """Whether the bytes of a file end in a checksum, right or wrong."""
    return data[-SIZE:].startswith(PREFIX)


def verified(data: bytes) -> bytes:
    """Return the content of a file without its checksum.

    A file of an earlier version, which has none, is returned as it is.

    Raises:
        BadField: The content is not what was stored.
    """
    content, trailer = data[:-SIZE], data[-SIZE:]
    if trailer.startswith(PREFIX):
        if trailer != trailer_of(content):
            raise BadField("its content is not that of its SHA-256: the disk has changed it")
        return content
    if not data or MARK in data:
        raise BadField(f"it ends after {len(data)} bytes without its SHA-256: its end is lost")
    return data
