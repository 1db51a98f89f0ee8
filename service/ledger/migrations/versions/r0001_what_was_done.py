"""First revision: arrivals, forecasts, leads and their counts; also of ledgers without a number."""

import sqlalchemy as sa
from alembic import op

from service.ledger.column_types import Utc

revision = "0001"
down_revision = None

KEY = ("model", "weights", "issue")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "arrivals",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("product", sa.String(8)),
        sa.Column("frame_time", Utc, index=True),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.String),
        sa.Column("arrived", Utc, nullable=False),
        sa.Column("valid_area", sa.Float),
    )
    op.create_table(
        "forecasts",
        *key(),
        sa.Column("radar_time", Utc, nullable=False),
        sa.Column("generated", Utc, nullable=False),
    )
    op.create_table(
        "leads",
        *key(),
        sa.Column("lead_minutes", sa.Integer, primary_key=True),
        sa.Column("valid_time", Utc, nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("n", sa.BigInteger),
        *(sa.Column(name, sa.Float) for name in ("signed", "absolute", "squared")),
        sa.ForeignKeyConstraint(KEY, [f"forecasts.{name}" for name in KEY]),
    )
    op.create_index("leads_by_status", "leads", ["status", "valid_time"])
    op.create_table(
        "counts",
        *key(),
        sa.Column("lead_minutes", sa.Integer, primary_key=True),
        sa.Column("threshold", sa.Float, primary_key=True),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("hits", "misses", "false_alarms", "correct_negatives")
        ),
    )
    op.create_table(
        "fractions",
        *key(),
        sa.Column("lead_minutes", sa.Integer, primary_key=True),
        sa.Column("threshold", sa.Float, primary_key=True),
        sa.Column("window", sa.Integer, primary_key=True),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("squared_difference", sa.Float, nullable=False),
        sa.Column("squared_reference", sa.Float, nullable=False),
    )


def key() -> list[sa.Column[object]]:
    """Return the key columns of a forecast."""
    return [
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("weights", sa.String(64), primary_key=True),
        sa.Column("issue", Utc, primary_key=True),
    ]
