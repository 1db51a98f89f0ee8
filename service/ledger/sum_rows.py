"""Rows of the ledger on rain sums of an hour: pending, then verified, or missing."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, select, update

from service.ledger import daily_rain_sums
from service.ledger.database import insert_once
from service.ledger.queries import matches
from service.ledger.tables import sum_counts, sum_leads

SUM_MINUTES = 60
"""Length of the period of a verified sum, which ends at its lead time."""


def expect(connection: Connection, leads: Iterable[Mapping[str, Any]]) -> None:
    """Insert the sums that end at some lead times of a forecast as pending.

    Args:
        connection: Within a transaction.
        leads: Rows of the table of lead times.
    """
    rows = [dict(row) for row in leads if row["lead_minutes"] % SUM_MINUTES == 0]
    insert_once(connection, sum_leads, rows)


def pending(engine: Engine, until: datetime) -> list[RowMapping]:
    """Return the pending sums with valid times up to `until`, oldest first."""
    query = (
        select(sum_leads)
        .where(sum_leads.c.status == "pending", sum_leads.c.valid_time <= until)
        .order_by(sum_leads.c.valid_time, sum_leads.c.issue)
    )
    with engine.connect() as connection:
        return list(connection.execute(query).mappings())


def enter(engine: Engine, key: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> bool:
    """Insert the verification of a pending sum, in one transaction.

    Args:
        engine: Database of the ledger.
        key: Columns model, weights, issue and lead_minutes.
        rows: Rows of `sum_counts` by threshold.

    Returns:
        Whether it was pending.
    """
    with engine.begin() as connection:
        done = connection.execute(
            update(sum_leads)
            .where(*matches(sum_leads, dict(key)), sum_leads.c.status == "pending")
            .values(status="verified")
        )
        if done.rowcount:
            found = list(rows)
            insert_once(connection, sum_counts, [{**key, **row} for row in found])
            daily_rain_sums.add_verified(connection, key, found)
    return bool(done.rowcount)


def give_up(engine: Engine, until: datetime, unfinished: Collection[datetime] = ()) -> int:
    """Mark pending sums with valid times up to `until` as missing. Returns how many.

    Args:
        engine: Database of the ledger.
        until: Newest valid time that is given up.
        unfinished: Issues whose sums stay pending, since they are verified later.
    """
    is_over = (sum_leads.c.valid_time <= until, sum_leads.c.issue.not_in(list(unfinished)))
    query = update(sum_leads).where(sum_leads.c.status == "pending", *is_over)
    with engine.begin() as connection:
        return int(connection.execute(query.values(status="missing")).rowcount)
