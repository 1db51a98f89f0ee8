"""Commands that run workers, the schedule, or the whole service."""

from typing import Annotated

import typer

from service.cli.options import (
    Data,
    MetricsPort,
    Models,
    configure_logging,
    metrics_server,
    open_console,
    open_settings,
)

app = typer.Typer()

Queues = Annotated[
    str,
    typer.Option("--queues", help="interactive, scheduled, verify, ingest; separated by commas."),
]


@app.command()
def worker(
    queues: Queues,
    models: Models = None,
    data: Data = None,
    metrics_port: MetricsPort = None,
) -> None:
    """Execute the tasks of some queues, one after the other. Requires NOWCAST_REDIS.

    For the queues of forecasts all models are loaded and run once first. SIGTERM lets the running
    task finish.

    Example: `nowcast worker --queues interactive,scheduled`
    """
    from service.cli import startup
    from service.jobs.celery_transport import check_queues, check_redis_url

    names = [name.strip() for name in queues.split(",") if name.strip()]
    check_queues(names)
    settings = open_settings(data, models)
    configure_logging("worker", settings)
    check_redis_url(settings)
    ledger = startup.check_services(settings)
    from service.runtime.deployment import Deployment
    from service.runtime.worker import Worker

    deployment = Deployment(settings, ledger)
    process = Worker(deployment, names)
    with metrics_server(deployment, metrics_port):
        raise typer.Exit(process.run())


@app.command()
def beat() -> None:
    """Send the periodic tasks when due: cycle, verification, clean-up. Requires NOWCAST_REDIS.

    One instance is enough; a second one is harmless.
    """
    from service.cli import startup

    settings = open_settings()
    configure_logging("beat", settings)
    startup.check_references(settings)
    startup.check_redis(settings)
    from service.runtime.worker import run_beat

    run_beat(settings)


@app.command()
def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    models: Models = None,
    data: Data = None,
) -> None:
    """Run the whole service on this machine until Ctrl-C: API, workers, schedule, ingest.

    Each is a process and is restarted when it exits. They use NOWCAST_REDIS, or else start a
    redis-server; where none is installed, everything runs in one process.
    """
    from service.cli import startup

    settings = open_settings(data, models, host=host, port=port)
    configure_logging("up", settings)
    startup.check_port(settings)
    ledger = startup.check_services(settings)
    startup.check_models(settings)
    from service.runtime.all_in_one import run

    run(settings, ledger)


@app.command()
def doctor(data: Data = None) -> None:
    """Check versions, kernels, models, disk, ledger, archive, Redis, radar server and clock.

    The device of networks and what settings name are looked for, too. Each line says what was
    found and what to do. The exit code is 1 if a check failed; warnings alone leave it 0.
    """
    from rich.markup import escape

    from service.cli.doctor import examine

    findings = examine(open_settings(data))
    colours = {"ok": "green", "warning": "yellow", "failed": "red"}
    out = open_console()
    for finding in findings:
        mark = f"[{colours[finding.state]}]{finding.state:8}[/]"
        out.print(f"{mark} {finding.name:13} {escape(finding.text)}", soft_wrap=True)
    if any(finding.state == "failed" for finding in findings):
        raise typer.Exit(1)
