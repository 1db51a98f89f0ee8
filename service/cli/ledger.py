"""The group `ledger`: the tables brought up to date, shown and checked."""

from pathlib import Path

import typer

from service.cli.options import Data, complain, console, deployment

group = typer.Typer(
    no_args_is_help=True,
    help="""Look after the ledger, in SQLite or where `NOWCAST_LEDGER` says.

    Every command that opens the ledger brings its tables up to date first; these are for doing so
    before an upgrade is rolled out, and for looking whether all is well.""",
)
app = typer.Typer()
app.add_typer(group, name="ledger")


@group.command()
def upgrade(data: Data = None) -> None:
    """Bring the tables up to what this program knows, and make them where there are none.

    Safe at any time and from several places at once: it is done whole or not at all. Make a backup
    first: there is no way back.
    """
    from service.ledger import database

    url = url_of(data)
    database.upgrade(database.engine(url))
    tell(url)


@group.command()
def show(data: Data = None) -> None:
    """Show the revision of the tables and how many rows each has."""
    tell(url_of(data))


@group.command()
def check(data: Data = None) -> None:
    """Check that the tables are as they should be, and the running totals the sums of their rows.

    Reads all of the ledger. The exit code is 1 where there is something wrong.
    """
    from service.ledger import integrity

    url = url_of(data)
    tell(url)
    found = integrity.faults(url)
    for fault in found:
        complain("ledger", fault)
    if found:
        raise typer.Exit(1)
    console().print("all is well")


def url_of(data: Path | None) -> str:
    return deployment(data).settings.ledger_url


def tell(url: str) -> None:
    """Say what a ledger is and what is in it."""
    from service.cli import console as show
    from service.ledger import integrity

    state = integrity.state(url)
    console().print(f"{state.place}, revision {state.revision or 'none: it is empty'}")
    lines = [[name, f"{n:,}"] for name, n in sorted(state.rows.items())]
    if lines:
        console().print(show.plain_table("", ["table", "rows"], lines))
