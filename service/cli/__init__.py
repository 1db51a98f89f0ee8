"""The command line: every step of the service by hand.

Heavy packages are imported by the commands that need them, so that `--help` answers at once.
"""

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


def main() -> None:
    """Run the command line; what is foreseen fails with a sentence and no trace."""
    try:
        app()
    except Exception as error:
        if not is_foreseen(error):
            raise
        complain(type(error).__name__, error)
        sys.exit(2)


def is_foreseen(error: Exception) -> bool:
    """Whether an error is one of those that say by themselves what to do."""
    from ingest.errors import IngestError
    from service.errors import ServiceError

    if isinstance(error, IngestError | ServiceError | OSError):
        return True
    from model_zoo.errors import ModelError  # with torch behind it: only when there is need

    return isinstance(error, ModelError)
