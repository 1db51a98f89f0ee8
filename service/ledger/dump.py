"""Dumps of the ledger for backups: SQLite by its online backup, PostgreSQL by pg_dump.

Both are consistent while processes write.
"""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL

from service.errors import BadLedger, MissingProgram
from service.ledger.database import engine, parse

SQLITE, POSTGRESQL = "ledger.sqlite", "ledger.dump"
"""Names of the dumps of the two kinds of database."""
PAGES = 1000
"""Pages of a SQLite file that are copied before other processes may write."""
INCOMPLETE = ".incomplete"
"""End of the name of a SQLite file that is being restored."""


def dump(url: str, folder: Path) -> Path:
    """Dump a ledger into a folder. Returns the file.

    Raises:
        BadLedger: There is no ledger, or it is damaged.
        MissingProgram: pg_dump is not installed.
        OSError: The dump failed.
    """
    parsed = parse(url)
    if parsed.get_backend_name() == "sqlite":
        return dump_sqlite(sqlite_file(parsed), folder / SQLITE)
    file = folder / POSTGRESQL
    run_postgres("pg_dump", parsed, "--format=custom", "--no-owner", f"--file={file}")
    return file


def dump_sqlite(source: Path, file: Path) -> Path:
    """Copy a SQLite file that may be in use, and check the copy. Returns the copy.

    Raises:
        BadLedger: There is no file, or it is damaged.
    """
    if not source.is_file():
        raise BadLedger(f"there is no ledger at {source}; check --data or NOWCAST_LEDGER")
    try:
        with closing(sqlite3.connect(source)) as used, closing(sqlite3.connect(file)) as copy:
            used.backup(copy, pages=PAGES, sleep=0.01)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise BadLedger(f"the ledger {source} cannot be copied: {error}") from error
    if found != "ok":
        raise BadLedger(f"the ledger {source} is damaged: {found}; keep the backup before")
    return file


def is_empty(url: str) -> bool:
    """Whether there is no ledger at a URL yet: no file, or no table in the database."""
    parsed = parse(url)
    if parsed.get_backend_name() == "sqlite":
        file = sqlite_file(parsed)
        return not file.exists() or not file.stat().st_size
    opened = engine(url)
    try:
        with opened.connect() as connection:
            return not opened.dialect.get_table_names(connection)
    finally:
        opened.dispose()


def restore(file: Path, url: str) -> None:
    """Put a dump in the place of a ledger, completely or not at all.

    Raises:
        BadLedger: The dump is of another kind of database than the URL.
        MissingProgram: pg_restore is not installed.
        OSError: The database refuses the dump, and is as it was.
    """
    parsed = parse(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    if is_sqlite != (file.name == SQLITE):
        kind = "SQLite" if file.name == SQLITE else "PostgreSQL"
        raise BadLedger(
            f"the backup has a ledger of {kind}; set NOWCAST_LEDGER to a database of this kind"
        )
    if not is_sqlite:
        options = "--clean", "--if-exists", "--no-owner", "--single-transaction"
        run_postgres("pg_restore", parsed, *options, str(file))
        return
    target = sqlite_file(parsed)
    target.parent.mkdir(parents=True, exist_ok=True)
    copy = target.with_name(target.name + INCOMPLETE)
    copy.unlink(missing_ok=True)
    dump_sqlite(file, copy)
    for end in ("-wal", "-shm"):  # of the former ledger
        target.with_name(target.name + end).unlink(missing_ok=True)
    copy.replace(target)


def sqlite_file(url: URL) -> Path:
    """The file of a SQLite ledger.

    Raises:
        BadLedger: It is in memory.
    """
    if not url.database or url.database == ":memory:":
        raise BadLedger("the ledger is in memory; there is nothing to back up or restore")
    return Path(url.database)


def run_postgres(program: str, url: URL, *options: str) -> None:
    """Run a program of PostgreSQL on a database; the password is not on its command line.

    Raises:
        MissingProgram: It is not installed.
        OSError: It fails.
    """
    address = url.username, None, url.host, url.port, url.database, url.query
    plain = URL.create("postgresql", *address).render_as_string()
    if shutil.which(program) is None:
        words = " ".join([program, f"--dbname={plain}", *options])
        raise MissingProgram(
            f"{program} is not installed; install postgresql-client, or run on a machine that has "
            f"it: {words}"
        )
    environment = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
    command = [program, f"--dbname={plain}", *options]
    done = subprocess.run(  # noqa: S603  a program of PostgreSQL
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(f"{program} failed: {' '.join(done.stderr.split())}")
