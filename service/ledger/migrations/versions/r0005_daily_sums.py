"""Adds sums of verification by day, from the existing rows."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

COUNTS = ("hits", "misses", "false_alarms", "correct_negatives")
DAY_SECONDS = 86_400


def upgrade() -> None:
    """Create the tables and fill them."""
    op.create_table(
        "daily_counts",
        *axes(),
        sa.Column("threshold", sa.Float, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in COUNTS),
        sa.Column("n_valid", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "daily_leads",
        *axes(),
        sa.Column("status", sa.String(8), primary_key=True),
        sa.Column("n", sa.BigInteger, nullable=False),
    )
    sums = ", ".join(f"sum({name})" for name in COUNTS)
    axes_of_counts = f"{day()}, model, lead_minutes, threshold"
    op.execute(
        f"INSERT INTO daily_counts SELECT {axes_of_counts}, {sums}, count(*) "  # noqa: S608  constants  # nosec B608
        "FROM counts JOIN leads USING (model, weights, issue, lead_minutes) "
        f"GROUP BY {axes_of_counts}"
    )
    axes_of_leads = f"{day()}, model, lead_minutes, status"
    op.execute(
        f"INSERT INTO daily_leads SELECT {axes_of_leads}, count(*) FROM leads "  # noqa: S608  constants  # nosec B608
        f"WHERE status IN ('verified', 'missing') GROUP BY {axes_of_leads}"
    )


def axes() -> list[sa.Column[object]]:
    """Return the first key columns of sums by day."""
    return [
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("lead_minutes", sa.Integer, primary_key=True),
    ]


def day() -> str:
    """Return the SQL of the number of days since 1970 of a valid time."""
    if op.get_bind().dialect.name == "sqlite":
        return f"CAST(strftime('%s', valid_time) AS INTEGER) / {DAY_SECONDS}"
    return f"CAST(extract(epoch FROM valid_time) AS BIGINT) / {DAY_SECONDS}"
