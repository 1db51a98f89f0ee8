"""Integrity check of a ledger: its file, its tables and its running totals."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, FromClause, Select, Table, func, select

from service.ledger import daily_rain_sums, daily_sums
from service.ledger.database import REVISION, engine, revision
from service.ledger.queries import same, total
from service.ledger.tables import (
    COUNTS,
    KEY,
    arrivals,
    counts,
    daily_counts,
    daily_leads,
    daily_sum_counts,
    leads,
    metadata,
    pixels,
    tallies,
)

AXES = ("model", "lead_minutes", "threshold")


class State(NamedTuple):
    """State of a ledger.

    Attributes:
        url: Its URL without the password.
        revision: Revision of its tables; None if it is empty.
        rows: Number of rows of each existing table.
    """

    url: str
    revision: str | None
    rows: dict[str, int]


def state(url: str) -> State:
    """Return the state of the ledger at a URL; see `database.engine` for the errors."""
    opened = engine(url)
    with opened.connect() as connection:
        there = opened.dialect.get_table_names(connection)
        rows = {
            table.name: number(connection, table)
            for table in metadata.sorted_tables
            if table.name in there
        }
        return State(opened.url.render_as_string(), revision(connection), rows)


def is_outdated(url: str) -> bool:
    """Whether the tables are of another revision than this program's."""
    with engine(url).connect() as connection:
        return revision(connection) != REVISION


def faults(url: str) -> list[str]:
    """Return the faults of a ledger as sentences. Reads all of it."""
    with engine(url).connect() as connection:
        found = revision(connection)
        if found != REVISION:
            fault = f"the tables are at revision {found or 'none'}, should be at {REVISION}"
            return [f"{fault}; run `nowcast ledger upgrade`"]
        return [*damage(connection), *other_tables(connection), *wrong_totals(connection)]


def damage(connection: Connection) -> Iterator[str]:
    """Yield faults of the file that SQLite finds; PostgreSQL has no such check."""
    if connection.dialect.name == "sqlite":
        for (fault,) in connection.exec_driver_sql("PRAGMA integrity_check"):
            if fault != "ok":
                yield f"the file is damaged: {fault}; restore a backup"


def other_tables(connection: Connection) -> Iterator[str]:
    """Yield differences between the tables of the database and those of this program."""
    from service.ledger.migrations import differences

    for difference in differences(connection):
        yield f"the tables are not those of revision {REVISION}: {difference}"


def wrong_totals(connection: Connection) -> Iterator[str]:
    """Yield running totals that are not the sums of their rows, and counts without a verified lead.

    A lead time has counts only if it is verified.
    """
    sums = select(
        *(counts.c[axis] for axis in AXES), *(total(counts.c[n]).label(n) for n in COUNTS)
    )
    summed = sums.group_by(*(counts.c[axis] for axis in AXES))
    product = func.coalesce(arrivals.c.product, "")
    grouped = select(product.label("name"), arrivals.c.outcome, func.count().label("n"))
    tallied = grouped.group_by(product, arrivals.c.outcome)
    of_arrivals = select(tallies).where(tallies.c.subject == "arrival")
    for what, kept, true, names in (
        ("totals of pixels", select(pixels), summed, (*AXES, *COUNTS)),
        ("tallies of arrivals", of_arrivals, tallied, ("name", "outcome", "n")),
        (
            "counts of days",
            select(daily_counts),
            daily_sums.counts_by_day(),
            names_of(daily_counts),
        ),
        ("leads of days", select(daily_leads), daily_sums.leads_by_day(), names_of(daily_leads)),
        (
            "counts of rain sums of days",
            select(daily_sum_counts),
            daily_rain_sums.by_day(),
            # sums of errors depend on the order of rounding
            tuple(name for name in names_of(daily_sum_counts) if name != "squared"),
        ),
    ):
        if n := differing(connection, kept, true, names):
            yield f"{n} {what} are not the sums of what they count; restore a backup"
    loose = select(counts.c.model).outerjoin(leads, same(leads, counts, *KEY, "lead_minutes"))
    odd = loose.where(func.coalesce(leads.c.status, "") != "verified")
    if n := number(connection, odd.subquery()):
        yield f"{n} counts are of leads that are not verified; restore a backup"


def names_of(table: Table) -> tuple[str, ...]:
    """Return the names of the columns of a table."""
    return tuple(column.name for column in table.c)


def differing(
    connection: Connection, kept: Select[Any], true: Select[Any], names: tuple[str, ...]
) -> int:
    """Return the number of rows in which two queries differ."""
    first, second = (
        select(*(part.c[name] for name in names)) for part in (kept.subquery(), true.subquery())
    )
    return max(
        number(connection, rows.subquery())
        for rows in (first.except_(second), second.except_(first))
    )


def number(connection: Connection, rows: FromClause) -> int:
    """Return the number of rows of a table or query."""
    return int(connection.execute(select(func.count()).select_from(rows)).scalar_one())
