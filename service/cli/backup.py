"""The commands `backup` and `restore`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import Data, open_console, open_deployment, print_error

if TYPE_CHECKING:
    from service.pipeline.backup import Backup

app = typer.Typer()


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="New folder of the backup.")],
    previous: Annotated[
        Path | None,
        typer.Option(help="A former backup; files that are in it are linked, not copied."),
    ] = None,
    data: Data = None,
) -> None:
    """Back up the ledger and the archive into a new folder, also while the service runs.

    The folder appears when the backup is complete and on disk; each file is read and checked.
    PostgreSQL is dumped by pg_dump. On the file system of the archive its files are hard links,
    which protect from deletion alone: copy the folder to another disk. The exit code is 1 where
    damaged files were left out.

    Example: `nowcast backup /backup/2026-11-30 --previous /backup/2026-11-29`
    """
    from service.pipeline.backup import back_up

    deployment = open_deployment(data)
    url = deployment.settings.ledger_url
    found = back_up(deployment.archive, url, folder, deployment.clock(), previous)
    open_console().print(f"{folder}: {summary(found)}")
    for path in found.damaged:
        print_error("damaged", f"{path} is left out; `nowcast archive check` quarantines it")
    if found.damaged:
        raise typer.Exit(1)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="Folder of a backup.")],
    replace: Annotated[  # noqa: FBT002  a flag of the command line
        bool, typer.Option("--replace", help="Replace a ledger and an archive that are there.")
    ] = False,
    data: Data = None,
) -> None:
    """Put a backup in the place of the ledger and the archive. Stop all processes first.

    The whole backup is checked before anything changes. An archive that is replaced stays beside
    the new one, as `archive.replaced-1`. If it is killed, run it again: until then no process
    starts.

    Example: `nowcast restore /backup/2026-11-30`
    """
    from service.pipeline import backup as backups

    deployment = open_deployment(data)
    url = deployment.settings.ledger_url
    found = backups.restore(folder, deployment.archive, url, replace=replace)
    open_console().print(f"{folder} is restored: {summary(found)}")


def summary(found: "Backup") -> str:
    """What is in a backup, in words."""
    return (
        f"the ledger and {found.files:,} files of the archive, {found.size / 1e6:,.1f} MB, "
        f"of {found.created}"
    )
