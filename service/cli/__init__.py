"""The command line `nowcast`: each step of the service as a command.

Heavy packages are imported by the commands that need them, so that `--help` starts fast.
"""

import importlib.metadata
import logging
import os
import platform
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from service.cli import (
    archive,
    backup,
    keys,
    ledger,
    networks,
    operations,
    plots,
    training,
    workers,
)
from service.cli.options import print_error
from service.cli.rain_commands import commands
from service.monitoring.printable import PrintableFormatter

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    help="""Two-hour precipitation nowcasts for Germany from DWD radar, all of them verified.

    First steps: `nowcast demo` runs the whole service on a simulated event. `nowcast replay FOLDER`
    runs stored radar files from ingest to verification. `nowcast serve` serves the HTTP API.

    Data are in the folder `nowcast-data`, or that of `--data` or `NOWCAST_DATA`.""",
)


def print_version(wanted: bool) -> None:  # noqa: FBT001  called by typer
    """Print the version and exit, if wanted.

    Raises:
        Exit: The version is printed.
    """
    if wanted:
        typer.echo(f"nowcast {importlib.metadata.version('nowcast')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[  # noqa: FBT002  handled by its callback
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=print_version),
    ] = False,
) -> None:
    """Options before the command."""


for part in (
    operations,
    commands,
    plots,
    keys,
    archive,
    ledger,
    backup,
    networks,
    training,
    workers,
):
    app.add_typer(part.app)


INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells use it: 128 and the number of SIGINT."""
SYSTEM = "Linux"
"""The operating system the service runs on, as `platform.system` names it."""


def main() -> None:
    """Run the command line. Expected errors end it with one line and exit code 2.

    The service requires Linux, and prints one line on other systems.
    """
    if (system := platform.system()) != SYSTEM:
        typer.echo(wrong_system(system), err=True)
        sys.exit(2)
    if logging.lastResort is not None:  # prints warnings of commands that configure no logging
        logging.lastResort.setFormatter(warning_formatter())
    try:
        sys.exit(app(standalone_mode=False))
    except TyperException as error:
        print_error("usage", usage_problem(error))
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if not is_expected(error):
            raise
        print_error(type(error).__name__, expected_problem(error))
        sys.exit(2)


def warning_formatter() -> logging.Formatter:
    """The formatter of warnings of commands that configure no logging."""
    if os.environ.get("NOWCAST_LOG") != "json":
        return PrintableFormatter("%(message)s")
    from service.monitoring import logs

    return logs.formatter("nowcast", "json")


def usage_problem(error: TyperException) -> str:
    """The line to print for a wrong command, option or argument, with where to read more."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "nowcast"
    message = " ".join(error.format_message().split()).rstrip(".") or "Missing command"
    return f"{message}. See `{path} --help`."


def expected_problem(error: Exception) -> str:
    """The line to print for an expected error; of a file also what to do."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        found = error.filename if error.filename2 is None else error.filename2
        name = os.fsdecode(found) if isinstance(found, bytes) else found
        return (
            f"{str(name)!r} cannot be used: {error.strerror}; name another file or folder, or give "
            f"this user the right to use it"
        )
    return " ".join(str(error).split())


def wrong_system(system: str) -> str:
    """The line to print on an operating system other than Linux."""
    return (
        f"nowcast requires Linux (fcntl, resource, os.sched_getaffinity); this system is "
        f"{system or 'unknown'}. Run it in a container or a virtual machine with Linux."
    )


def is_expected(error: Exception) -> bool:
    """Whether an error has a message that says what to do."""
    from ingest.errors import IngestError
    from service.errors import ServiceError

    if isinstance(error, IngestError | ServiceError | OSError):
        return True
    from model_zoo.errors import ModelError  # imports torch, so only when needed

    return isinstance(error, ModelError)
