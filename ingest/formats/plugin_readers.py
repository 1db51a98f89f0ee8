"""Readers of radar files from installed packages, by entry points of the group `nowcast.readers`.

They are asked first, so that a package can read what a format of ours would refuse; a reader should
recognise nothing but its own files. It runs in this process, without the sandbox in which files of
C libraries are read.
"""

import logging
import re
from collections.abc import Sequence
from types import ModuleType
from typing import Protocol, cast

import numpy as np

from ingest import plugins
from ingest.errors import BadField, NotRead
from ingest.formats.radolan import Composite

log = logging.getLogger(__name__)

OWN_NAMES = ("json", "netcdf", "odim", "radolan", "tar")
"""Names of formats that are read here."""
PRODUCT = re.compile(r"[A-Za-z0-9_+-]{1,8}")
"""Names of products, which the ledger keeps."""


class Reader(Protocol):
    """A reader of a file format: a module or an object with these functions."""

    def recognises(self, data: bytes, name: str) -> bool:
        """Whether unpacked bytes of a file of a name are of its format."""

    def decode(self, data: bytes) -> Sequence[Composite]:
        """Read the composites: one frame, or the leads of a forecast.

        Raises:
            BadField: The file is damaged; the message states how.
        """


def accepted_reader(name: str, given: object) -> Reader:
    """Return the reader that an entry point refers to: a module, a class or an object.

    Args:
        name: Of the entry point.
        given: What it refers to; a class is called without arguments.

    Raises:
        TypeError: It lacks a function.
    """
    reader = given() if isinstance(given, type) else given
    lacking = [f for f in ("recognises", "decode") if not callable(getattr(reader, f, None))]
    if lacking:
        kind = "module" if isinstance(reader, ModuleType) else type(reader).__name__
        raise TypeError(f"the {kind} lacks the function {lacking[0]!r} of a reader")
    return cast("Reader", reader)


READERS = plugins.Registry[Reader](
    {}, lambda: plugins.load(plugins.READERS, OWN_NAMES, accepted_reader)
)
"""Readers of installed packages by name."""


def reader_of(data: bytes, name: str) -> str | None:
    """Return the name of the first reader that recognises a file; None if there is none."""
    for reader, functions in READERS.items():
        try:
            if functions.recognises(data, name):
                return reader
        except Exception as error:  # noqa: BLE001  a package may raise anything
            log.warning("reader %s cannot judge %s: %s", reader, name, one_line(error))
    return None


def decode(reader: str, data: bytes) -> list[Composite]:
    """Read the composites of a file by a reader, and check them.

    Raises:
        BadField: The reader fails, or returns what is no composite.
        NotRead: The machine had no memory for it.
    """
    try:
        found = [checked(composite) for composite in READERS[reader].decode(data)]
    except (BadField, NotRead):
        raise
    except MemoryError as error:
        raise NotRead(f"reader {reader} had no memory for {len(data)} bytes") from error
    except Exception as error:
        raise BadField(f"reader {reader} fails: {one_line(error)}") from error
    if not found:
        raise BadField(f"reader {reader} found no composite")
    return found


def checked(composite: object) -> Composite:
    """Return a composite with rates in float32 and times in ns.

    Raises:
        TypeError: It is none.
        ValueError: Its rates do not lie on its grid, or it has no time or product.
    """
    if not isinstance(composite, Composite):
        raise TypeError(f"it returned {type(composite).__name__}, should return Composite")
    rate = np.asarray(composite.rate, np.float32)
    if rate.shape != composite.grid.shape:
        raise ValueError(f"it returned rates {rate.shape} on a grid of {composite.grid.shape}")
    if np.isnat(composite.issue) or np.isnat(composite.lead):
        raise ValueError("it returned no time")
    if not PRODUCT.fullmatch(composite.product):
        raise ValueError(f"product is {composite.product!r}, should match {PRODUCT.pattern}")
    issue, lead = composite.issue.astype("datetime64[ns]"), composite.lead.astype("timedelta64[ns]")
    return composite._replace(rate=rate, issue=issue, lead=lead)


def one_line(error: Exception) -> str:
    """Return an error as text without line breaks."""
    return " ".join(f"{type(error).__name__}: {error}".split())
