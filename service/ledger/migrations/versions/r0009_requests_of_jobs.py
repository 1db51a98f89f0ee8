"""Adds to each job the id of the request that it was accepted for."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column; the requests of existing jobs are unknown."""
    op.add_column("jobs", sa.Column("request_id", sa.String(128)))
