"""Adds counts of rain sums by day, from the existing rows."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

COUNTS = ("hits", "misses", "false_alarms", "correct_negatives", "n_probable")
DAY_SECONDS = 86_400


def upgrade() -> None:
    """Create the table and fill it."""
    op.create_table(
        "daily_sum_counts",
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("lead_minutes", sa.Integer, primary_key=True),
        sa.Column("threshold", sa.Float, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in COUNTS),
        sa.Column("squared", sa.Float, nullable=False),
        sa.Column("n_valid", sa.BigInteger, nullable=False),
    )
    sums = ", ".join(f"sum({name})" for name in (*COUNTS, "squared"))
    axes = f"{day()}, model, lead_minutes, threshold"
    op.execute(
        f"INSERT INTO daily_sum_counts SELECT {axes}, {sums}, count(*) "  # noqa: S608  constants  # nosec B608
        "FROM sum_counts JOIN sum_leads USING (model, weights, issue, lead_minutes) "
        f"GROUP BY {axes}"
    )


def day() -> str:
    """Return the SQL of the number of days since 1970 of a valid time."""
    if op.get_bind().dialect.name == "sqlite":
        return f"CAST(strftime('%s', valid_time) AS INTEGER) / {DAY_SECONDS}"
    return f"CAST(extract(epoch FROM valid_time) AS BIGINT) / {DAY_SECONDS}"
