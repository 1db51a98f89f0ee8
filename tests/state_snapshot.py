"""Snapshots of archive and ledger, to test whether anything has changed."""

from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, select

from service.ledger import tables
from service.ledger.ledger import Ledger


def files_of(root: Path) -> dict[str, bytes]:
    """All files of an archive, by their paths in it."""
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def rows_of(ledger: Ledger) -> dict[str, list[Any]]:
    """All rows of a ledger, by their tables, but for how long things took."""
    with ledger.engine.connect() as connection:
        return {
            table.name: sorted(
                map(repr, connection.execute(select(*reproducible_columns(table))).all())
            )
            for table in tables.metadata.sorted_tables
        }


def outcomes_of(ledger: Ledger) -> dict[str, int]:
    """Number of files by outcome of their ingest."""
    found: dict[str, int] = {}
    for (_, outcome), n in ledger.arrivals_by().items():
        found[outcome] = found.get(outcome, 0) + n
    return found


def reproducible_columns(table: Table) -> list[Column[Any]]:
    """The columns whose values are the same when things are done again."""
    return [column for column in table.c if column.name != "duration_seconds"]
