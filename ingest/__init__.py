"""Radar files in, precipitation fields out."""

from ingest.errors import BadField, IngestError, NotRead, OutsideGrid, SourceUnavailable
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
