"""The command group `archive`: check the files."""

import typer

from service.cli.options import Data, open_console, open_deployment, print_error

group = typer.Typer(no_args_is_help=True, help="Maintain the archive of frames and forecasts.")
app = typer.Typer()
app.add_typer(group, name="archive")


@group.command()
def check(data: Data = None) -> None:
    """Read all frames and forecasts and compare them with their checksums.

    A damaged file is moved to quarantine; it is then missing, and `nowcast ledger check --repair`
    fetches or makes it again. The exit code is 1 where there is a damaged file.
    """
    from service.pipeline.repair import check_files

    archive = open_deployment(data).archive
    number = damaged = 0
    for number, checked in enumerate(check_files(archive), start=1):  # noqa: B007  read after the loop
        if checked.damage:
            damaged += 1
            print_error(checked.path, checked.damage)
    open_console().print(f"{number} files read, {damaged} damaged")
    if damaged:
        raise typer.Exit(1)
