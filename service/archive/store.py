"""Finished files by their paths, in a folder or in an object store.

Paths are relative and parted by slashes. What has a name is whole and does not change; it can only
be removed. Whoever puts a file may be killed at any moment and put it once more.
"""

import errno
import time as clock
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from service.archive.atomic import write_once, write_to_disk

ABANDONED_SECONDS = 3600
"""Age at which a file in `incoming` belongs to nobody any more."""


class Store(Protocol):
    """Where finished files lie."""

    def put(self, path: str, data: bytes) -> bool:
        """Give a name to a whole file, at once, if the name is free. Returns whether it was.

        Raises:
            OSError: It cannot be kept, as for lack of room; nothing of it is left, and the next
                try may succeed.
        """

    def renew(self, path: str, data: bytes) -> None:
        """Put a file whether or not it is there, so that its age begins now.

        Raises:
            OSError: As `put`.
        """

    def get(self, path: str) -> bytes:
        """The whole file.

        Raises:
            FileNotFoundError: There is none of this name.
        """

    def has(self, path: str) -> bool: ...

    def names(self, folder: str) -> list[str]:
        """Names of the files and folders in a folder, in falling order."""

    def files(self, folder: str) -> Iterator[str]:
        """Paths of all files below a folder, in falling order of the names in them."""

    def modified(self, path: str) -> datetime:
        """When a file was put.

        Raises:
            FileNotFoundError: There is none of this name.
        """

    def remove(self, path: str) -> bool:
        """Remove a file, and the folders that it leaves empty. Returns whether it was there."""

    def sweep(self) -> int:
        """Remove what killed writers have left without a name. Returns how many files."""


class Folder:
    """A folder of this machine, or one that several share.

    A file is written in `incoming`, brought to disk, and linked to its name.

    Args:
        root: The folder; made when something is first put into it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def incoming(self) -> Path:
        return self.root / "incoming"

    def put(self, path: str, data: bytes) -> bool:
        try:
            return write_once(self.root / path, data, self.incoming)
        except OSError as error:
            raise unkept(error, path, data, self.root) from error

    def renew(self, path: str, data: bytes) -> None:
        temporary = self.incoming / uuid4().hex
        try:
            if self.put(path, data):
                return
            write_to_disk(temporary, data)
            temporary.replace(self.root / path)
        except FileNotFoundError:  # its folder went with what was the last file there
            self.put(path, data)
        except OSError as error:
            raise unkept(error, path, data, self.root) from error
        finally:
            temporary.unlink(missing_ok=True)

    def get(self, path: str) -> bytes:
        try:
            return (self.root / path).read_bytes()
        except NotADirectoryError as error:
            raise FileNotFoundError(*error.args, error.filename) from error

    def has(self, path: str) -> bool:
        return (self.root / path).is_file()

    def names(self, folder: str) -> list[str]:
        try:
            return sorted((at.name for at in (self.root / folder).iterdir()), reverse=True)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def files(self, folder: str) -> Iterator[str]:
        for name in self.names(folder):
            path = f"{folder}/{name}"
            if (self.root / path).is_dir():
                yield from self.files(path)
            else:
                yield path

    def modified(self, path: str) -> datetime:
        try:
            return datetime.fromtimestamp((self.root / path).stat().st_mtime, UTC)
        except NotADirectoryError as error:
            raise FileNotFoundError(*error.args, error.filename) from error

    def remove(self, path: str) -> bool:
        file = self.root / path
        try:
            file.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        for parent in file.relative_to(self.root).parents[:-2]:  # but not frames, forecasts, ...
            try:
                (self.root / parent).rmdir()
            except OSError:
                break
        return True

    def sweep(self) -> int:
        oldest = clock.time() - ABANDONED_SECONDS
        left = [path for path in self.incoming.glob("*") if path.stat().st_mtime < oldest]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)


def unkept(error: OSError, path: str, data: bytes, place: object) -> OSError:
    """The error with what could not be kept, and where."""
    what = f"{error.strerror or error}; {path}, {len(data)} bytes, cannot be kept"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what += ", make room there"
    return OSError(error.errno, what, str(place))
