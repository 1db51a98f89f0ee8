"""Everything reading radar data can fail at, in one tree.

* IngestError
  + BadField           a file or field that breaks the contract: foreign, truncated, wrong in time
  + OutsideGrid        a place the grid does not cover
  + SourceUnavailable  the provider cannot be reached, or does not have what was asked for
  + NotRead            the machine had no time or memory to read the data, which may be good
"""


class IngestError(Exception):
    """Base of all errors of reading radar data."""


class BadField(IngestError):
    """The data break the contract of a precipitation field."""


class OutsideGrid(IngestError):
    """The place lies outside the grid."""


class SourceUnavailable(IngestError):
    """The provider of radar data cannot be reached, or does not have what was asked for."""


class NotRead(IngestError):
    """The machine had no time or memory to read the data now."""
