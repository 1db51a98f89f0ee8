"""Verification of rain sums by day, so that a sum over any period costs little.

As `daily_sums` has it for rates: a period is summed from the whole days in it, and from the rows of
the days in which it begins and ends.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, delete, literal, select, union_all

from service.ledger.daily_sums import AXES, DAY, EPOCH, day_of, in_days, parts_of
from service.ledger.database import insert
from service.ledger.queries import matches, same, total
from service.ledger.tables import COUNTS, KEY, daily_sum_counts, sum_counts, sum_leads

ADDED = (*COUNTS, "n_probable", "squared", "n_valid")
"""Columns that are added up."""


def add_verified(
    connection: Connection, key: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Add the counts of a sum, just verified, to those of its day.

    Args:
        connection: Within the transaction that inserts them.
        key: Columns model, weights, issue and lead_minutes of the sum.
        rows: Rows of `sum_counts` by threshold.
    """
    if not rows:
        return
    valid_time = select(sum_leads.c.valid_time).where(*matches(sum_leads, dict(key)))
    time: datetime = connection.execute(valid_time).scalar_one()
    lead = {name: key[name] for name in ("model", "lead_minutes")}
    mark = {"day": (time - EPOCH) // DAY, **lead, "n_valid": 1}
    new = insert(connection, daily_sum_counts)
    more = {name: daily_sum_counts.c[name] + new.excluded[name] for name in ADDED}
    keys = list(daily_sum_counts.primary_key)
    # sorted to avoid deadlocks
    found = [mark | dict(row) for row in sorted(rows, key=lambda row: row["threshold"])]
    connection.execute(new.on_conflict_do_update(index_elements=keys, set_=more), found)


def renew(connection: Connection) -> None:
    """Sum all days again from the rows that they count."""
    connection.execute(delete(daily_sum_counts))
    names = [column.name for column in daily_sum_counts.c]
    connection.execute(daily_sum_counts.insert().from_select(names, by_day()))


def by_day() -> Select[Any]:
    """Return a query of what `daily_sum_counts` should have."""
    rows = each_count().subquery()
    axes = [rows.c[name] for name in ("day", *AXES)]
    return select(*axes, *(total(rows.c[name]).label(name) for name in ADDED)).group_by(*axes)


def each_count() -> Select[Any]:
    """Return a query of all counts of rain sums with their day, each over one forecast."""
    joined = sum_counts.join(sum_leads, same(sum_leads, sum_counts, *KEY, "lead_minutes"))
    return select(
        day_of(sum_leads.c.valid_time).label("day"),
        *(sum_counts.c[name] for name in (*AXES, *ADDED[:-1])),
        literal(1).label("n_valid"),
    ).select_from(joined)


def totals(
    engine: Engine,
    models: Sequence[str] = (),
    begin: datetime | None = None,
    end: datetime | None = None,
    lead_minutes: int | None = None,
) -> list[Mapping[str, Any]]:
    """Return counts of rain sums by model, lead time and threshold in mm, over `n_valid` forecasts.

    Args:
        engine: Database of the ledger.
        models: Names of models; empty for all.
        begin: Valid times are after this; None for no bound.
        end: Valid times are at or before this; None for no bound.
        lead_minutes: Lead time; None for any.
    """
    parts = parts_of(begin, end)
    equal = {"lead_minutes": lead_minutes}
    days = select(*(daily_sum_counts.c[name] for name in (*AXES, *ADDED)))
    summed = [days.where(*in_days(daily_sum_counts, models, parts, equal))]
    for first, last in parts.edges:
        rows = each_count().where(
            sum_leads.c.status == "verified",
            sum_leads.c.valid_time > first,
            sum_leads.c.valid_time <= last,
            *([sum_counts.c.model.in_(models)] if models else []),
            *([] if lead_minutes is None else [sum_counts.c.lead_minutes == lead_minutes]),
        )
        found = rows.subquery()
        summed.append(select(*(found.c[name] for name in (*AXES, *ADDED))))
    joined = union_all(*summed).subquery()
    axes = [joined.c[name] for name in AXES]
    sums = [total(joined.c[name]).label(name) for name in ADDED]
    query = select(*axes, *sums).group_by(*axes).order_by(*axes)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
