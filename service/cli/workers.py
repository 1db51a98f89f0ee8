"""Commands that run workers, the schedule, or the whole service."""

from typing import Annotated

import typer

from service.cli.options import (
    Data,
    MetricsPort,
    Models,
    configure_logging,
    metrics_server,
    open_deployment,
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
    from service.runtime.worker import Worker

    configure_logging()
    deployment = open_deployment(data, models)
    names = [name.strip() for name in queues.split(",") if name.strip()]
    process = Worker(deployment, names)
    with metrics_server(deployment, metrics_port):
        raise typer.Exit(process.run())


@app.command()
def beat() -> None:
    """Send the periodic tasks when due: cycle, verification, clean-up. Requires NOWCAST_REDIS.

    One instance is enough; a second one is harmless.
    """
    from service.runtime.worker import run_beat
    from service.settings import Settings

    configure_logging()
    run_beat(Settings())


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
    from service.runtime.all_in_one import run

    configure_logging()
    run(open_deployment(data, models, host=host, port=port).settings)
