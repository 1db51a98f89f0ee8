"""What the commands share: options that several have, and what they are turned into."""

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from service.runtime.deployment import Deployment
    from service.skill.period_summary import Period

Data = Annotated[
    Path | None, typer.Option("--data", help="Folder of archive and ledger.", envvar="NOWCAST_DATA")
]
Models = Annotated[
    str | None, typer.Option("--models", help="Names of models, separated by commas.")
]
MetricsPort = Annotated[
    int | None,
    typer.Option(help="Port to tell Prometheus on, if any.", envvar="NOWCAST_METRICS_PORT"),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar.")]
Begin = Annotated[str, typer.Option("--from", help="Begin, as in 2020-09-07T08:00Z.")]
End = Annotated[str, typer.Option("--to", help="End; else now.")]
LastDays = Annotated[float, typer.Option("--last", help="So many days, without --from.", min=0)]


def deployment(
    data: Path | None = None, models: str | None = None, **more: str | int | None
) -> "Deployment":
    """The deployment of the environment, with what the command line says in its stead."""
    from service.runtime.deployment import Deployment
    from service.settings import Settings

    names = models and [name.strip() for name in models.split(",") if name.strip()]
    said = {"data": data, "models": names or None, **more}
    return Deployment(Settings.model_validate({k: v for k, v in said.items() if v is not None}))


def console(*, stderr: bool = False) -> "Console":
    """Where to say something; wide enough for tables where nobody looks."""
    from rich.console import Console

    return Console(stderr=stderr, width=None if sys.stdout.isatty() else 120, highlight=False)


def log_lines() -> None:
    """Say on stderr what happens, a line each, and of the libraries only what is wrong."""
    import logging

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for library in ("httpx", "celery", "kombu"):
        logging.getLogger(library).setLevel(logging.WARNING)


def telling(desk: "Deployment", port: int | None) -> AbstractContextManager[object]:
    """Tell Prometheus what this process counts, if there is a port to do it on."""
    from service.monitoring.metrics import exposed

    return nullcontext() if port is None else exposed(desk.process, desk.settings.host, port)


def complain(title: str, said: object) -> None:
    """Say on stderr what went wrong."""
    from rich.markup import escape

    console(stderr=True).print(f"[red]{title}[/]: {escape(str(said))}")


def moment(text: str) -> datetime:
    """A time on the command line; UTC where it names no zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no time, should be like 2020-09-07T14:00Z or latest"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def period_of(begin: str, end: str, days: float, now: datetime) -> "Period":
    """The time from `begin` to `end`, or now, or else the last days of it.

    Raises:
        BadParameter: It ends before it begins.
    """
    from service.skill.period_summary import Period

    last = moment(end) if end else now
    first = moment(begin) if begin else last - timedelta(days=days)
    if first >= last:
        raise typer.BadParameter(
            f"--from {first:%Y-%m-%dT%H:%MZ} should be before the end, {last:%Y-%m-%dT%H:%MZ}"
        )
    return Period(first, last)


def choose(said: str, known: Iterable[str], kind: str) -> list[str]:
    """The names in a list separated by commas, or all."""
    if said == "all":
        return list(known)
    wanted = [name.strip() for name in said.split(",")]
    if unknown := [name for name in wanted if name not in set(known)]:
        raise typer.BadParameter(f"no {kind} {unknown[0]!r}, only {', '.join(known)}")
    return wanted
