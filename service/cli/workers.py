"""Commands that run the parts of the service beside the API: workers, the schedule, or all."""

from typing import Annotated

import typer

from service.cli.options import Data, MetricsPort, Models, deployment, log_lines, telling

app = typer.Typer()

Queues = Annotated[
    str, typer.Option("--queues", help="interactive, scheduled, verify, ingest: with commas.")
]


@app.command()
def worker(
    queues: Queues,
    models: Models = None,
    data: Data = None,
    metrics_port: MetricsPort = None,
) -> None:
    """Do what comes from some queues, one thing after the other. Needs NOWCAST_REDIS.

    With the queues of forecasts it loads all models and tries them before it begins. SIGTERM lets
    what runs come to its end.

    Example: `nowcast worker --queues interactive,scheduled`
    """
    from service.runtime.worker import Worker

    log_lines()
    desk = deployment(data, models)
    hired = Worker(desk, [name.strip() for name in queues.split(",") if name.strip()])
    with telling(desk, metrics_port):
        raise typer.Exit(hired.run())


@app.command()
def beat() -> None:
    """Have everything done when it is due: cycles, verification, clean-up. Needs NOWCAST_REDIS.

    One is enough; a second does no harm.
    """
    from service.runtime.worker import run_beat
    from service.settings import Settings

    log_lines()
    run_beat(Settings())


@app.command()
def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    models: Models = None,
    data: Data = None,
) -> None:
    """Run the whole service on this machine until Ctrl-C: API, workers, schedule, ingest.

    Each is a process and is started anew when it dies. They meet on NOWCAST_REDIS, or else on a
    redis-server that is started with them; where there is none, all runs in one process.
    """
    from service.runtime.all_in_one import run

    log_lines()
    run(deployment(data, models, host=host, port=port).settings)
