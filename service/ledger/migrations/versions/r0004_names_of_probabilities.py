"""Renames tables and columns of exceedance probabilities to the names of `verification`."""

from alembic import op

revision = "0004"
down_revision = "0003"

BINS = 10
TABLES = {"chances": "probabilities", "window_chances": "window_probabilities"}
COLUMNS = {"told": "probability", "came": "events"}


def upgrade() -> None:
    """Rename tables and columns; rows are unchanged."""
    for table, new_table in TABLES.items():
        op.rename_table(table, new_table)
        for column, new_column in COLUMNS.items():
            for number in range(BINS):
                op.alter_column(
                    new_table, f"{column}_{number}", new_column_name=f"{new_column}_{number}"
                )
