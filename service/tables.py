"""The tables of the ledger. Every row has a natural key."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
)
from sqlalchemy.types import TypeDecorator


class Utc(TypeDecorator[datetime]):
    """A time with its zone, UTC, also in databases that forget zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData()

arrivals = Table(
    "arrivals",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("name", String, nullable=False),
    Column("product", String(8)),
    Column("frame_time", Utc, index=True),
    Column("outcome", String(16), nullable=False),
    Column("reason", String),
    Column("arrived", Utc, nullable=False),
    Column("valid_area", Float),
)
"""Files that came: accepted, late, duplicate or quarantined."""

KEY = ("model", "weights", "issue")
COUNTS = ("hits", "misses", "false_alarms", "correct_negatives")


def key_columns() -> list[Column[Any]]:
    return [
        Column("model", String(64), primary_key=True),
        Column("weights", String(64), primary_key=True),
        Column("issue", Utc, primary_key=True),
    ]


forecasts = Table(
    "forecasts",
    metadata,
    *key_columns(),
    Column("radar_time", Utc, nullable=False),
    Column("generated", Utc, nullable=False),
)
leads = Table(
    "leads",
    metadata,
    *key_columns(),
    Column("lead_minutes", Integer, primary_key=True),
    Column("valid_time", Utc, nullable=False),
    Column("status", String(8), nullable=False),
    Column("n", BigInteger),
    Column("signed", Float),
    Column("absolute", Float),
    Column("squared", Float),
    ForeignKeyConstraint(KEY, [f"forecasts.{name}" for name in KEY]),
    Index("leads_by_status", "status", "valid_time"),
)
"""One lead of a forecast: pending until its frame came, then verified; missing if it never came.
Sums of the error in mm/h over the n cells compared."""
counts = Table(
    "counts",
    metadata,
    *key_columns(),
    Column("lead_minutes", Integer, primary_key=True),
    Column("threshold", Float, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in COUNTS),
)
fractions = Table(
    "fractions",
    metadata,
    *key_columns(),
    Column("lead_minutes", Integer, primary_key=True),
    Column("threshold", Float, primary_key=True),
    Column("window", Integer, primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("squared_difference", Float, nullable=False),
    Column("squared_reference", Float, nullable=False),
)
