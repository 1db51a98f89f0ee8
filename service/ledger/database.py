"""The database behind the ledger and the job table: SQLite, or PostgreSQL, by URL.

Whatever is written is written by key in one short transaction whose first statement writes, so any
number of processes may do it at once, and doing it again changes nothing.
"""

import sqlite3
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
    Table,
    create_engine,
    event,
    func,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from service.errors import BadLedger, LedgerAway
from service.ledger.tables import metadata, tallies

ATTEMPTS = 500
CONNECT_SECONDS = 5
REVISION = "0004"
"""The newest revision in `service/ledger/migrations`, of which `service/ledger/tables.py` is the
picture."""
LOCKS = {"upgrade": 7_320_001, "windows": 7_320_002}
"""Numbers of PostgreSQL's advisory locks, ours alone."""
INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def engine(url: str) -> Engine:
    """Connections to the database of a URL; none is made yet.

    Whatever is done while it cannot be reached, or where it has no room, raises LedgerAway.

    Raises:
        BadLedger: The URL is none, or of a kind of database that is not taken.
    """
    parsed = parse(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        opened = create_engine(parsed)
        event.listen(opened, "connect", prepare_sqlite)
    else:
        patience = {"connect_timeout": str(CONNECT_SECONDS)} | dict(parsed.query)
        parsed = parsed.set(drivername="postgresql+psycopg", query=patience)
        opened = create_engine(parsed, pool_pre_ping=True, pool_size=5, max_overflow=5)
    event.listen(opened, "handle_error", name_trouble)
    return opened


def parse(url: str) -> URL:
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


def prepare_sqlite(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    """Several processes may read while one writes; a killed one leaves no half transaction."""
    del record
    for pragma in ("busy_timeout=30000", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    # Of those who open a new ledger at once all but one are refused this, without any waiting.
    for attempt in range(ATTEMPTS):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if attempt + 1 == ATTEMPTS:
                raise
            clock.sleep(0.01)
        else:
            break


def name_trouble(context: ExceptionContext) -> None:
    """Raise errors of ours for what is the database's trouble and not a fault of a statement."""
    error, known = context.original_exception, context.sqlalchemy_exception
    if context.is_pre_ping or not isinstance(known, DBAPIError):
        return  # it is tried anew; or it is no trouble, as Ctrl-C while a statement runs
    detail = " ".join(str(error).split())
    if type(error) is sqlite3.DatabaseError:
        raise BadLedger(f"the ledger is damaged: {detail}; restore a backup") from error
    if isinstance(known, OperationalError | InterfaceError) or context.is_disconnect:
        raise LedgerAway(f"the ledger cannot be used now: {detail}") from error


# writing


def insert(connection: Connection, table: Table) -> Any:  # noqa: ANN401  of one dialect or another
    """An insert that knows of conflicts."""
    return INSERT[connection.dialect.name](table)


def once(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose key is not there yet."""
    if rows:
        connection.execute(insert(connection, table).on_conflict_do_nothing(), list(rows))


def raise_tally(connection: Connection, subject: str, outcomes: Iterable[tuple[str, str]]) -> None:
    """Count each (name, outcome) once more; in one order, so that no two wait for each other."""
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


def tallied(connection: Connection, subject: str) -> dict[tuple[str, str], int]:
    """How often what came to what, by (name, outcome)."""
    query = select(tallies).where(tallies.c.subject == subject)
    return {(row.name, row.outcome): int(row.n) for row in connection.execute(query)}


def alone(connection: Connection, name: str) -> None:
    """Let one process at a time go on from here to the end of its transaction, with what LOCKS
    names. In SQLite it is then the only one that writes anything."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(select(func.pg_advisory_xact_lock(LOCKS[name])))


# revisions


def revision(connection: Connection) -> str | None:
    """The revision a ledger is at; "0001" if it is from before revisions, None if it is empty."""
    there = connection.dialect.get_table_names(connection)
    if "alembic_version" in there:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if found is not None:
            return str(found)
    return "0001" if "arrivals" in there else None


def upgrade(engine: Engine) -> None:
    """Bring the tables up to what this program knows, also where others do the same at once.

    Raises:
        BadLedger: They are of a newer program.
    """
    with engine.connect() as connection:
        if revision(connection) == REVISION:
            return
    with engine.begin() as connection:
        alone(connection, "upgrade")
        found = revision(connection)
        if found is None:
            metadata.create_all(connection)
            stamp(connection, REVISION)
        elif found != REVISION:
            migrate(connection, found)


def migrate(connection: Connection, found: str) -> None:
    # Imported here: it takes half a second, and is needed once in the life of a ledger.
    from service.ledger.migrations import known, run

    if found not in known():
        raise BadLedger(
            f"the ledger {connection.engine.url.render_as_string()} is at revision {found}, should "
            f"be at {REVISION} or older; run the newer program that wrote it, or restore a backup"
        )
    stamp(connection, found)
    run(connection)


def stamp(connection: Connection, found: str) -> None:
    """Note the revision a ledger is at, if that is not noted."""
    connection.execute(
        text(
            "CREATE TABLE IF NOT EXISTS alembic_version "
            "(version_num VARCHAR(32) CONSTRAINT alembic_version_pkc PRIMARY KEY)"
        )
    )
    once_more = "INSERT INTO alembic_version VALUES (:found) ON CONFLICT DO NOTHING"
    connection.execute(text(once_more), {"found": found})
