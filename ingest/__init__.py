"""Radar files in, precipitation fields out.

Functions are imported on first use, so that errors need no library of radar formats.
"""

from typing import TYPE_CHECKING

from ingest.errors import BadField, IngestError, NotRead, OutsideGrid, SourceUnavailable
from ingest.lazy_imports import lazy_imports

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

__getattr__ = lazy_imports(
    __name__,
    {
        "at": "grid",
        "parse": "formats.radar_file",
        "read": "formats.radar_file",
        "to_model_grid": "grid",
    },
)
