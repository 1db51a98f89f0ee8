"""The command group `ledger`: upgrade, show and check the database."""

from pathlib import Path

import typer

from service.cli.options import Data, open_console, open_deployment, print_error

group = typer.Typer(
    no_args_is_help=True,
    help="""Maintain the ledger, in SQLite or the database of `NOWCAST_LEDGER`.

    Every command that opens the ledger migrates its tables first; use these to migrate before an
    upgrade is rolled out, and to check the database.""",
)
app = typer.Typer()
app.add_typer(group, name="ledger")


@group.command()
def upgrade(data: Data = None) -> None:
    """Migrate the tables to this version, or create them.

    Safe at any time and from several processes at once: it is done completely or not at all. Make
    a backup first: there is no downgrade.
    """
    from service.ledger import database

    url = ledger_url(data)
    database.upgrade(database.engine(url))
    print_state(url)


@group.command()
def show(data: Data = None) -> None:
    """Show the revision of the tables and the number of rows of each."""
    print_state(ledger_url(data))


@group.command()
def check(data: Data = None) -> None:
    """Check the tables, and that running totals equal the sums of their rows.

    Reads the whole ledger. The exit code is 1 where there is a fault.
    """
    from service.ledger import integrity

    url = ledger_url(data)
    print_state(url)
    faults = integrity.faults(url)
    for fault in faults:
        print_error("ledger", fault)
    if faults:
        raise typer.Exit(1)
    open_console().print("no faults found")


def ledger_url(data: Path | None) -> str:
    """URL of the ledger's database."""
    return open_deployment(data).settings.ledger_url


def print_state(url: str) -> None:
    """Print the database, revision and row counts of a ledger."""
    from service.cli import console
    from service.ledger import integrity

    state = integrity.state(url)
    open_console().print(f"{state.url}, revision {state.revision or 'none: the database is empty'}")
    lines = [[name, f"{n:,}"] for name, n in sorted(state.rows.items())]
    if lines:
        open_console().print(console.plain_table("", ["table", "rows"], lines))
