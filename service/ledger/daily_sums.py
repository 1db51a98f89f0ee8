"""Sums of verification by day, so that a sum over any period costs little.

A period is summed from the whole days in it, and from the rows of the days in which it begins and
ends. The sums of a day are incremented in the transaction that inserts what they count.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    Update,
    cast,
    delete,
    extract,
    func,
    literal,
    select,
    union_all,
)

from service.ledger.database import insert
from service.ledger.queries import total, with_lead, within
from service.ledger.tables import COUNTS, counts, daily_counts, daily_leads, leads

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
"""Resolution of times in the ledger."""
AXES = ("model", "lead_minutes", "threshold")
SETTLED = ("verified", "missing")
"""States of lead times that do not change any more."""


class Parts(NamedTuple):
    """A period of valid times in whole days and what remains at its edges.

    Attributes:
        first: Number of the first whole day since 1970; None from the beginning of time.
        last: Number of the day after the last whole one; None to the end of time.
        edges: Periods (begin, end] of the remaining valid times.
    """

    first: int | None
    last: int | None
    edges: list[tuple[datetime, datetime]]


def parts_of(begin: datetime | None, end: datetime | None) -> Parts:
    """Divide the period (begin, end] into whole days and what remains."""
    first = None if begin is None else (begin - EPOCH) // DAY + 1
    last = None if end is None else (end - EPOCH) // DAY
    if begin and end and (begin - EPOCH) // DAY + 1 >= (end - EPOCH) // DAY:
        return Parts(0, 0, [(begin, end)])
    edges = []
    if begin and first is not None:
        edges.append((begin, EPOCH + first * DAY - INSTANT))
    if end and last is not None:
        edges.append((EPOCH + last * DAY - INSTANT, end))
    return Parts(first, last, edges)


def day_of(time: Column[Any]) -> ColumnElement[int]:
    """The number of the day since 1970 of a column of times, in UTC."""
    return cast(extract("epoch", time), BigInteger) // int(DAY.total_seconds())


# writing


def add_verified(connection: Connection, key: Mapping[str, Any]) -> None:
    """Add a lead time, just verified, and its counts to the sums of their day."""
    names = ["day", *AXES, *COUNTS, "n_valid"]
    entered = each_count().where(*(counts.c[name] == value for name, value in key.items()))
    entered = entered.order_by(counts.c.threshold)  # sorted to avoid deadlocks
    new = insert(connection, daily_counts).from_select(names, entered)
    more = {name: daily_counts.c[name] + new.excluded[name] for name in (*COUNTS, "n_valid")}
    keys = list(daily_counts.primary_key)
    connection.execute(new.on_conflict_do_update(index_elements=keys, set_=more))
    lead = select(leads.c.model, leads.c.lead_minutes, leads.c.valid_time).where(
        *(leads.c[name] == value for name, value in key.items())
    )
    add_leads(connection, "verified", connection.execute(lead).all())


def give_up(connection: Connection, change: Update) -> int:
    """Mark lead times as missing by a statement, and add them to the sums. Returns how many."""
    names = (leads.c.model, leads.c.lead_minutes, leads.c.valid_time)
    given_up = connection.execute(change.values(status="missing").returning(*names)).all()
    add_leads(connection, "missing", given_up)
    return len(given_up)


def add_leads(connection: Connection, status: str, found: Iterable[Sequence[Any]]) -> None:
    """Add lead times (model, lead time, valid time) of a status to the sums of their days."""
    numbers = Counter((model, lead, (time - EPOCH) // DAY) for model, lead, time in found)
    rows = [
        {"day": day, "model": model, "lead_minutes": lead, "status": status, "n": n}
        for (model, lead, day), n in sorted(numbers.items())
    ]
    new = insert(connection, daily_leads)
    new = new.on_conflict_do_update(
        index_elements=list(daily_leads.primary_key), set_={"n": daily_leads.c.n + new.excluded.n}
    )
    if rows:
        connection.execute(new, rows)


def renew(connection: Connection) -> None:
    """Sum all days again from the rows that they count."""
    for table, sums in (
        (daily_counts, counts_by_day()),
        (daily_leads, leads_by_day()),
    ):
        connection.execute(delete(table))
        connection.execute(table.insert().from_select([c.name for c in table.c], sums))


# from rows


def each_count() -> Select[Any]:
    """Return a query of all counts with their day, each over one forecast."""
    return select(
        day_of(leads.c.valid_time).label("day"),
        *(counts.c[name] for name in (*AXES, *COUNTS)),
        literal(1).label("n_valid"),
    ).select_from(with_lead(counts))


def counts_by_day() -> Select[Any]:
    """Return a query of what `daily_counts` should have."""
    rows = each_count().subquery()
    axes = [rows.c[name] for name in ("day", *AXES)]
    sums = [total(rows.c[name]).label(name) for name in (*COUNTS, "n_valid")]
    return select(*axes, *sums).group_by(*axes)


def leads_by_day() -> Select[Any]:
    """Return a query of what `daily_leads` should have."""
    rows = select(
        day_of(leads.c.valid_time).label("day"), leads.c.model, leads.c.lead_minutes, leads.c.status
    )
    found = rows.where(leads.c.status.in_(SETTLED)).subquery()
    return select(*found.c, func.count().label("n")).group_by(*found.c)


# reading


def totals(
    models: Sequence[str],
    begin: datetime | None,
    end: datetime | None,
    equal: Mapping[str, float | None],
) -> Select[Any]:
    """Return a query of counts by model, lead and threshold over valid times in (begin, end].

    Args:
        models: Names of models; empty for all.
        begin: Valid times are after this; None for no bound.
        end: Valid times are at or before this; None for no bound.
        equal: Values of lead_minutes and threshold; None for any.
    """
    parts, names = parts_of(begin, end), (*COUNTS, "n_valid")
    summed = [select(*(daily_counts.c[name] for name in (*AXES, *names)))
              .where(*in_days(daily_counts, models, parts, equal))]  # fmt: skip
    for edge in parts.edges:
        rows = each_count().where(*within(counts, models, *edge, equal)).subquery()
        summed.append(select(*(rows.c[name] for name in (*AXES, *names))))
    joined = union_all(*summed).subquery()
    axes = [joined.c[name] for name in AXES]
    return select(*axes, *(total(joined.c[name]).label(name) for name in names)).group_by(*axes)


def states(
    models: Sequence[str],
    begin: datetime | None,
    end: datetime | None,
    equal: Mapping[str, float | None],
) -> Select[Any]:
    """Return a query of numbers of lead times by status; the arguments are those of `totals`."""
    parts = parts_of(begin, end)
    days = select(daily_leads.c.status, daily_leads.c.n)
    summed = [days.where(*in_days(daily_leads, models, parts, equal))]
    each = select(leads.c.status, literal(1).label("n"))
    for edge in parts.edges:
        settled = each.where(*within(leads, models, *edge, equal), leads.c.status.in_(SETTLED))
        summed.append(settled)
    pending = each.where(*within(leads, models, begin, end, equal), leads.c.status == "pending")
    rows = union_all(*summed, pending).subquery()
    return select(rows.c.status, total(rows.c.n).label("n")).group_by(rows.c.status)


def in_days(
    table: Table, models: Sequence[str], parts: Parts, equal: Mapping[str, float | None]
) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions of rows of the whole days of a period."""
    if parts.first is not None:
        yield table.c.day >= parts.first
    if parts.last is not None:
        yield table.c.day < parts.last
    if models:
        yield table.c.model.in_(models)
    for name, value in equal.items():
        if value is not None:
            yield table.c[name] == value
