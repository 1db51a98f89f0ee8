"""Files that are whole or not there."""

import os
from pathlib import Path
from uuid import uuid4

TRIES = 5
"""A folder that has become empty may be removed between its making and the file's: then again."""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a temporary name beside it, bring it to disk, and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        write_to_disk(temporary, data)
        temporary.replace(path)
        bring_to_disk(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_once(path: Path, data: bytes, incoming: Path) -> bool:
    """Give a name to a whole file, at once, if the name is free.

    Args:
        incoming: Folder on the same file system for files that have no name yet.

    Returns:
        Whether the name was free; if not, nothing has changed.

    Raises:
        OSError: It cannot be written, for lack of room or of rights; nothing of it is left.
    """
    if path.exists():
        return False
    incoming.mkdir(parents=True, exist_ok=True)
    temporary = incoming / uuid4().hex
    try:
        write_to_disk(temporary, data)
        return link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def link(file: Path, path: Path, tries: int = TRIES) -> bool:
    """Give a file a name, if the name is free. Returns whether it was."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(file)
        bring_to_disk(path.parent)
    except (FileNotFoundError, FileExistsError):
        if path.exists():
            return False
        if tries == 1:
            raise
        return link(file, path, tries - 1)
    return True


def write_to_disk(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def bring_to_disk(folder: Path) -> None:
    """Make new names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
