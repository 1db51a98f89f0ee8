"""Size of a classic netCDF file (CDF-1, -2 and -5) by its header.

The format has no checksum, and its library reads on where bytes are missing or were added, so that
the numbers behind them move to other cells. The format is that of the NetCDF User's Guide, appendix
B, "The NetCDF Classic Format Specification".
"""

from typing import NamedTuple

from ingest.errors import BadField

MAGIC = b"CDF"
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
"""Bytes of a value by the number of its type."""
ALIGNMENT = 4
MOST_ITEMS = 10_000
"""Dimensions, attributes or variables of a file."""
HEADER_BYTES = 2**20
"""Largest header."""
STREAMING = 2**32 - 1
"""Number of records of a file that was not finished."""


class Variable(NamedTuple):
    """Where the numbers of a variable are: of all, or of one record."""

    begin: int
    size: int
    is_record: bool


class Header:
    """What is read of a header, from its front to its end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._position = data[:HEADER_BYTES], 4
        version = data[3]
        self._width, self._offset = (8 if version == 5 else 4), (4 if version == 1 else 8)

    def number(self, width: int = 0) -> int:
        """The next number, of as many bytes or those of a count.

        Raises:
            BadField: The header ends before.
        """
        width = width or self._width
        part = self._data[self._position : self._position + width]
        if len(part) < width:
            raise BadField("cannot be read to its end (its header is truncated); fetch it again")
        self._position += width
        return int.from_bytes(part)

    def skip(self, size: int) -> None:
        """Pass by so many bytes, and those that fill them up."""
        self._position += padded(size)

    def count(self) -> int:
        """Length of the list that follows."""
        self.number(4)  # the kind of list
        return self.some()

    def some(self) -> int:
        """A number of things, in bounds.

        Raises:
            BadField: It is out of bounds, or the header ends before.
        """
        if (found := self.number()) > MOST_ITEMS:
            raise BadField(f"has a damaged header ({found} entries); fetch it again")
        return found

    def name(self) -> None:
        """Pass by a name."""
        self.skip(self.number())

    def attributes(self) -> None:
        """Pass by a list of attributes."""
        for _ in range(self.count()):
            self.name()
            size = self.value_size()
            self.skip(size * self.number())

    def value_size(self) -> int:
        """Bytes of a value of the type that follows.

        Raises:
            BadField: There is no such type, or the header ends before.
        """
        if (kind := self.number(4)) not in SIZES:
            raise BadField(f"has a damaged header (type {kind}); fetch it again")
        return SIZES[kind]

    def dimension(self) -> int:
        """Length of a dimension, 0 for that of records."""
        self.name()
        return self.number()

    def variable(self, dimensions: list[int]) -> Variable:
        """A variable, by the lengths of all dimensions.

        Raises:
            BadField: One of its dimensions is missing, or the header ends before.
        """
        self.name()
        numbers = [self.number() for _ in range(self.some())]
        if any(number >= len(dimensions) for number in numbers):
            raise BadField("has a damaged header (a dimension is missing); fetch it again")
        lengths = [dimensions[number] for number in numbers]
        self.attributes()
        size = self.value_size()
        is_record = bool(lengths) and lengths[0] == 0
        for length in lengths[is_record:]:
            size *= length
        self.number()  # the size as it is stated, which overflows for large ones
        return Variable(self.number(self._offset), size, is_record)


def padded(size: int) -> int:
    """Bytes with those that fill them up."""
    return size + -size % ALIGNMENT


def expected_size(data: bytes) -> int:
    """Number of bytes that a file should have.

    Raises:
        BadField: Its header is damaged.
    """
    header = Header(data)
    records = header.number()
    dimensions = [header.dimension() for _ in range(header.count())]
    header.attributes()
    variables = [header.variable(dimensions) for _ in range(header.count())]
    ends = [each.begin + padded(each.size) for each in variables if not each.is_record]
    in_record = [each for each in variables if each.is_record]
    if records == STREAMING:
        return len(data)
    if in_record and records:
        last = sum(padded(each.size) for each in in_record)
        size = last if len(in_record) > 1 else in_record[0].size  # one alone is not filled up
        ends.append(min(each.begin for each in in_record) + (records - 1) * size + last)
    return max(ends, default=len(data))


def check_size(data: bytes) -> None:
    """Check that no bytes of a classic file are missing or were added; others pass.

    Raises:
        BadField: There are more or fewer than the header says.
    """
    if not data.startswith(MAGIC) or len(data) <= len(MAGIC):
        return
    expected = expected_size(data)
    if not expected - ALIGNMENT < len(data) <= expected:
        raise BadField(f"has {len(data)} bytes, should have {expected}; fetch it again")
