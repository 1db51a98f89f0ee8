"""Finished files in an object store, by fsspec."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import uuid4

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from service.archive.store import storage_error
from service.errors import BadSetting


class ObjectStore:
    """Objects below an fsspec URL, such as s3://bucket/nowcast.

    A put is one atomic request, conditional on a free name (If-None-Match: *, RFC 9110, section
    13.1.2). In a store without this condition the name is checked before: two concurrent writers
    can then both succeed, which is harmless since one name always has the same content. Temporary
    data of killed writers are dropped by the store.

    Args:
        url: The URL. Credentials and endpoint come from the environment, as for the store's tools.

    Raises:
        BadSetting: The scheme of the URL is unknown, or its package is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        try:
            self._open()
        except (ImportError, ValueError) as error:
            raise BadSetting(f"the archive at {url!r} cannot be opened: {error}") from error

    def _open(self) -> None:
        self._files, self._root = url_to_fs(self.url, use_listings_cache=False)
        self._process = os.getpid()

    @contextmanager
    def _file_system(self) -> Iterator[AbstractFileSystem]:
        """Yield the file system; other errors of its library become OSError."""
        if self._process != os.getpid():  # connections cannot be shared after a fork
            self._open()
        try:
            yield self._files
        except (OSError, TypeError, NotImplementedError):
            raise
        except Exception as error:
            raise OSError(f"{self.url} does not respond ({error})") from error

    def _full_path(self, path: str) -> str:
        return f"{self._root}/{path}"

    def put(self, path: str, data: bytes) -> bool:
        """Store an object, if its path is free. Returns whether it was."""
        if self.has(path):
            return False
        try:
            return self._create(path, data)
        except OSError as error:
            if isinstance(error, FileExistsError) or self.has(path):
                return False
            raise storage_error(error, path, data, self.url) from error

    def _create(self, path: str, data: bytes) -> bool:
        with self._file_system() as files:
            try:
                files.pipe_file(self._full_path(path), data, mode="create")
            except (TypeError, NotImplementedError):
                files.pipe_file(self._full_path(path), data)
            except OSError as error:
                if error.errno != errno.ENOSYS:
                    raise
                files.pipe_file(self._full_path(path), data)
        return True

    def renew(self, path: str, data: bytes) -> None:
        """Store an object even if it exists, so that its age starts again."""
        try:
            with self._file_system() as files:
                files.pipe_file(self._full_path(path), data)
        except OSError as error:
            raise storage_error(error, path, data, self.url) from error

    def get(self, path: str) -> bytes:
        """Return the content of an object.

        Raises:
            FileNotFoundError: There is no object at this path.
        """
        with self._file_system() as files:
            return bytes(files.cat_file(self._full_path(path)))

    def has(self, path: str) -> bool:
        """Whether there is an object at a path."""
        try:
            with self._file_system() as files:
                return bool(files.info(self._full_path(path))["type"] == "file")
        except FileNotFoundError:
            return False

    def names(self, folder: str) -> list[str]:
        """Return the names of objects and folders in a folder, in descending order."""
        root = self._full_path(folder)
        try:
            with self._file_system() as files:
                paths = files.ls(root, detail=False)
        except FileNotFoundError:
            return []
        return sorted((name.rpartition("/")[2] for name in paths if name != root), reverse=True)

    def files(self, folder: str) -> Iterator[str]:
        """Yield the paths of all objects below a folder, in descending order of their parts."""
        with self._file_system() as files:
            objects = files.find(self._full_path(folder))
        paths = (path.removeprefix(f"{self._root}/") for path in objects)
        yield from sorted(paths, key=lambda path: path.split("/"), reverse=True)

    def modified(self, path: str) -> datetime:
        """Return when an object was stored.

        Raises:
            FileNotFoundError: There is no object at this path.
        """
        with self._file_system() as files:
            modified: datetime = files.modified(self._full_path(path))
        return modified

    def remove(self, path: str) -> bool:
        """Remove an object. Returns whether it existed."""
        if not self.has(path):
            return False
        with self._file_system() as files:
            files.rm_file(self._full_path(path))
        return True

    def sweep(self) -> int:
        """Return 0: the store itself drops temporary data of killed writers."""
        return 0

    def used(self, folder: str) -> int:
        """See `Store.used`."""
        try:
            with self._file_system() as files:
                return int(files.du(self._full_path(folder)))
        except FileNotFoundError:
            return 0

    def free(self) -> tuple[int, int] | None:
        """See `Store.free`."""
        return None

    def probe(self) -> None:
        """See `Store.probe`."""
        path = self._full_path(f"incoming/probe-{uuid4().hex}")
        with self._file_system() as files:
            files.pipe_file(path, b"probe")
            files.rm_file(path)
