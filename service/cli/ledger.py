"""The command group `ledger`: upgrade, show and check the database."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import Data, open_console, open_deployment, print_error

if TYPE_CHECKING:
    from service.runtime.deployment import Deployment

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
def check(
    data: Data = None,
    repair: Annotated[  # noqa: FBT002  a flag of the command line
        bool, typer.Option("--repair", help="Repair what differs, then check again.")
    ] = False,
) -> None:
    """Check the tables, their running totals, and that archive and ledger hold the same.

    Reads the whole ledger. With --repair, files that the ledger lacks are entered, frames that the
    archive lacks are fetched again as far as the server has them, lost forecasts that wait to be
    verified are made again, and totals are summed again. The exit code is 1 where a fault is left.
    """
    deployment = open_deployment(data)
    print_state(deployment.settings.ledger_url)
    faults = faults_of(deployment)
    if faults and repair:
        for fault in faults:
            open_console().print(f"repairing: {fault}")
        repair_ledger(deployment)
        faults = faults_of(deployment)
    for fault in faults:
        print_error("ledger", fault)
    if faults:
        raise typer.Exit(1)
    open_console().print("no faults found")


def faults_of(deployment: "Deployment") -> list[str]:
    """What is wrong with the tables, and in what archive and ledger differ."""
    from service.ledger import integrity
    from service.pipeline.repair import differences

    faults = integrity.faults(deployment.settings.ledger_url)
    if integrity.is_outdated(deployment.settings.ledger_url):
        return faults
    return [*faults, *differences(deployment.archive, deployment.ledger).sentences()]


def repair_ledger(deployment: "Deployment") -> None:
    """Repair what archive and ledger differ in, and the running totals."""
    from service.pipeline.poll import fetch_lost
    from service.pipeline.repair import differences, repair

    archive, ledger = deployment.archive, deployment.ledger
    now = deployment.clock()
    fetch = partial(fetch_lost, archive, ledger, deployment.sources, now)
    repair(archive, ledger, differences(archive, ledger), fetch, deployment.make_forecast)


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
