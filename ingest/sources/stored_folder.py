"""A folder of stored radar files as a source: in the order in which they came."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from ingest.errors import SourceUnavailable
from ingest.formats.radar_file import stamp_in

PUBLICATION_DELAY = timedelta(minutes=4)
"""From the end of the interval until a frame is published; 3 to 5 minutes at DWD."""


def files_in(paths: Iterable[Path]) -> list[Path]:
    """The files among some paths and in the folders among them, by the time in their names.

    Those without a time come last. What is in a folder and no file, such as a pipe, is listed as
    well, and refused when it is its turn.

    Raises:
        SourceUnavailable: A path does not exist, or there is no file at all.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise SourceUnavailable(f"{path} does not exist; name radar files or a folder of them")
        inside = [p for p in path.rglob("*") if not p.is_dir()] if path.is_dir() else [path]
        found += [p for p in inside if not p.name.startswith(".")]
    if not found:
        raise SourceUnavailable(f"{', '.join(map(str, paths))}: no files there")
    latest = np.datetime64("9999-12-31")
    return sorted(found, key=lambda path: (stamp_in(path.name) or latest, path.name))


def published(path: Path, otherwise: datetime) -> datetime:
    """Return when a stored file was published, by its name; else `otherwise`."""
    stamp = stamp_in(path.name)
    if stamp is None:
        return otherwise
    moment: datetime = stamp.astype("datetime64[s]").item()
    return moment.replace(tzinfo=otherwise.tzinfo) + PUBLICATION_DELAY
