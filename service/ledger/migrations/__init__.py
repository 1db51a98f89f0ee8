"""How a ledger of an older program becomes one of this program, by Alembic.

A new revision is a file in `versions` that says what it follows and what it does, here and in
`service/ledger/tables.py`; its number becomes `service.ledger.database.REVISION`. It runs in one
transaction, in SQLite and PostgreSQL, whole or not at all; there is no way back but a backup.
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
    created = Config()
    created.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    created.attributes["connection"] = connection
    return created


def known() -> list[str]:
    """All revisions, oldest first."""
    scripts = ScriptDirectory.from_config(config()).walk_revisions()
    return [script.revision for script in scripts][::-1]


def run(connection: Connection, revision: str = "head") -> None:
    """Bring tables up to a revision, in the transaction of a connection."""
    command.upgrade(config(connection), revision)


def differences(connection: Connection) -> list[str]:
    """In what the tables of a database differ from those in `service/ledger/tables.py`."""
    context = MigrationContext.configure(connection)
    return [str(difference) for difference in compare_metadata(context, metadata)]
