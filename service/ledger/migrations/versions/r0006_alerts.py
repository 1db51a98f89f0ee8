"""Adds subscriptions to alerts and their messages."""

import sqlalchemy as sa
from alembic import op

from service.ledger.column_types import Utc

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False, index=True),
        sa.Column("subscription", sa.String, nullable=False),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.Column("created", Utc, nullable=False),
        sa.Column("issue", Utc),
        sa.Column("event", Utc),
        sa.Column("announced", sa.Boolean, nullable=False),
        sa.Column("streak", sa.Integer, nullable=False),
        sa.Column("confirmed", Utc),
    )
    op.create_table(
        "alert_messages",
        sa.Column("id", sa.String(96), primary_key=True),
        sa.Column("alert", sa.String(32), nullable=False, index=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("body", sa.String, nullable=False),
        sa.Column("created", Utc, nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("due", Utc, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("finished", Utc),
        sa.Column("error", sa.String),
    )
    op.create_index("alert_messages_by_status", "alert_messages", ["status", "due"])
