"""API keys: who may ask, and how often.

The file of keys has a JSON object a line, `{"name": "anna", "sha256": "...", "per_minute": 60}`. It
holds hashes only, so who reads it gets in nowhere. A key is 256 random bits, which nobody guesses
from its hash however fast that is. Removing a line revokes the key.
"""

import hashlib
import hmac
import ipaddress
import logging
import secrets
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.archive.atomic import write_whole
from service.errors import BadKeys, Exposed
from service.settings import Settings

log = logging.getLogger(__name__)

RANDOM_BYTES = 32
PREFIX = "nowcast_"
"""By which people, and programs that look for leaked keys, know one when they see it."""


class ApiKey(BaseModel):
    """A line of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]{1,64}$")]
    """Whose it is."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    per_minute: Annotated[int, Field(ge=0)] | None = None
    """Requests per minute, 0 for no limit; None for that of the settings."""


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def add(path: Path, name: str, per_minute: int | None = None) -> str:
    """Make a key and keep its hash in a file. Returns the key, which is kept nowhere.

    Raises:
        BadKeys: The name will not do or is taken, or the file holds something else.
    """
    secret = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    try:
        key = ApiKey(name=name, sha256=digest(secret), per_minute=per_minute)
    except ValidationError as error:
        raise BadKeys(f"a key cannot be named {name!r}: {reasons(error)}") from error
    before = read(path) if path.exists() else ()
    if any(key.name == other.name for other in before):
        raise BadKeys(f"{path} has a key named {name!r}; remove its line, or take another name")
    lines = "".join(f"{one.model_dump_json(exclude_none=True)}\n" for one in (*before, key))
    write_whole(path, lines.encode())
    return secret


def read(path: Path) -> tuple[ApiKey, ...]:
    """The keys in a file.

    Raises:
        BadKeys: There is no such file, or a line of it is no key.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadKeys(
            f"the file of keys {path} cannot be read: {error.strerror}; `nowcast key` makes one"
        ) from error
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                found.append(ApiKey.model_validate_json(line))
            except ValidationError as error:
                raise BadKeys(f"{path}, line {number}, is no key: {reasons(error)}") from error
    return tuple(found)


def reasons(error: ValidationError) -> str:
    """What is wrong, without what was given, which may be secret."""
    return "; ".join(
        f"{'.'.join(map(str, part['loc'])) or 'the line'}: {part['msg']}" for part in error.errors()
    )


class KeyFile:
    """The keys of a file, read again when it has changed.

    A change that makes the file unreadable is logged, and the keys before it stay good: a slip of
    an editor shuts nobody out. An empty file has no keys.

    Raises:
        BadKeys: It cannot be read to begin with.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._look()
        self._keys = read(path)

    def holder(self, secret: str) -> ApiKey | None:
        """The key that this is, if it is any.

        All keys are compared, each in constant time, so how long it takes tells nothing.
        """
        self._refresh()
        said, found = digest(secret), None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, said):
                found = key
        return found

    def _look(self) -> tuple[int, int, int] | None:
        """What changes when the file does."""
        try:
            state = self._path.stat()
        except OSError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino

    def _refresh(self) -> None:
        state = self._look()
        if state == self._seen:
            return
        self._seen = state
        try:
            self._keys = read(self._path)
        except BadKeys as error:
            log.error("%s; the keys before stay good", error)


def check_exposure(settings: Settings) -> None:
    """Refuse to answer anybody from anywhere unless that is what is wanted.

    Raises:
        Exposed: The API would be open on an address that others reach.
        BadKeys: The file of keys cannot be read.
    """
    if settings.api_keys is not None:
        read(settings.api_keys)
    elif not (settings.open_to_all or is_loopback(settings.host)):
        raise Exposed(
            f"the API would answer anybody who reaches {settings.host or 'this machine'}: make a "
            f"key with `nowcast key NAME` and set NOWCAST_API_KEYS to its file, or set "
            f"NOWCAST_OPEN_TO_ALL=true if that is wanted, or listen on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
