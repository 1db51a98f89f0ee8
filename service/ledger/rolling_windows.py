"""The skill of the last hours, summed up for dashboards and for the choice between models.

A comparison is fair over the same forecasts: for each lead, those issues count that every model has
which was verified at half of the window's issues or more. A model that has fewer, being new or
asked for now and then, has no row: its counts would be of other weather. For exceedance
probabilities the same holds among the models that forecast them.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    cast,
    delete,
    distinct,
    extract,
    func,
    select,
)

from service.ledger import tables
from service.ledger.database import alone, insert
from service.ledger.queries import leads_of, same, total
from service.ledger.tables import COUNTS, KEY, counts, fractions, leads, pixels, probabilities

SETTLED = timedelta(minutes=30)
"""A lead is verified so long after its valid time, or sooner."""
AXES = ("model", "lead_minutes", "threshold")

Row = dict[str, Any]


def add_to_pixels(connection: Connection, key: dict[str, Any]) -> None:
    """Add the counts of a lead, just entered, to the running totals."""
    names = (*AXES, *COUNTS)
    entered = select(*(counts.c[name] for name in names)).where(
        *(counts.c[name] == value for name, value in key.items())
    )
    # In one order, so that no two wait for each other.
    new = insert(connection, pixels).from_select(names, entered.order_by(counts.c.threshold))
    more = {name: pixels.c[name] + new.excluded[name] for name in COUNTS}
    connection.execute(new.on_conflict_do_update(index_elements=list(AXES), set_=more))


def is_stale(engine: Engine, now: datetime, hours: int, share: float) -> bool:
    """Whether a share of a window is new, of its time or of what is verified in it."""
    last = select(func.max(tables.windows.c.refreshed)).where(tables.windows.c.hours == hours)
    with engine.connect() as connection:
        refreshed = connection.execute(last).scalar()
        if refreshed is None or not refreshed <= now < refreshed + timedelta(hours=hours * share):
            return True

        def verified(since: datetime) -> int:
            leads = leads_of("verified", since, now).subquery()
            return int(connection.execute(select(func.count()).select_from(leads)).scalar_one())

        whole = verified(now - timedelta(hours=hours))
        return 0 < share * whole <= verified(refreshed - SETTLED)


def refresh(engine: Engine, now: datetime, hours: int) -> None:
    """Recompute the sums of a window and replace its rows in one short transaction.

    The sums are computed before that transaction, so writers do not wait for them.

    Args:
        engine: Database of the ledger.
        now: End of the window.
        hours: Length of the window.
    """
    found = summed(engine, now - timedelta(hours=hours), now)
    mark = {"hours": hours, "refreshed": now}
    rows = [
        {**row, **mark, "n_missing": found.missing.get((row["model"], row["lead_minutes"]), 0)}
        for row in found.counts
    ]
    fraction_rows, probability_rows = (
        [{k: v for k, v in row.items() if k != "n_valid"} | mark for row in part]
        for part in (found.fractions, found.probabilities)
    )
    with engine.begin() as connection:
        alone(connection, "windows")
        for table, renewed in (
            (tables.windows, rows),
            (tables.window_fractions, fraction_rows),
            (tables.window_probabilities, probability_rows),
        ):
            connection.execute(delete(table).where(table.c.hours == hours))
            if renewed:
                connection.execute(table.insert(), renewed)


def summed(
    engine: Engine, begin: datetime, end: datetime, block_hours: int | None = None
) -> "Summed":
    """What is verified with valid times in (begin, end], summed up over the same forecasts.

    Args:
        block_hours: Sum up the counts of each so many hours, since 1970, by themselves.
    """
    with engine.connect() as connection:
        counted = connection.execute(sums(counts, begin, end, block_hours)).mappings().all()
        fractioned = connection.execute(sums(fractions, begin, end)).mappings().all()
        probable = connection.execute(sums(probabilities, begin, end)).mappings().all()
        missing = connection.execute(missing_leads(begin, end)).all()
    return Summed(
        [dict(row) for row in counted],
        [dict(row) for row in fractioned],
        [dict(row) for row in probable],
        {(model, lead): n for model, lead, n in missing},
    )


class Summed(NamedTuple):
    """Sums by (model, lead_minutes, threshold), with `n_valid`, of how many forecasts.

    Attributes:
        counts: Also by `block`, where these were asked for.
        fractions: Also by `window`.
        probabilities: Sums of probabilities.
        missing: How many leads lack their truth, by (model, lead_minutes).
    """

    counts: list[Row]
    fractions: list[Row]
    probabilities: list[Row]
    missing: dict[tuple[str, int], int]


def sums(
    table: Table, begin: datetime, end: datetime, block_hours: int | None = None
) -> Select[Any]:
    """Query of sums over the common forecasts of all models with valid times in (begin, end].

    Args:
        table: counts, fractions or probabilities; forecasts without probabilities do not narrow
            the comparison of those that have them.
        begin, end: Bounds of the valid times.
        block_hours: Sum up each so many hours, since 1970, by themselves.
    """
    of = leads_of("verified", begin, end)
    if table is probabilities:
        with_probabilities = select(probabilities.c.model).where(
            same(probabilities, leads, *KEY, "lead_minutes")
        )
        of = of.where(with_probabilities.exists())
    verified = of.cte("verified")
    common, regular = fair(verified)
    axes: list[ColumnElement[Any]] = [
        c for c in table.primary_key if c.name not in ("weights", "issue")
    ]
    if block_hours is not None:
        since = cast(extract("epoch", table.c.issue), BigInteger)
        axes.append((since // (3600 * block_hours)).label("block"))
    added = [total(column).label(column.name) for column in table.c if not column.primary_key]
    query = (
        select(*axes, *added, func.count(distinct(table.c.issue)).label("n_valid"))
        .select_from(verified)
        .join(regular, same(regular, verified, "model", "lead_minutes"))
        .join(common, same(common, verified, "lead_minutes", "issue"))
        .join(table, same(table, verified, *KEY, "lead_minutes"))
    )
    return query.group_by(*axes).order_by(*axes)


def fair(verified: CTE) -> tuple[CTE, CTE]:
    """Which (lead_minutes, issue) count for a comparison, and of which (model, lead_minutes)."""
    lead, model = verified.c.lead_minutes, verified.c.model
    n = func.count(distinct(verified.c.issue)).label("n")
    whole = select(lead, n).group_by(lead).subquery("whole")
    by_model = select(model, lead, n).group_by(model, lead).subquery("by_model")
    regular = (
        select(by_model.c.model, by_model.c.lead_minutes)
        .join(whole, same(whole, by_model, "lead_minutes"))
        .where(2 * by_model.c.n >= whole.c.n)
        .cte("regular")
    )
    models = select(func.count()).where(regular.c.lead_minutes == lead).correlate(verified)
    common = (
        select(lead, verified.c.issue)
        .join(regular, same(regular, verified, "model", "lead_minutes"))
        .group_by(lead, verified.c.issue)
        .having(func.count(distinct(model)) == models.scalar_subquery())
        .cte("common")
    )
    return common, regular


def missing_leads(begin: datetime, end: datetime) -> Select[Any]:
    """How many leads of each model lack their truth."""
    missing = leads_of("missing", begin, end).subquery()
    axes = missing.c.model, missing.c.lead_minutes
    return select(*axes, func.count().label("n")).group_by(*axes)


def kept(table: Table, hours: int | None) -> Select[Any]:
    """The rows of a table of windows, of one or all of them."""
    query = select(table).order_by(*table.primary_key)
    return query if hours is None else query.where(table.c.hours == hours)
