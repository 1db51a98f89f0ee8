"""netCDF-4 files without the time at which they were written, and without padding.

The netCDF library notes in the root group of a file in memory when it was made, to the second, so
the same field written twice would not be the same bytes. It also fills the file up to a multiple of
64 KiB. Layout after the HDF5 File Format
Specification, version 3.0, sections II.A (superblock versions 2 and 3) and IV.A.1.b (object header
version 2), https://docs.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html.
"""

import struct

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUPERBLOCK_VERSIONS = (2, 3)
END_ADDRESS, ROOT_ADDRESS = slice(28, 36), slice(36, 44)
"""Of the end and the root group, where addresses have 8 bytes, as in all files of the library."""
HEADER = b"OHDR\x02"
STORES_TIMES, STORES_PHASES, SIZE_OF_SIZE = 0x20, 0x10, 0x03
"""Flags of an object header."""
TIMES = slice(6, 22)
"""Access, modification, change and birth time, in an object header."""
MASK = 0xFFFFFFFF


def without_padding(file: bytes) -> bytes:
    """A netCDF-4 file up to its end as its superblock has it; other files as they are."""
    if not file.startswith(SIGNATURE) or file[8] not in SUPERBLOCK_VERSIONS:
        return file
    end = int.from_bytes(file[END_ADDRESS], "little")
    return file if any(file[end:]) else file[:end]


def without_times(file: bytes) -> bytes:
    """A netCDF-4 file with the times of its root group set to 0, and otherwise the same.

    A file that is laid out otherwise, or has no times, is returned as it is.
    """
    if not file.startswith(SIGNATURE) or file[8] not in SUPERBLOCK_VERSIONS:
        return file
    root = int.from_bytes(file[ROOT_ADDRESS], "little")
    if file[root : root + 5] != HEADER or not (flags := file[root + 5]) & STORES_TIMES:
        return file
    sizes = root + TIMES.stop + (4 if flags & STORES_PHASES else 0)
    messages = sizes + (1 << (flags & SIZE_OF_SIZE))
    end = messages + int.from_bytes(file[sizes:messages], "little")
    header = bytearray(file[root:end])
    if file[end : end + 4] != struct.pack("<I", lookup3(header)):
        return file
    header[TIMES] = bytes(TIMES.stop - TIMES.start)
    return b"".join([file[:root], header, struct.pack("<I", lookup3(header)), file[end + 4 :]])


def lookup3(data: bytes | bytearray) -> int:
    """Bob Jenkins' hash of 32 bits, `hashlittle` of lookup3.c from 0: the checksum of HDF5."""
    a = b = c = (0xDEADBEEF + len(data)) & MASK
    padded = bytes(data) + bytes(-len(data) % 12)
    blocks = list(struct.iter_unpack("<III", padded))
    for number, block in enumerate(blocks, 1):
        a, b, c = ((word + more) & MASK for word, more in zip((a, b, c), block, strict=True))
        if number < len(blocks):
            for turn in (4, 6, 8, 16, 19, 4):
                a, c = ((a - c) & MASK) ^ rotated(c, turn), (c + b) & MASK
                a, b, c = b, c, a
    for turn in (14, 11, 25, 16, 4, 14, 24) if blocks else ():
        c = ((c ^ b) - rotated(b, turn)) & MASK
        a, b, c = b, c, a
    return b if blocks else c


def rotated(word: int, bits: int) -> int:
    """A word of 32 bits with its bits moved round to the left."""
    return ((word << bits) | (word >> (32 - bits))) & MASK
