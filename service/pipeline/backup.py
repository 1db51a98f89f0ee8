"""Backups of ledger and archive into a folder, and their return, whole or not at all.

    backup.json        what is in it, and the SHA-256 of the list of files
    SHA256SUMS         of each file, as `sha256sum --check SHA256SUMS` reads it
    ledger.sqlite      or ledger.dump, of pg_dump
    archive/...        frames, forecasts and quarantine; uploads, which last a day, are left out

A backup is made under a temporary name beside its own, which it gets when all of it is on disk. The
ledger comes first, so that the archive has at least the files of its rows. Files of the archive
never change: on the same file system they are hard links, which take no space.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

from ingest.errors import BadField
from service.archive import checksum
from service.archive.archive import DAILY, Archive
from service.archive.atomic import sync_folder, write_atomically
from service.archive.key import iso
from service.archive.store import Folder, restore_marker
from service.errors import BadBackup
from service.ledger import dump

log = logging.getLogger(__name__)

FORMAT = 1
INDEX, SUMS, ARCHIVE = "backup.json", "SHA256SUMS", "archive"
KINDS = (*DAILY, "quarantine")
INCOMPLETE = ".incomplete"
"""End of the name of a backup or an archive that is being made."""


class Backup(NamedTuple):
    """What is in a backup.

    Attributes:
        created: When it was begun, ISO 8601 in UTC.
        ledger: Name of the file of the ledger.
        files: Number of files of the archive.
        size: Bytes of all files.
        damaged: Files of the archive that were left out, since the disk has changed them.
    """

    created: str
    ledger: str
    files: int
    size: int
    damaged: list[str]


def back_up(
    archive: Archive, ledger_url: str, folder: Path, now: datetime, previous: Path | None = None
) -> Backup:
    """Back up a ledger and an archive that may be in use into a new folder.

    Args:
        archive: The archive.
        ledger_url: URL of the ledger.
        folder: Folder of the backup, which does not exist yet.
        now: Current time.
        previous: A former backup, whose files are linked instead of copied where they are the same.

    Returns:
        What is in the backup.

    Raises:
        BadBackup: The folder exists, or the former backup is none.
        BadLedger: There is no ledger, or it is damaged.
        MissingProgram: A program of PostgreSQL is not installed.
        OSError: The backup cannot be written; nothing of it is left.
    """
    if folder.exists():
        raise BadBackup(f"{folder} exists; each backup has a folder of its own, such as {now:%F}")
    if previous is not None and not (previous / ARCHIVE).is_dir():
        raise BadBackup(f"{previous} is no former backup: it has no folder {ARCHIVE!r}")
    incoming = folder.with_name(f".{folder.name}{INCOMPLETE}")
    shutil.rmtree(incoming, ignore_errors=True)  # of a backup that was killed
    incoming.mkdir(parents=True)
    try:
        ledger = dump.dump(ledger_url, incoming)
        copied = copy_archive(archive, incoming, previous)
        size = ledger.stat().st_size + copied.size
        found = Backup(iso(now), ledger.name, len(copied.sums), size, copied.damaged)
        seal(incoming, found, {ledger.name: digest_of(ledger), **copied.sums})
        incoming.rename(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(incoming, ignore_errors=True)
        raise
    return found


class Copied(NamedTuple):
    """What was copied of an archive.

    Attributes:
        sums: SHA-256 of each file by its name in the backup.
        size: Bytes of all.
        damaged: Files that were left out.
    """

    sums: dict[str, str]
    size: int
    damaged: list[str]


def copy_archive(archive: Archive, incoming: Path, previous: Path | None) -> Copied:
    """Copy the files of an archive into a backup that is being made.

    Args:
        archive: The archive, which may be in use.
        incoming: Folder of the backup.
        previous: A former backup, whose files are linked where they are the same.

    Raises:
        OSError: A file cannot be read or written.
    """
    sums, size, damaged = dict[str, str](), 0, list[str]()
    for path in archived(archive):
        try:
            data = archive.store.get(path)
            if path.startswith(DAILY):
                checksum.verified(data)
        except FileNotFoundError:  # removed by retention just now
            continue
        except BadField as error:
            log.warning("%s is left out of the backup: %s", path, error)
            damaged.append(path)
            continue
        name = f"{ARCHIVE}/{path}"
        sums[name], size = hashlib.sha256(data).hexdigest(), size + len(data)
        sources = [previous / name] if previous else []
        if isinstance(archive.store, Folder):
            sources.append(archive.store.root / path)
        link_or_copy(incoming / name, data, sources)
    return Copied(sums, size, damaged)


def archived(archive: Archive) -> Iterator[str]:
    """Yield the paths of all files of an archive that belong to a backup."""
    for kind in KINDS:
        yield from archive.store.files(kind)


def link_or_copy(target: Path, data: bytes, sources: list[Path]) -> None:
    """Store a file: as a hard link to the first source that has its content, else as a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for source in sources:
        with suppress(OSError):  # another file system, or no such file
            target.hardlink_to(source)
            if target.read_bytes() == data:
                return
            target.unlink()
    target.write_bytes(data)


