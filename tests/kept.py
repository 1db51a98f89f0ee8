"""All that is kept, for tests that ask whether anything has changed."""

from pathlib import Path
from typing import Any

from service import tables as book
from service.ledger import Ledger


def files_of(root: Path) -> dict[str, bytes]:
    """All files of an archive, by their paths in it."""
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def rows_of(ledger: Ledger) -> dict[str, list[Any]]:
    """All rows of a ledger, by their tables."""
    with ledger.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(table.select()).all()))
            for table in book.metadata.sorted_tables
        }
