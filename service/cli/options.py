"""Options that several commands share, and their parsing."""

import os
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.monitoring.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from service.runtime.deployment import Deployment
    from service.settings import LogLevel, Settings
    from service.skill.period_summary import Period

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Folder of the archive and the ledger.", envvar="NOWCAST_DATA"),
]
Models = Annotated[str | None, typer.Option("--models", help="Model names, separated by commas.")]
MetricsPort = Annotated[
    int | None,
    typer.Option(help="Port of Prometheus metrics, if any.", envvar="NOWCAST_METRICS_PORT"),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar.")]
Begin = Annotated[str, typer.Option("--from", help="Begin, as in 2020-09-07T08:00Z.")]
End = Annotated[str, typer.Option("--to", help="End; by default now.")]
LastDays = Annotated[
    float, typer.Option("--last", help="Length in days, without --from.", min=0, max=36_500)
]
FIRST_YEAR, LAST_YEAR = 1900, 2200
"""Times of other years are typing errors; some cannot be counted in nanoseconds."""


def open_deployment(
    data: Path | None = None, models: str | None = None, **more: str | int | None
) -> "Deployment":
    """The deployment of the environment settings, overridden by the command line."""
    settings = open_settings(data, models, **more)
    from service.runtime.deployment import Deployment

    return Deployment(settings)


def open_settings(
    data: Path | None = None, models: str | None = None, **more: str | int | None
) -> "Settings":
    """The settings of the environment, overridden by the command line.

    Prints a line for each unknown variable NOWCAST_....

    Raises:
        BadSetting: A value is invalid.
    """
    from service.cli import startup

    for line in startup.unknown_variables():
        print_error("warning", line)
    return startup.read_settings({"data": data, "models": models or None, **more})


def open_console(*, stderr: bool = False) -> "Console":
    """The console of stdout or stderr, 120 columns wide where it is no terminal."""
    from rich.console import Console

    return Console(stderr=stderr, width=None if sys.stdout.isatty() else 120, highlight=False)


def configure_logging(process: str, settings: "Settings") -> None:
    """Log to stderr as the settings say; see `service.monitoring.logs`."""
    from service.monitoring import logs

    logs.configure(process, settings.log, settings.log_level)


def metrics_server(deployment: "Deployment", port: int | None) -> AbstractContextManager[object]:
    """Serve the metrics of this process to Prometheus; do nothing without a port."""
    from service.monitoring.metrics import exposed

    return (
        nullcontext()
        if port is None
        else exposed(deployment.process, deployment.settings.host, port)
    )


def print_error(title: str, message: object) -> None:
    """Print an error to stderr, as JSON where logs are; what would not print is escaped."""
    if os.environ.get("NOWCAST_LOG") == "json":
        from service.monitoring import logs

        level: LogLevel = "warning" if title == "warning" else "error"
        print(logs.json_line("nowcast", level, str(message), kind=title), file=sys.stderr)
        return
    from rich.text import Text

    line = Text.assemble((title, "red"), ": ", printable(str(message), keep="\n"))
    open_console(stderr=True).print(line, soft_wrap=True)


def parse_time(text: str) -> datetime:
    """Parse an ISO 8601 time; UTC without a time zone.

    Raises:
        BadParameter: The text is no time, or one far from those of radar.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no time, should be like 2020-09-07T14:00Z or latest"
        ) from error
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise typer.BadParameter(
            f"{text!r} should be a time of the years {FIRST_YEAR} to {LAST_YEAR}"
        )
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def parse_period(begin: str, end: str, days: float, now: datetime) -> "Period":
    """The period from `begin` to `end`; by default the last days until now.

    Args:
        begin: Begin, or empty.
        end: End, or empty for now.
        days: Length of the period where it has no begin.
        now: The current time.

    Raises:
        BadParameter: The period ends before it begins.
    """
    from service.skill.period_summary import Period

    last = parse_time(end) if end else now
    first = parse_time(begin) if begin else last - timedelta(days=days)
    if first >= last:
        raise typer.BadParameter(
            f"--from {first:%Y-%m-%dT%H:%MZ} should be before the end, {last:%Y-%m-%dT%H:%MZ}"
        )
    return Period(first, last)


def parse_names(text: str, known: Iterable[str], kind: str) -> list[str]:
    """Parse names separated by commas, or `all`.

    Raises:
        BadParameter: A name is unknown.
    """
    if text == "all":
        return list(known)
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in set(known)]:
        raise typer.BadParameter(f"no {kind} {unknown[0]!r}, only {', '.join(known)}")
    return names
