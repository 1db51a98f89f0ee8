"""Parts of SQL queries that several modules share: conditions, joins and newest rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    FromClause,
    Join,
    Select,
    Table,
    and_,
    cast,
    func,
    select,
)

from service.ledger.tables import KEY, forecasts, leads

STATES = ("pending", "verified", "missing")


def newest(model: Column[Any], time: Column[Any], *where: ColumnElement[bool]) -> Select[Any]:
    """Return a query of the newest time of each model, or NULL, from the ends of an index."""
    names = each(model)
    last = select(func.max(time)).where(model == names.c.name, *where).correlate(names)
    return select(names.c.name, last.scalar_subquery()).where(names.c.name.is_not(None))


def newest_weights() -> Select[Any]:
    """Return a query of the weights of the newest forecast of each model."""
    names, columns = each(forecasts.c.model), forecasts.c
    last = select(columns.weights).where(columns.model == names.c.name).correlate(names)
    last = last.order_by(columns.issue.desc(), columns.generated.desc()).limit(1)
    return select(names.c.name, last.scalar_subquery()).where(names.c.name.is_not(None))


def each(column: Column[Any]) -> CTE:
    """Return the distinct values of the first column of an index, and NULL.

    The recursive query looks up each value after the previous one; DISTINCT would read the index.
    """
    first = select(func.min(column).label("name")).cte("each", recursive=True)
    following = select(func.min(column)).where(column > first.c.name).scalar_subquery()
    return first.union_all(select(following).where(first.c.name.is_not(None)))


def with_lead(table: Table) -> Table | Join:
    """Join a table with `leads`, which has the valid time."""
    if table is leads:
        return table
    return table.join(leads, same(leads, table, *KEY, "lead_minutes"))


def within(
    table: Table,
    models: Sequence[str],
    begin: datetime | None,
    end: datetime | None,
    equal: Mapping[str, float | None],
) -> list[ColumnElement[bool]]:
    """Return the conditions of `Ledger.rows`: model, valid time in (begin, end], and equality."""
    found = [table.c[name] == value for name, value in equal.items() if value is not None]
    if models:
        found.append(table.c.model.in_(models))
    if begin is not None:
        found.append(leads.c.valid_time > begin)
    if end is not None:
        found.append(leads.c.valid_time <= end)
    if begin is not None or end is not None:
        # Always true, but the index over valid times begins with the status.
        states = STATES if table is leads else ["verified"]
        found.append(leads.c.status.in_(states))
    return found


def matches(table: Table, key: dict[str, Any]) -> list[Any]:
    """Return the conditions that columns have the values of a key."""
    return [table.c[name] == value for name, value in key.items()]


def leads_of(status: str, begin: datetime, end: datetime) -> Select[Any]:
    """Return a query of the keys of leads with a status and valid time in (begin, end]."""
    names = (*KEY, "lead_minutes")
    return select(*(leads.c[name] for name in names)).where(
        leads.c.status == status, leads.c.valid_time > begin, leads.c.valid_time <= end
    )


def same(first: FromClause, second: FromClause, *names: str) -> ColumnElement[bool]:
    """Return the condition that rows of two tables agree in some columns."""
    return and_(*(first.c[name] == second.c[name] for name in names))


def total(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the sum of a column in the type of the column, also in PostgreSQL."""
    return cast(func.sum(column), column.type)
