"""Files that the archive should have by the ledger, and totals recomputed from their rows."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, func, insert, literal, select

from service.ledger import daily_rain_sums, daily_sums
from service.ledger.ledger import KEPT, Ledger
from service.ledger.queries import total
from service.ledger.tables import COUNTS, arrivals, counts, forecasts, leads, pixels, tallies

AXES = ("model", "lead_minutes", "threshold")


class ForecastRow(NamedTuple):
    """The key of a forecast in the ledger."""

    model: str
    weights: str
    issue: datetime


def frame_times(ledger: Ledger, since: datetime) -> set[datetime]:
    """Return the times from `since` on of which a frame has been accepted."""
    query = select(arrivals.c.frame_time).where(
        arrivals.c.valid_area.is_not(None),
        arrivals.c.outcome.in_(KEPT),
        arrivals.c.frame_time >= since,
    )
    with ledger.engine.connect() as connection:
        return set(connection.execute(query).scalars())


def forecast_rows(ledger: Ledger, since: datetime) -> set[ForecastRow]:
    """Return the forecasts of issue times from `since` on."""
    query = select(forecasts.c.model, forecasts.c.weights, forecasts.c.issue)
    with ledger.engine.connect() as connection:
        return {
            ForecastRow(*row) for row in connection.execute(query.where(forecasts.c.issue >= since))
        }


def pending_forecasts(ledger: Ledger) -> set[ForecastRow]:
    """Return the forecasts of which lead times wait to be verified."""
    query = select(leads.c.model, leads.c.weights, leads.c.issue).where(leads.c.status == "pending")
    with ledger.engine.connect() as connection:
        return {ForecastRow(*row) for row in connection.execute(query.distinct())}


def renew_totals(ledger: Ledger) -> None:
    """Sum the running totals again from the rows that they count, all or none."""
    product = func.coalesce(arrivals.c.product, "")
    counted = select(literal("arrival"), product, arrivals.c.outcome, func.count())
    axes = [counts.c[axis] for axis in AXES]
    sums = select(*axes, *(total(counts.c[name]) for name in COUNTS)).group_by(*axes)
    with ledger.engine.begin() as connection:
        connection.execute(delete(tallies).where(tallies.c.subject == "arrival"))
        names = ["subject", "name", "outcome", "n"]
        tallied = counted.group_by(product, arrivals.c.outcome)
        connection.execute(insert(tallies).from_select(names, tallied))
        connection.execute(delete(pixels))
        connection.execute(insert(pixels).from_select([*AXES, *COUNTS], sums))
        daily_sums.renew(connection)
        daily_rain_sums.renew(connection)
