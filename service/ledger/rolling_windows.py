"""Sums over rolling windows of verification, for dashboards and reports.

Models are compared over the same forecasts. For each lead time, a model takes part if it was
verified for at least half of the issue times in the window, and an issue time counts if all these
models have it. Other models, new or rarely used, have no row, since their counts would be of other
weather. For exceedance probabilities the same holds among the models that forecast them.
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
from service.ledger.database import insert, lock
from service.ledger.queries import leads_of, same, total
from service.ledger.tables import (
    COUNTS,
    KEY,
    counts,
    fractions,
    leads,
    pixels,
    probabilities,
    sum_counts,
)

SETTLED = timedelta(minutes=30)
"""Longest time from the valid time to the verification of a lead time."""
AXES = ("model", "lead_minutes", "threshold")

Row = dict[str, Any]


def add_to_pixels(connection: Connection, key: dict[str, Any]) -> None:
    """Add the counts of a lead time, just inserted, to the running totals."""
    names = (*AXES, *COUNTS)
    entered = select(*(counts.c[name] for name in names)).where(
        *(counts.c[name] == value for name, value in key.items())
    )
    # sorted to avoid deadlocks
    new = insert(connection, pixels).from_select(names, entered.order_by(counts.c.threshold))
    more = {name: pixels.c[name] + new.excluded[name] for name in COUNTS}
    connection.execute(new.on_conflict_do_update(index_elements=list(AXES), set_=more))


def is_stale(engine: Engine, now: datetime, hours: int, share: float) -> bool:
    """Whether a share of the time or of the verified lead times of a window is new."""
    last = select(func.max(tables.windows.c.refreshed)).where(tables.windows.c.hours == hours)
    with engine.connect() as connection:
        refreshed = connection.execute(last).scalar()
        if refreshed is None or not refreshed <= now < refreshed + timedelta(hours=hours * share):
            return True

        def verified(since: datetime) -> int:
            leads = leads_of("verified", since, now).subquery()
            return int(connection.execute(select(func.count()).select_from(leads)).scalar_one())

        in_window = verified(now - timedelta(hours=hours))
        return 0 < share * in_window <= verified(refreshed - SETTLED)


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
        lock(connection, "windows")
        for table, renewed in (
            (tables.windows, rows),
            (tables.window_fractions, fraction_rows),
            (tables.window_probabilities, probability_rows),
            (tables.window_sums, [row | mark for row in found.sums]),
        ):
            connection.execute(delete(table).where(table.c.hours == hours))
            if renewed:
                connection.execute(table.insert(), renewed)


def summed(
    engine: Engine, begin: datetime, end: datetime, block_hours: int | None = None
) -> "Summed":
    """Return the sums over valid times in (begin, end], over the same forecasts of all models.

    Args:
        engine: Database of the ledger.
        begin: Valid times are after this.
        end: Valid times are at or before this.
        block_hours: Length of the blocks, counted from 1970, by which counts are summed; None for
            no blocks.
    """
    with engine.connect() as connection:
        counted = connection.execute(sums(counts, begin, end, block_hours)).mappings().all()
        fractioned = connection.execute(sums(fractions, begin, end)).mappings().all()
        probable = connection.execute(sums(probabilities, begin, end)).mappings().all()
        of_sums = connection.execute(sums(sum_counts, begin, end)).mappings().all()
        missing = connection.execute(missing_leads(begin, end)).all()
    return Summed(
        [dict(row) for row in counted],
        [dict(row) for row in fractioned],
        [dict(row) for row in probable],
        {(model, lead): n for model, lead, n in missing},
        [dict(row) for row in of_sums],
    )


class Summed(NamedTuple):
    """Sums by (model, lead_minutes, threshold), each over `n_valid` forecasts.

    Attributes:
        counts: Counts, also by `block` if requested.
        fractions: Sums of fractions, also by `window`.
        probabilities: Sums of probabilities.
        missing: Number of lead times without an observed frame, by (model, lead_minutes).
        sums: Counts of rain sums.
    """

    counts: list[Row]
    fractions: list[Row]
    probabilities: list[Row]
    missing: dict[tuple[str, int], int]
    sums: list[Row]


def sums(
    table: Table, begin: datetime, end: datetime, block_hours: int | None = None
) -> Select[Any]:
    """Return a query of sums over the common forecasts of all models.

    Args:
        table: counts, fractions, probabilities or sum_counts. For the last two, only the
            forecasts that have them are considered.
        begin: Valid times are after this.
        end: Valid times are at or before this.
        block_hours: Length of the blocks, counted from 1970; None for no blocks.
    """
    of = leads_of("verified", begin, end)
    if table in (probabilities, sum_counts):
        having = select(table.c.model).where(same(table, leads, *KEY, "lead_minutes"))
        of = of.where(having.exists())
    verified = of.cte("verified")
    common, regular = common_forecasts(verified)
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


def common_forecasts(verified: CTE) -> tuple[CTE, CTE]:
    """Return the (lead_minutes, issue) to compare, and the (model, lead_minutes) that take part."""
    lead, model = verified.c.lead_minutes, verified.c.model
    n = func.count(distinct(verified.c.issue)).label("n")
    all_models = select(lead, n).group_by(lead).subquery("whole")
    by_model = select(model, lead, n).group_by(model, lead).subquery("by_model")
    regular = (
        select(by_model.c.model, by_model.c.lead_minutes)
        .join(all_models, same(all_models, by_model, "lead_minutes"))
        .where(2 * by_model.c.n >= all_models.c.n)
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
    """Return a query of the number of lead times without an observed frame, by model."""
    missing = leads_of("missing", begin, end).subquery()
    axes = missing.c.model, missing.c.lead_minutes
    return select(*axes, func.count().label("n")).group_by(*axes)


def kept(table: Table, hours: int | None) -> Select[Any]:
    """Return a query of a table of windows: of one length in h, or of all."""
    query = select(table).order_by(*table.primary_key)
    return query if hours is None else query.where(table.c.hours == hours)
