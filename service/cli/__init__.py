"""The command line: every step of the service by hand.

Heavy packages are imported by the commands that need them, so that `--help` answers at once.
"""

import platform
import sys

import typer

from service.cli import keys, ledger, networks, operations, plots, training, workers
from service.cli.options import complain

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    help="""Two-hour precipitation nowcasts for Germany from DWD radar, every one of them verified.

    First steps: `nowcast demo` shows everything on a simulated event. `nowcast replay FOLDER` runs
    stored radar files from ingest to verification. `nowcast serve` answers over HTTP.

    Data lie in the folder `nowcast-data`, or where `--data` or `NOWCAST_DATA` says.""",
)
for part in (operations, plots, keys, ledger, networks, training, workers):
    app.add_typer(part.app)


SYSTEM = "Linux"
"""The operating system the service runs on, as `platform.system` names it."""


def main() -> None:
    """Run the command line. Errors of known types end with one line and exit code 2.

    The service requires Linux, and says so in one line elsewhere.
    """
    if (system := platform.system()) != SYSTEM:
        typer.echo(wrong_system(system), err=True)
        sys.exit(2)
    try:
        app()
    except Exception as error:
        if not is_foreseen(error):
            raise
        complain(type(error).__name__, error)
        sys.exit(2)


def wrong_system(system: str) -> str:
    """The line to print on an operating system other than Linux."""
    return (
        f"nowcast requires Linux (fcntl, resource, os.sched_getaffinity); this system is "
        f"{system or 'unknown'}. Run it in a container or a virtual machine with Linux."
    )


def is_foreseen(error: Exception) -> bool:
    """Whether an error is one of those that say by themselves what to do."""
    from ingest.errors import IngestError
    from service.errors import ServiceError

    if isinstance(error, IngestError | ServiceError | OSError):
        return True
    from model_zoo.errors import ModelError  # with torch behind it: only when there is need

    return isinstance(error, ModelError)
