"""Radar files in, precipitation fields out.

Functions are imported on first use, so that errors need no library of radar formats.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ingest.errors import BadField, IngestError, NotRead, OutsideGrid, SourceUnavailable

if TYPE_CHECKING:
    from ingest.formats.radar_file import parse, read
    from ingest.grid import at, to_model_grid

__all__ = [
    "BadField",
    "IngestError",
    "NotRead",
    "OutsideGrid",
    "SourceUnavailable",
    "at",
    "parse",
    "read",
    "to_model_grid",
]

HOMES = {
    "at": "grid",
    "parse": "formats.radar_file",
    "read": "formats.radar_file",
    "to_model_grid": "grid",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module."""
    if name in HOMES:
        return getattr(import_module(f"ingest.{HOMES[name]}"), name)
    raise AttributeError(f"module 'ingest' has no attribute {name!r}")
