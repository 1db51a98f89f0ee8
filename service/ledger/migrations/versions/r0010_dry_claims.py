"""Adds counts of places that were called dry. Forecasts from before have none."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

COUNTS = ("hits", "misses", "false_alarms", "correct_negatives")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "dry_claims",
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("weights", sa.String(64), primary_key=True),
        sa.Column("issue", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("valid_time", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in COUNTS),
    )
    op.create_index("ix_dry_claims_valid_time", "dry_claims", ["valid_time"])
