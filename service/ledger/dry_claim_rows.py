"""Rows of the ledger on places that were called dry for the two hours of a forecast."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select

from service.ledger.database import insert_once
from service.ledger.queries import total
from service.ledger.tables import COUNTS, dry_claims


def enter(
    engine: Engine, key: Mapping[str, Any], valid_time: datetime, counts: Mapping[str, int]
) -> None:
    """Insert the counts of a forecast, unless they are known.

    Args:
        engine: Database of the ledger.
        key: Columns model, weights and issue.
        valid_time: End of the two hours.
        counts: Contingency counts by name; the event is rain, forecast where a place is not called
            dry.
    """
    with engine.begin() as connection:
        insert_once(connection, dry_claims, [{**key, "valid_time": valid_time, **counts}])


def totals(engine: Engine, begin: datetime, end: datetime) -> list[Mapping[str, Any]]:
    """Return counts by model over valid times in (begin, end], each over `n_valid` forecasts."""
    summed = [total(dry_claims.c[name]).label(name) for name in COUNTS]
    query = (
        select(dry_claims.c.model, *summed, func.count().label("n_valid"))
        .where(dry_claims.c.valid_time > begin, dry_claims.c.valid_time <= end)
        .group_by(dry_claims.c.model)
        .order_by(dry_claims.c.model)
    )
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
