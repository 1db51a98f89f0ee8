"""What has been done and how good it was, in SQL: arrivals, forecasts, and counts of each lead.

SQLite by default, any database of SQLAlchemy by URL. Every row has a natural key and is written
once: doing a thing again finds its row and changes nothing, so a job may be killed and repeated at
any point. Counts and sums are stored, never scores.
"""

import sqlite3
import time as clock
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Join,
    RowMapping,
    Select,
    Table,
    and_,
    create_engine,
    event,
    func,
    make_url,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateIndex, CreateTable

from service.tables import COUNTS, KEY, arrivals, counts, forecasts, fractions, leads, metadata

ATTEMPTS = 500


class Arrival(NamedTuple):
    """What became of a file that came."""

    fingerprint: str
    name: str
    outcome: str
    arrived: datetime
    product: str | None = None
    frame_time: datetime | None = None
    reason: str | None = None
    valid_area: float | None = None


class Ledger:
    """The book of one deployment.

    Args:
        url: Database URL; the tables are made where they are not there.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = create_engine(parsed)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", prepare_sqlite)
        with self.engine.begin() as connection:
            make_tables(connection)

    # arrivals

    def arrival(self, fingerprint: str) -> Arrival | None:
        """What became of the file of this fingerprint, if it ever came."""
        query = select(arrivals).where(arrivals.c.fingerprint == fingerprint)
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Arrival(**row)

    def has_accepted(self, frame_time: datetime) -> bool:
        """Whether a frame of this time has been accepted from any file."""
        query = select(arrivals.c.fingerprint).where(
            arrivals.c.frame_time == frame_time, arrivals.c.outcome.in_(("accepted", "late"))
        )
        with self.engine.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def arrive(self, arrival: Arrival) -> None:
        with self.engine.begin() as connection:
            once(connection, arrivals, [arrival._asdict()])

    def arrivals_by_outcome(self) -> dict[str, int]:
        """How many files came to each outcome."""
        query = select(arrivals.c.outcome, func.count()).group_by(arrivals.c.outcome)
        with self.engine.connect() as connection:
            return {str(outcome): int(n) for outcome, n in connection.execute(query)}

    # forecasts

    def forecast(
        self, key: dict[str, Any], times: dict[str, datetime], valid: dict[int, datetime]
    ) -> None:
        """Note a forecast, `times` being radar_time and generated, and its leads as pending."""
        with self.engine.begin() as connection:
            once(connection, forecasts, [key | times])
            rows = [
                key | {"lead_minutes": lead, "valid_time": time, "status": "pending"}
                for lead, time in valid.items()
            ]
            once(connection, leads, rows)

    def has_forecast(self, key: dict[str, Any]) -> bool:
        query = select(forecasts.c.issue).where(*matches(forecasts, key))
        with self.engine.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    # verification

    def pending(self, until: datetime) -> list[RowMapping]:
        """Leads whose valid time has come and that are not verified yet, oldest first."""
        query = (
            select(leads)
            .where(leads.c.status == "pending", leads.c.valid_time <= until)
            .order_by(leads.c.valid_time, leads.c.issue)
        )
        with self.engine.connect() as connection:
            return list(connection.execute(query).mappings())

    def verified(
        self,
        key: dict[str, Any],
        errors: dict[str, float],
        count_rows: Iterable[dict[str, Any]],
        fraction_rows: Iterable[dict[str, Any]],
    ) -> None:
        """Enter the verification of a lead (`key` with lead_minutes) once, whole or not at all."""
        with self.engine.begin() as connection:
            done = connection.execute(
                update(leads)
                .where(*matches(leads, key), leads.c.status == "pending")
                .values(status="verified", **errors)
            )
            if done.rowcount:
                once(connection, counts, [key | row for row in count_rows])
                once(connection, fractions, [key | row for row in fraction_rows])

    def give_up(self, until: datetime) -> int:
        """Call missing what is pending since `until` or before. Returns how many leads."""
        with self.engine.begin() as connection:
            done = connection.execute(
                update(leads)
                .where(leads.c.status == "pending", leads.c.valid_time <= until)
                .values(status="missing")
            )
        return int(done.rowcount)

    def rows(
        self,
        table: Table,
        models: Sequence[str] = (),
        begin: datetime | None = None,
        end: datetime | None = None,
        **equal: float | None,
    ) -> list[Mapping[str, Any]]:
        """Rows of counts, fractions or leads by model, valid time in (begin, end], and equality."""
        query = select(table, leads.c.valid_time, leads.c.status).select_from(with_lead(table))
        return self._found(query.where(*within(table, models, begin, end, equal)))

    def totals(
        self,
        models: Sequence[str] = (),
        begin: datetime | None = None,
        end: datetime | None = None,
        **equal: float | None,
    ) -> list[Mapping[str, Any]]:
        """Counts by model, lead and threshold, each summed over `n_valid` forecasts; as `rows`."""
        axes = [counts.c[name] for name in ("model", "lead_minutes", "threshold")]
        sums = [func.sum(counts.c[name]).label(name) for name in COUNTS]
        query = select(*axes, *sums, func.count().label("n_valid")).group_by(*axes)
        query = query.select_from(with_lead(counts))
        return self._found(query.where(*within(counts, models, begin, end, equal)))

    def states(
        self,
        models: Sequence[str] = (),
        begin: datetime | None = None,
        end: datetime | None = None,
        **equal: float | None,
    ) -> dict[str, int]:
        """How many leads are pending, verified and missing; as `rows`."""
        query = select(leads.c.status, func.count().label("n")).group_by(leads.c.status)
        found = self._found(query.where(*within(leads, models, begin, end, equal)))
        return {row["status"]: row["n"] for row in found}

    def _found(self, query: Select[Any]) -> list[Mapping[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def with_lead(table: Table) -> Table | Join:
    """Rows of a table beside those of their leads, which know their valid time."""
    if table is leads:
        return table
    return table.join(
        leads, and_(*(leads.c[name] == table.c[name] for name in (*KEY, "lead_minutes")))
    )


def within(
    table: Table,
    models: Sequence[str],
    begin: datetime | None,
    end: datetime | None,
    equal: Mapping[str, float | None],
) -> list[ColumnElement[bool]]:
    """Conditions by model, valid time in (begin, end], and equality; None and () for any."""
    found = [table.c[name] == value for name, value in equal.items() if value is not None]
    if models:
        found.append(table.c.model.in_(models))
    if begin is not None:
        found.append(leads.c.valid_time > begin)
    if end is not None:
        found.append(leads.c.valid_time <= end)
    return found


def matches(table: Table, key: dict[str, Any]) -> list[Any]:
    return [table.c[name] == value for name, value in key.items()]


INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def once(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows whose key is not there yet."""
    if rows:
        insert = INSERT[connection.dialect.name]
        connection.execute(insert(table).on_conflict_do_nothing(), rows)


def make_tables(connection: Connection) -> None:
    """Make the tables that are not there, also where another process is doing the same."""
    for table in metadata.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(CreateIndex(index, if_not_exists=True))


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
