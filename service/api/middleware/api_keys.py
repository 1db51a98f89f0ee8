"""API keys and the key file.

The key file has one JSON object per line, `{"name": "anna", "sha256": "...", "per_minute": 60}`. It
holds hashes only, so reading the file gives no access. A key has 256 random bits, so a fast hash is
enough against guessing. Removing a line revokes its key.
"""

import fcntl
import hashlib
import hmac
import ipaddress
import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.archive.atomic import write_atomically
from service.errors import BadKeys, Exposed
from service.settings import Settings

log = logging.getLogger(__name__)

LIST = "list"
"""What `nowcast key` takes in place of a name, to list the keys."""
RANDOM_BYTES = 32
PREFIX = "nowcast_"
"""Prefix of every key, by which people and secret scanners recognise one."""


class ApiKey(BaseModel):
    """A line of the key file.

    Attributes:
        name: Name of the key's holder.
        sha256: SHA-256 of the key.
        per_minute: Requests per minute, 0 for no limit; None for the limit in the settings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]{1,64}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    per_minute: Annotated[int, Field(ge=0)] | None = None


def digest(secret: str) -> str:
    """SHA-256 of a key, in hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add(path: Path, name: str, per_minute: int | None = None) -> str:
    """Make an API key and append its hash to a key file, which is created where needed.

    Returns:
        The key, which is stored nowhere.

    Raises:
        BadKeys: The name is invalid or taken, or the file is no key file.
        OSError: The file cannot be written.
    """
    if name == LIST:
        raise BadKeys(f"a key cannot be named {LIST!r}: that lists the keys")
    secret = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    try:
        new = ApiKey(name=name, sha256=digest(secret), per_minute=per_minute)
    except ValidationError as error:
        raise BadKeys(f"a key cannot be named {name!r}: {reasons(error)}") from error
    with locked(path):
        keys = read(path) if path.exists() else ()
        if any(key.name == name for key in keys):
            raise BadKeys(f"{path} has a key named {name!r}; remove its line, or use another name")
        write(path, (*keys, new))
    return secret


def revoke(path: Path, name: str) -> None:
    """Remove the key of a name from a key file. It is refused from the next request on.

    Raises:
        BadKeys: There is no key of this name, or the file is no key file.
    """
    with locked(path):
        keys = read(path)
        left = tuple(key for key in keys if key.name != name)
        if len(left) == len(keys):
            raise BadKeys(f"{path} has no key named {name!r}; `nowcast key list` lists them")
        write(path, left)


def write(path: Path, keys: Iterable[ApiKey]) -> None:
    """Write a key file atomically."""
    lines = "".join(f"{key.model_dump_json(exclude_none=True)}\n" for key in keys)
    write_atomically(path, lines.encode())


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes from changing a key file meanwhile, so that no key is lost."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read(path: Path) -> tuple[ApiKey, ...]:
    """The keys of a key file.

    Raises:
        BadKeys: The file does not exist, or one of its lines is no key.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadKeys(
            f"the key file {path} cannot be read: {error.strerror}; `nowcast key` makes one"
        ) from error
    keys = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                keys.append(ApiKey.model_validate_json(line))
            except ValidationError as error:
                raise BadKeys(f"{path}, line {number}, is no key: {reasons(error)}") from error
    return tuple(keys)


def reasons(error: ValidationError) -> str:
    """What is invalid, without the values themselves, which may be secret."""
    return "; ".join(
        f"{'.'.join(map(str, part['loc'])) or 'the line'}: {part['msg']}" for part in error.errors()
    )


class KeyFile:
    """The keys of a key file, read again when the file changes.

    When a line of a changed file cannot be read, the error is logged and the previous keys stay
    valid whose hash is still in the file, so an editing mistake locks no client out and a revoked
    key stays out. A file that is missing or has no good line changes nothing; an empty one has no
    keys.

    Raises:
        BadKeys: The file cannot be read at first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version = self._file_version()
        self._keys = read(path)

    def find(self, secret: str) -> ApiKey | None:
        """The entry of a key, or None for an unknown key.

        All entries are compared, each in constant time, so the duration reveals nothing.
        """
        self._refresh()
        hashed, found = digest(secret), None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, hashed):
                found = key
        return found

    def _file_version(self) -> tuple[int, int, int] | None:
        """Modification time, size and inode; None where there is no file."""
        try:
            state = self._path.stat()
        except OSError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino

    def _refresh(self) -> None:
        version = self._file_version()
        if version == self._version:
            return
        self._version = version
        try:
            self._keys = read(self._path)
        except BadKeys as error:
            log.error("%s; the previous keys stay valid whose hash is in it", error)
            self._keys = self._still_in_file()

    def _still_in_file(self) -> tuple[ApiKey, ...]:
        """The keys of a spoilt file: of its good lines, and previous ones whose hash is in it.

        Where there is no file, or not one good line, these are the previous keys.
        """
        try:
            content = self._path.read_text(errors="replace")
        except OSError:
            return self._keys
        good = tuple(key for line in content.splitlines() if (key := key_in(line)))
        known = {key.sha256 for key in good}
        left = [key for key in self._keys if key.sha256 in content and key.sha256 not in known]
        return (*good, *left) if good else self._keys


def key_in(line: str) -> ApiKey | None:
    """The key in a line of a key file; None if it is none."""
    try:
        return ApiKey.model_validate_json(line)
    except ValidationError:
        return None


def check_exposure(settings: Settings) -> None:
    """Refuse to serve without API keys on an address that others reach, unless it is intended.

    Raises:
        Exposed: The API would be open on an address that others reach.
        BadKeys: The key file cannot be read.
    """
    if settings.api_keys is not None:
        read(settings.api_keys)
    elif not (settings.open_to_all or is_loopback(settings.host)):
        raise Exposed(
            f"the API would be open to everybody who reaches {settings.host or 'this machine'}: "
            f"make a key with `nowcast key NAME` and set NOWCAST_API_KEYS to its file, or set "
            f"NOWCAST_OPEN_TO_ALL=true if this is intended, or listen on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether a host is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
