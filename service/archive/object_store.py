"""Finished files as objects of a store that fsspec knows."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from service.archive.store import unkept
from service.errors import BadSetting


class ObjectStore:
    """Objects below a URL as fsspec takes it, such as s3://bucket/nowcast.

    A put is one request that succeeds whole or not at all, on the condition that the name is free
    (If-None-Match: *, RFC 9110, section 13.1.2). A store that knows no such condition is asked
    first: of two who put at once both may win there, which does no harm, since what is put under
    one name is the same thing. What killed writers leave, the store itself drops.

    Args:
        url: Credentials and endpoint come from the environment, as of the store's own tools.

    Raises:
        BadSetting: The package for this kind of URL is not installed, or there is no such kind.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        try:
            self._open()
        except (ImportError, ValueError) as error:
            raise BadSetting(f"there is no way to an archive at {url!r}: {error}") from error

    def _open(self) -> None:
        self._files, self._root = url_to_fs(self.url, use_listings_cache=False)
        self._process = os.getpid()

    @contextmanager
    def _talk(self) -> Iterator[AbstractFileSystem]:
        """The file system; whatever else its library may raise becomes an OSError."""
        if self._process != os.getpid():  # connections are of one process
            self._open()
        try:
            yield self._files
        except (OSError, TypeError, NotImplementedError):
            raise
        except Exception as error:
            raise OSError(f"{self.url} does not answer ({error})") from error

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def put(self, path: str, data: bytes) -> bool:
        if self.has(path):
            return False
        try:
            return self._create(path, data)
        except OSError as error:
            if isinstance(error, FileExistsError) or self.has(path):
                return False
            raise unkept(error, path, data, self.url) from error

    def _create(self, path: str, data: bytes) -> bool:
        with self._talk() as files:
            try:
                files.pipe_file(self._at(path), data, mode="create")
            except (TypeError, NotImplementedError):
                files.pipe_file(self._at(path), data)
            except OSError as error:
                if error.errno != errno.ENOSYS:
                    raise
                files.pipe_file(self._at(path), data)
        return True

    def renew(self, path: str, data: bytes) -> None:
        try:
            with self._talk() as files:
                files.pipe_file(self._at(path), data)
        except OSError as error:
            raise unkept(error, path, data, self.url) from error

    def get(self, path: str) -> bytes:
        with self._talk() as files:
            return bytes(files.cat_file(self._at(path)))

    def has(self, path: str) -> bool:
        try:
            with self._talk() as files:
                return bool(files.info(self._at(path))["type"] == "file")
        except FileNotFoundError:
            return False

    def names(self, folder: str) -> list[str]:
        at = self._at(folder)
        try:
            with self._talk() as files:
                found = files.ls(at, detail=False)
        except FileNotFoundError:
            return []
        return sorted((name.rpartition("/")[2] for name in found if name != at), reverse=True)

    def files(self, folder: str) -> Iterator[str]:
        with self._talk() as files:
            found = files.find(self._at(folder))
        paths = (path.removeprefix(f"{self._root}/") for path in found)
        yield from sorted(paths, key=lambda path: path.split("/"), reverse=True)

    def modified(self, path: str) -> datetime:
        with self._talk() as files:
            found: datetime = files.modified(self._at(path))
        return found

    def remove(self, path: str) -> bool:
        if not self.has(path):
            return False
        with self._talk() as files:
            files.rm_file(self._at(path))
        return True

    def sweep(self) -> int:
        return 0
