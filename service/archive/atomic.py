"""Atomic writes: a file is complete or does not exist."""

import os
from pathlib import Path
from uuid import uuid4

TRIES = 5
"""Attempts to link a file: its new folder can be removed as empty by another process."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file under a temporary name beside it, sync it to disk, and rename it.

    Raises:
        OSError: It cannot be written; no temporary file is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        write_and_sync(temporary, data)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_once(path: Path, data: bytes, incoming: Path) -> bool:
    """Write a file atomically, if its name is free.

    Args:
        path: Path of the file.
        data: Its content.
        incoming: Folder of temporary files on the same file system.

    Returns:
        Whether the name was free; if not, nothing has changed.

    Raises:
        OSError: It cannot be written; no temporary file is left.
    """
    if path.exists():
        return False
    incoming.mkdir(parents=True, exist_ok=True)
    temporary = incoming / uuid4().hex
    try:
        write_and_sync(temporary, data)
        return link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def link(file: Path, path: Path, tries: int = TRIES) -> bool:
    """Link a file to a name, if the name is free. Returns whether it was.

    Raises:
        OSError: The file system refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(file)
        sync_folder(path.parent)
    except (FileNotFoundError, FileExistsError):
        if path.exists():
            return False
        if tries == 1:
            raise
        return link(file, path, tries - 1)
    return True


def write_and_sync(path: Path, data: bytes) -> None:
    """Write a file and sync its content to disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Sync a folder to disk, so that new names survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
