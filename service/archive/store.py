"""Stores of finished files by path: a folder, or an object store.

Paths are relative, with slashes. A file with a name is complete and does not change; it can only be
removed. A writer can be killed at any moment and store the file again.
"""

import errno
import os
import time as clock
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from service.archive.atomic import write_and_sync, write_once

ABANDONED_SECONDS = 3600
"""Age in s at which a temporary file in `incoming` is left by a killed process."""

BLOCK_BYTES = 4096
"""Bytes that a file or folder takes on a disk beside its content."""
PROBE_BYTES = 2**18
"""Bytes of a file that is written to find out whether the disk has room for a frame."""


class Store(Protocol):
    """A store of finished files."""

    def put(self, path: str, data: bytes) -> bool:
        """Store a file atomically, if its path is free. Returns whether it was.

        Raises:
            OSError: It cannot be stored, as on a full disk; a later attempt can succeed.
        """

    def renew(self, path: str, data: bytes) -> None:
        """Store a file even if it exists, so that its age starts again.

        Raises:
            OSError: It cannot be stored.
        """

    def get(self, path: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: There is no file at this path.
        """

    def has(self, path: str) -> bool:
        """Whether there is a file at a path."""

    def names(self, folder: str) -> list[str]:
        """Return the names of files and folders in a folder, in descending order."""

    def files(self, folder: str) -> Iterator[str]:
        """Yield the paths of all files below a folder, in descending order of their parts."""

    def modified(self, path: str) -> datetime:
        """Return when a file was stored.

        Raises:
            FileNotFoundError: There is no file at this path.
        """

    def remove(self, path: str) -> bool:
        """Remove a file and the folders it leaves empty. Returns whether it existed."""

    def sweep(self) -> int:
        """Remove temporary files of killed writers. Returns their number."""

    def used(self, folder: str) -> int:
        """Return the bytes of all files below a folder."""

    def free(self) -> tuple[int, int] | None:
        """Return the free bytes and all bytes of the disk; None where there is no limit."""

    def probe(self) -> None:
        """Write a file and remove it.

        Raises:
            OSError: Nothing can be stored, as on a full or read-only disk.
        """


def restore_marker(root: Path) -> Path:
    """Return the file beside an archive in a folder that is there while its ledger is restored."""
    return root.with_name(f".{root.name}.restoring")


class Folder:
    """A local or shared folder.

    A file is written in `incoming`, synced to disk, and linked to its name.

    Args:
        root: The folder; created by the first file.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def incoming(self) -> Path:
        """Folder of temporary files."""
        return self.root / "incoming"

    def put(self, path: str, data: bytes) -> bool:
        """Store a file atomically, if its path is free. Returns whether it was."""
        try:
            return write_once(self.root / path, data, self.incoming)
        except OSError as error:
            raise storage_error(error, path, data, self.root) from error

    def renew(self, path: str, data: bytes) -> None:
        """Store a file even if it exists, so that its age starts again."""
        temporary = self.incoming / uuid4().hex
        try:
            if self.put(path, data):
                return
            write_and_sync(temporary, data)
            temporary.replace(self.root / path)
        except FileNotFoundError:  # its folder was removed with its last file
            self.put(path, data)
        except OSError as error:
            raise storage_error(error, path, data, self.root) from error
        finally:
            temporary.unlink(missing_ok=True)

    def get(self, path: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: There is no file at this path.
        """
        try:
            return (self.root / path).read_bytes()
        except NotADirectoryError as error:
            raise FileNotFoundError(*error.args, error.filename) from error

    def has(self, path: str) -> bool:
        """Whether there is a file at a path."""
        return (self.root / path).is_file()

    def names(self, folder: str) -> list[str]:
        """Return the names of files and folders in a folder, in descending order."""
        try:
            return sorted((entry.name for entry in (self.root / folder).iterdir()), reverse=True)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def files(self, folder: str) -> Iterator[str]:
        """Yield the paths of all files below a folder, in descending order of their parts."""
        for name in self.names(folder):
            path = f"{folder}/{name}"
            if (self.root / path).is_dir():
                yield from self.files(path)
            else:
                yield path

    def modified(self, path: str) -> datetime:
        """Return when a file was stored.

        Raises:
            FileNotFoundError: There is no file at this path.
        """
        try:
            return datetime.fromtimestamp((self.root / path).stat().st_mtime, UTC)
        except NotADirectoryError as error:
            raise FileNotFoundError(*error.args, error.filename) from error

    def remove(self, path: str) -> bool:
        """Remove a file and the folders it leaves empty. Returns whether it existed."""
        file = self.root / path
        try:
            file.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        for parent in file.relative_to(self.root).parents[:-2]:  # but not the folder of the kind
            try:
                (self.root / parent).rmdir()
            except OSError:
                break
        return True

    def sweep(self) -> int:
        """Remove abandoned temporary files. Returns their number."""
        oldest = clock.time() - ABANDONED_SECONDS
        abandoned = [path for path in self.incoming.glob("*") if path.stat().st_mtime < oldest]
        for path in abandoned:
            path.unlink(missing_ok=True)
        return len(abandoned)

    def used(self, folder: str) -> int:
        """See `Store.used`."""
        total = 0
        for path in (self.root / folder).rglob("*"):
            with suppress(FileNotFoundError):  # removed by another process
                total += BLOCK_BYTES + path.stat().st_size
        return total

    def free(self) -> tuple[int, int] | None:
        """See `Store.free`."""
        existing = next(path for path in (self.root, *self.root.parents) if path.exists())
        state = os.statvfs(existing)
        return state.f_bavail * state.f_frsize, state.f_blocks * state.f_frsize

    def probe(self) -> None:
        """See `Store.probe`."""
        file = self.incoming / f"probe-{uuid4().hex}"
        self.incoming.mkdir(parents=True, exist_ok=True)
        try:
            write_and_sync(file, bytes(PROBE_BYTES))
        finally:
            file.unlink(missing_ok=True)


def storage_error(error: OSError, path: str, data: bytes, location: object) -> OSError:
    """Return the error with the path and size of the file, and the location of the store."""
    what = f"{error.strerror or error}; {path}, {len(data)} bytes, cannot be stored"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what += ", free some space there"
    return OSError(error.errno, what, str(location))
