"""Questions to the ledger that several ask: which rows, and which of their times is the newest."""

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
    """The newest time of each model, or NULL, from the ends of an index over both."""
    names = each(model)
    last = select(func.max(time)).where(model == names.c.name, *where).correlate(names)
    return select(names.c.name, last.scalar_subquery()).where(names.c.name.is_not(None))


def newest_weights() -> Select[Any]:
    """The weights of the newest forecast of each model."""
    names, columns = each(forecasts.c.model), forecasts.c
    last = select(columns.weights).where(columns.model == names.c.name).correlate(names)
    last = last.order_by(columns.issue.desc(), columns.generated.desc()).limit(1)
    return select(names.c.name, last.scalar_subquery()).where(names.c.name.is_not(None))


def each(column: Column[Any]) -> CTE:
    """The values of a column that an index begins with, and NULL: each is looked up in the index
    after the one before, where DISTINCT would read all of it."""
    first = select(func.min(column).label("name")).cte("each", recursive=True)
    following = select(func.min(column)).where(column > first.c.name).scalar_subquery()
    return first.union_all(select(following).where(first.c.name.is_not(None)))


def with_lead(table: Table) -> Table | Join:
    """Rows of a table beside those of their leads, which know their valid time."""
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
    """Conditions by model, valid time in (begin, end], and equality; None and () for any."""
    found = [table.c[name] == value for name, value in equal.items() if value is not None]
    if models:
        found.append(table.c.model.in_(models))
    if begin is not None:
        found.append(leads.c.valid_time > begin)
    if end is not None:
        found.append(leads.c.valid_time <= end)
    if begin is not None or end is not None:
        # Leaves nothing out: it lets an index find them, which begins with the status.
        states = STATES if table is leads else ["verified"]
        found.append(leads.c.status.in_(states))
    return found


def matches(table: Table, key: dict[str, Any]) -> list[Any]:
    return [table.c[name] == value for name, value in key.items()]


def leads_of(status: str, begin: datetime, end: datetime) -> Select[Any]:
    """Leads of a status with valid time in (begin, end], by an index."""
    names = (*KEY, "lead_minutes")
    return select(*(leads.c[name] for name in names)).where(
        leads.c.status == status, leads.c.valid_time > begin, leads.c.valid_time <= end
    )


def same(first: FromClause, second: FromClause, *names: str) -> ColumnElement[bool]:
    """Rows with the same in some columns."""
    return and_(*(first.c[name] == second.c[name] for name in names))


def total(column: Column[Any]) -> ColumnElement[Any]:
    """A sum of the type of what is summed; PostgreSQL has another for sums of integers."""
    return cast(func.sum(column), column.type)
