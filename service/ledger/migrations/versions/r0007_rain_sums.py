"""Adds the verification of rain sums. Forecasts from before have none."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

COUNTS = ("hits", "misses", "false_alarms", "correct_negatives")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "sum_leads",
        *key_columns(),
        sa.Column("valid_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
    )
    op.create_index("sum_leads_by_status", "sum_leads", ["status", "valid_time"])
    op.create_table(
        "sum_counts",
        *key_columns(),
        sa.Column("threshold", sa.Float, primary_key=True),
        *sum_columns(),
    )
    op.create_table(
        "window_sums",
        sa.Column("hours", sa.Integer, primary_key=True),
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("lead_minutes", sa.Integer, primary_key=True),
        sa.Column("threshold", sa.Float, primary_key=True),
        *sum_columns(),
        sa.Column("n_valid", sa.Integer, nullable=False),
        sa.Column("refreshed", sa.DateTime(timezone=True), nullable=False),
    )


def key_columns() -> list[sa.Column[object]]:
    """Return the key columns of the sum of a forecast."""
    return [
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("weights", sa.String(64), primary_key=True),
        sa.Column("issue", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("lead_minutes", sa.Integer, primary_key=True),
    ]


def sum_columns() -> list[sa.Column[object]]:
    """Return counts, and the squared errors of probabilities."""
    return [
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in COUNTS),
        sa.Column("n_probable", sa.BigInteger, nullable=False),
        sa.Column("squared", sa.Float, nullable=False),
    ]
