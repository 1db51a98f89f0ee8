"""The database of the ledger and the job table: SQLite or PostgreSQL, by URL.

Rows are written by key in short transactions whose first statement writes. Any number of processes
can therefore write in parallel, and writing a row again changes nothing.
"""

import sqlite3
import threading
import time as clock
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    ExceptionContext,
    PoolProxiedConnection,
    QueuePool,
    Table,
    create_engine,
    event,
    func,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    OperationalError,
    TimeoutError,  # noqa: A004  of the pool
)
from sqlalchemy.pool import ConnectionPoolEntry

from service.errors import BadLedger, LedgerAway
from service.ledger.tables import metadata, tallies

ATTEMPTS = 500
"""Attempts, 10 ms apart, to enable write-ahead logging in a new SQLite file."""
CONNECT_SECONDS = 5
"""Timeout of a connection to PostgreSQL, in s."""
POOL: dict[str, Any] = {"pool_size": 5, "max_overflow": 10, "pool_timeout": 5}
"""Connections of a process, and how long in s to wait for one of them."""
AWAY_STATES = ("25006", "42501", "42P01", "3D000", "XX")
"""SQLSTATE codes, or their beginnings, of a PostgreSQL that is read-only, lacks a right, a table or
the database, or is damaged."""
REVISION = "0010"
"""The newest revision in `service/ledger/migrations`, that of `service/ledger/tables.py`."""
LOCKS = {"upgrade": 7_320_001, "windows": 7_320_002, "alerts": 7_320_003}
"""Numbers of the advisory locks in PostgreSQL."""
INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def engine(url: str) -> Engine:
    """Create the engine of a database, without connecting.

    Its connections raise LedgerAway while the database is unreachable or its disk is full.

    Raises:
        BadLedger: The URL is invalid or of another kind of database.
    """
    parsed = parse(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        opened = create_engine(parsed, poolclass=LedgerPool, **POOL)
        event.listen(opened, "connect", prepare_sqlite)
        if parsed.database and parsed.database != ":memory:":
            follow_file(opened, Path(parsed.database))
    else:
        patience = {"connect_timeout": str(CONNECT_SECONDS)} | dict(parsed.query)
        parsed = parsed.set(drivername="postgresql+psycopg", query=patience)
        opened = create_engine(parsed, pool_pre_ping=True, poolclass=LedgerPool, **POOL)
    event.listen(opened, "handle_error", translate_error)
    return opened


def parse(url: str) -> URL:
    """Parse the URL of a ledger.

    Raises:
        BadLedger: The URL is invalid or of another kind of database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadLedger(f"the ledger's URL cannot be read; {SHOULD_BE}") from error
    if parsed.get_backend_name() not in INSERT:
        raise BadLedger(f"the ledger is {parsed.render_as_string()}; {SHOULD_BE}")
    return parsed


SHOULD_BE = (
    "should be like sqlite:////srv/nowcast/ledger.sqlite or postgresql://user:password@host/nowcast"
)


class LedgerPool(QueuePool):
    """Connections to the ledger."""

    def connect(self) -> PoolProxiedConnection:
        """Return a connection.

        Raises:
            LedgerAway: All are in use for too long.
        """
        try:
            return super().connect()
        except TimeoutError as error:
            reason = f"all {self.checkedout()} connections to the ledger are in use"
            raise LedgerAway(f"{reason}; try again later", reason) from error


def follow_file(engine: Engine, path: Path) -> None:
    """Leave a SQLite file that has been deleted or replaced.

    Its open connections would go on to write where nothing is read again.
    """
    is_known = threading.Event()

    def on_connect(*arguments: object) -> None:
        del arguments
        if is_known.is_set() and identity(path) is None:  # or SQLite would create an empty one
            reason = "the file of the ledger is gone"
            raise LedgerAway(f"{reason}: {path}; restore a backup and restart", reason)

    def on_connected(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()  # opens the file
        record.info["identity"] = identity(path)
        is_known.set()

    def on_checkout(connection: object, record: ConnectionPoolEntry, proxy: object) -> None:
        del connection, proxy
        if record.info.get("identity") != identity(path):
            raise DisconnectionError("the file of the ledger has been replaced")

    event.listen(engine, "do_connect", on_connect)
    event.listen(engine, "connect", on_connected)
    event.listen(engine, "checkout", on_checkout)


FileIdentity = tuple[int, int]
"""Device and inode."""


def identity(path: Path) -> FileIdentity | None:
    """Device and inode of a file; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def prepare_sqlite(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    """Configure a new connection: write-ahead logging lets processes read while one writes."""
    del record
    for pragma in ("busy_timeout=30000", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    # While another process does this in a new file, SQLite refuses at once, despite busy_timeout.
    for attempt in range(ATTEMPTS):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if attempt + 1 == ATTEMPTS:
                raise
            clock.sleep(0.01)
        else:
            break


def translate_error(context: ExceptionContext) -> None:
    """Raise errors of the service for failures of the database, not for invalid statements.

    Raises:
        BadLedger: The file is damaged.
        LedgerAway: The database is unreachable or full.
    """
    error, known = context.original_exception, context.sqlalchemy_exception
    if context.is_pre_ping or not isinstance(known, DBAPIError):
        return  # the connection is tried again; or the cause is another, such as Ctrl-C
    detail, state = one_line(error), str(getattr(error, "sqlstate", None) or "")
    if type(error) is sqlite3.DatabaseError:
        raise BadLedger(f"the ledger is damaged: {detail}; restore a backup") from error
    away = isinstance(known, OperationalError | InterfaceError) or context.is_disconnect
    if away or state.startswith(AWAY_STATES):
        reason = public_reason(error, state)
        raise LedgerAway(f"the ledger cannot be used now: {detail}", reason) from error


def one_line(error: BaseException | None) -> str:
    """The message of an error in one line."""
    return " ".join(str(error).split())


def public_reason(error: BaseException | None, state: str) -> str:
    """Why the ledger cannot be used, without hosts, paths or users, for any client."""
    if isinstance(error, sqlite3.Error):
        return f"the ledger cannot be used now: {one_line(error)}"  # SQLite names none of them
    if state:
        return f"the ledger cannot be used now: its server reports SQLSTATE {state}"
    return "the ledger cannot be used now: its server cannot be reached"


# writing


def insert(connection: Connection, table: Table) -> Any:  # noqa: ANN401  depends on the dialect
    """Return an INSERT statement of the dialect, which can have ON CONFLICT."""
    return INSERT[connection.dialect.name](table)


def insert_once(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose key does not exist yet."""
    if rows:
        connection.execute(insert(connection, table).on_conflict_do_nothing(), list(rows))


def increment_tallies(
    connection: Connection, subject: str, outcomes: Iterable[tuple[str, str]]
) -> None:
    """Increment the tally of each (name, outcome), in sorted order to avoid deadlocks."""
    rows = [
        {"subject": subject, "name": name, "outcome": outcome, "n": n}
        for (name, outcome), n in sorted(Counter(outcomes).items())
    ]
    new = insert(connection, tallies)
    more = {"n": tallies.c.n + new.excluded.n}
    if rows:
        connection.execute(
            new.on_conflict_do_update(index_elements=list(tallies.primary_key), set_=more), rows
        )


def tallies_of(connection: Connection, subject: str) -> dict[tuple[str, str], int]:
    """Return the tallies of a subject by (name, outcome)."""
    query = select(tallies).where(tallies.c.subject == subject)
    return {(row.name, row.outcome): int(row.n) for row in connection.execute(query)}


def lock(connection: Connection, name: str) -> None:
    """Lock until the end of the transaction: one process at a time holds a lock of LOCKS.

    In SQLite no other process can write anything meanwhile.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(select(func.pg_advisory_xact_lock(LOCKS[name])))


# revisions


def revision(connection: Connection) -> str | None:
    """Return the revision of a ledger; "0001" if it has no number, None if it is empty."""
    there = connection.dialect.get_table_names(connection)
    if "alembic_version" in there:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if found is not None:
            return str(found)
    return "0001" if "arrivals" in there else None


def upgrade(engine: Engine) -> None:
    """Create the tables or upgrade them to `REVISION`, one process at a time.

    Raises:
        BadLedger: They are of a newer program.
    """
    with engine.connect() as connection:
        if revision(connection) == REVISION:
            return
    with engine.begin() as connection:
        lock(connection, "upgrade")
        found = revision(connection)
        if found is None:
            metadata.create_all(connection)
            stamp(connection, REVISION)
        elif found != REVISION:
            migrate(connection, found)


def migrate(connection: Connection, found: str) -> None:
    """Upgrade the tables from a revision.

    Raises:
        BadLedger: The revision is unknown, that of a newer program.
    """
    # Alembic takes half a second to import, and upgrades are rare.
    from service.ledger.migrations import known, run

    if found not in known():
        raise BadLedger(
            f"the ledger {connection.engine.url.render_as_string()} is at revision {found}, should "
            f"be at {REVISION} or older; run the newer program that wrote it, or restore a backup"
        )
    stamp(connection, found)
    run(connection)


def stamp(connection: Connection, found: str) -> None:
    """Store the revision of a ledger, if none is stored."""
    connection.execute(
        text(
            "CREATE TABLE IF NOT EXISTS alembic_version "
            "(version_num VARCHAR(32) CONSTRAINT alembic_version_pkc PRIMARY KEY)"
        )
    )
    once_more = "INSERT INTO alembic_version VALUES (:found) ON CONFLICT DO NOTHING"
    connection.execute(text(once_more), {"found": found})
