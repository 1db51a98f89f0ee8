"""Adds jobs, workers, running totals, rolling windows, and interpolated frames of forecasts."""

import sqlalchemy as sa
from alembic import op

from service.ledger.column_types import Utc

revision = "0002"
down_revision = "0001"

COUNTS = ("hits", "misses", "false_alarms", "correct_negatives")


def upgrade() -> None:
    """Add columns, indices and tables."""
    op.add_column("forecasts", sa.Column("bridged", sa.String))
    op.add_column("forecasts", sa.Column("duration_seconds", sa.Float))
    op.create_index("forecasts_by_model", "forecasts", ["model", "issue"])
    op.create_index("leads_by_model", "leads", ["model", "status", "valid_time"])
    op.create_index("arrivals_by_product", "arrivals", ["product", "frame_time"])
    make_totals()
    make_windows()
    make_jobs()


def make_totals() -> None:
    """Create the running totals from the existing rows."""
    op.create_table(
        "tallies",
        sa.Column("subject", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("outcome", sa.String(16), primary_key=True),
        sa.Column("n", sa.BigInteger, nullable=False),
    )
    op.create_table("pixels", *axes(), *counts())
    op.execute(
        "INSERT INTO tallies SELECT 'arrival', coalesce(product, ''), outcome, count(*) "
        "FROM arrivals GROUP BY coalesce(product, ''), outcome"
    )
    op.execute(
        "INSERT INTO pixels SELECT model, lead_minutes, threshold, sum(hits), sum(misses), "
        "sum(false_alarms), sum(correct_negatives) FROM counts "
        "GROUP BY model, lead_minutes, threshold"
    )


def make_windows() -> None:
    """Create the tables of rolling windows."""
    op.create_table(
        "windows",
        sa.Column("hours", sa.Integer, primary_key=True),
        *axes(),
        *counts(),
        sa.Column("n_valid", sa.Integer, nullable=False),
        sa.Column("n_missing", sa.Integer, nullable=False),
        sa.Column("refreshed", Utc, nullable=False),
    )
    op.create_table(
        "window_fractions",
        sa.Column("hours", sa.Integer, primary_key=True),
        *axes(),
        sa.Column("window", sa.Integer, primary_key=True),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("squared_difference", sa.Float, nullable=False),
        sa.Column("squared_reference", sa.Float, nullable=False),
        sa.Column("refreshed", Utc, nullable=False),
    )


def make_jobs() -> None:
    """Create the tables of jobs, requests and workers."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(160), primary_key=True),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("weights", sa.String(64), nullable=False),
        sa.Column("issue", Utc, nullable=False),
        sa.Column("upload", sa.String(64), nullable=False),
        sa.Column("queue", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created", Utc, nullable=False),
        *(sa.Column(name, Utc) for name in ("sent", "started", "finished")),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(128)),
        sa.Column("kind", sa.String(64)),
        sa.Column("message", sa.String),
    )
    op.create_index("jobs_by_status", "jobs", ["status", "queue", "created"])
    op.create_table(
        "requests",
        sa.Column("name_hash", sa.String(64), primary_key=True),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("job", sa.String(160), nullable=False),
        sa.Column("created", Utc, nullable=False, index=True),
    )
    op.create_table(
        "workers",
        sa.Column("worker", sa.String(128), primary_key=True),
        sa.Column("queues", sa.String, nullable=False),
        sa.Column("device", sa.String(64), nullable=False),
        *(sa.Column(name, Utc, nullable=False) for name in ("started", "seen")),
    )


def axes() -> list[sa.Column[object]]:
    """Return the key columns of running totals."""
    return [
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("lead_minutes", sa.Integer, primary_key=True),
        sa.Column("threshold", sa.Float, primary_key=True),
    ]


def counts() -> list[sa.Column[object]]:
    """Return the columns of a contingency table."""
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in COUNTS]
