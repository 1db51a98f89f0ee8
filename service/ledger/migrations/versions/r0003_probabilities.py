"""Adds sums of probabilities, for lead times verified after this revision."""

import sqlalchemy as sa
from alembic import op

from service.ledger.column_types import Utc

revision = "0003"
down_revision = "0002"

BINS = 10


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "chances",
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("weights", sa.String(64), primary_key=True),
        sa.Column("issue", Utc, primary_key=True),
        *sums(),
    )
    op.create_table(
        "window_chances",
        sa.Column("hours", sa.Integer, primary_key=True),
        sa.Column("model", sa.String(64), primary_key=True),
        *sums(),
        sa.Column("refreshed", Utc, nullable=False),
    )


def sums() -> list[sa.Column[object]]:
    """Return the columns of sums by bin of probability."""
    binned = {"number": sa.BigInteger, "told": sa.Float, "came": sa.BigInteger}
    return [
        sa.Column("lead_minutes", sa.Integer, primary_key=True),
        sa.Column("threshold", sa.Float, primary_key=True),
        *(
            sa.Column(f"{name}_{number}", kind, nullable=False)
            for name, kind in binned.items()
            for number in range(BINS)
        ),
        sa.Column("squared", sa.Float, nullable=False),
    ]
