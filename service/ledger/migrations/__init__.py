"""Upgrades a ledger of an older program, by Alembic.

A new revision is a file in `versions` with its predecessor and its changes, which are also made in
`service/ledger/tables.py`; its number becomes `service.ledger.database.REVISION`. It runs in one
transaction, in SQLite and PostgreSQL. There is no downgrade: restore a backup.
"""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from service.ledger.tables import metadata


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, with the connection to upgrade."""
    created = Config()
    created.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    created.attributes["connection"] = connection
    return created


def known() -> list[str]:
    """Return all revisions, oldest first."""
    scripts = ScriptDirectory.from_config(config()).walk_revisions()
    return [script.revision for script in scripts][::-1]


def run(connection: Connection, revision: str = "head") -> None:
    """Upgrade the tables to a revision, in the transaction of a connection."""
    command.upgrade(config(connection), revision)


def differences(connection: Connection) -> list[str]:
    """Return the differences between the tables and those in `service/ledger/tables.py`."""
    context = MigrationContext.configure(connection)
    return [str(difference) for difference in compare_metadata(context, metadata)]