def seal(folder: Path, found: Backup, sums: dict[str, str]) -> None:
    """Write the list of files of a backup and what is in it, and sync all to disk."""
    text = "".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode()
    write_atomically(folder / SUMS, text)
    index = {"format": FORMAT, "sums": hashlib.sha256(text).hexdigest(), **found._asdict()}
    write_atomically(folder / INDEX, json.dumps(index, indent=1).encode() + b"\n")
    os.sync()  # thousands of new folders and links


def verify_backup(folder: Path) -> Backup:
    """Read a whole backup and compare it with its checksums.

    Raises:
        BadBackup: It is none, incomplete or damaged.
    """
    try:
        index = json.loads((folder / INDEX).read_bytes())
        text = (folder / SUMS).read_bytes()
        if index.pop("format") != FORMAT:
            raise BadBackup(f"{folder} is of a newer program; restore it with that one")
        if index.pop("sums") != hashlib.sha256(text).hexdigest():
            raise BadBackup(f"{folder / SUMS} is not that of the backup; use another backup")
        found = Backup(**index)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadBackup(f"{folder} is no backup of `nowcast backup`: {error}") from error
    for line in text.decode().splitlines():
        digest, _, name = line.partition("  ")
        try:
            is_same = digest_of(folder / name) == digest
        except FileNotFoundError:
            raise BadBackup(f"{folder / name} is missing; use another backup") from None
        if not is_same:
            raise BadBackup(f"{folder / name} is damaged; use another backup")
    return found


def restore(folder: Path, archive: Archive, ledger_url: str, *, replace: bool = False) -> Backup:
    """Put a backup in the place of ledger and archive, while no process uses them.

    The whole backup is checked first. An archive in a folder is built beside it and renamed when
    it is complete; in an object store, files are put one by one before the ledger. If this is
    killed, run it again.

    Args:
        folder: Folder of the backup.
        archive: The archive.
        ledger_url: URL of the ledger.
        replace: Replace a ledger and an archive that are there. A former folder of the archive
            stays beside it, as `archive.replaced-1`.

    Raises:
        BadBackup: It is none, incomplete or damaged, or there is data and it is not to be replaced.
        BadLedger: The ledger is of another kind of database.
        MissingProgram: A program of PostgreSQL is not installed.
        OSError: It cannot be written.
    """
    found = verify_backup(folder)
    is_new = not any(archive.store.names(kind) for kind in KINDS) and dump.is_empty(ledger_url)
    if not is_new and not replace and not is_interrupted(archive):
        raise BadBackup("there are a ledger or an archive already; --replace puts the backup there")
    if isinstance(archive.store, Folder):
        restore_folder(folder / ARCHIVE, archive.store.root)
    else:
        for file in files_in(folder / ARCHIVE):
            archive.store.put(str(file.relative_to(folder / ARCHIVE)), file.read_bytes())
    dump.restore(folder / found.ledger, ledger_url)
    if isinstance(archive.store, Folder):
        restore_marker(archive.store.root).unlink(missing_ok=True)
    return found


def restore_folder(source: Path, root: Path) -> None:
    """Build an archive beside its place, and put it there with a marker that the ledger lacks."""
    incoming = root.with_name(f".{root.name}{INCOMPLETE}")
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    for file in files_in(source):
        link_or_copy(incoming / file.relative_to(source), file.read_bytes(), [file])
    os.sync()
    write_atomically(
        restore_marker(root), b"a restore is under way; run it again if it was killed\n"
    )
    if root.exists():
        names = (root.with_name(f"{root.name}.replaced-{number}") for number in count(1))
        root.rename(next(name for name in names if not name.exists()))
    incoming.rename(root)
    sync_folder(root.parent)


def files_in(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder, in order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def is_interrupted(archive: Archive) -> bool:
    """Whether a restore was killed between archive and ledger."""
    return isinstance(archive.store, Folder) and restore_marker(archive.store.root).exists()


def digest_of(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
