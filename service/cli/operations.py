"""Commands of the service: ingest, forecast, verify, replay, simulate, serve, demo."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import (
    Data,
    MetricsPort,
    Models,
    Quiet,
    configure_logging,
    metrics_server,
    open_console,
    open_deployment,
    open_settings,
    parse_time,
    print_error,
)
from service.monitoring.printable import printable

if TYPE_CHECKING:
    from xarray import DataArray

app = typer.Typer()

YEAR = 366 * 288
"""Frames of a year, the most that are simulated."""
NOT_TAKEN = {"quarantined", "unread"}
"""Outcomes of files that are not in the archive."""


@app.command()
def ingest(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Radar files, or folders of them.")
    ] = None,
    follow: Annotated[  # noqa: FBT002  a flag of the command line
        bool, typer.Option("--follow", help="Poll the provider's server for new files.")
    ] = False,
    data: Data = None,
    quiet: Quiet = False,  # noqa: FBT002  a flag of the command line
    metrics_port: MetricsPort = None,
) -> None:
    """Check radar files, average them to the 5 km grid and store them in the archive.

    Reads RADOLAN binary (RY, YW, RX, WX; gz, bz2 or plain), ODIM HDF5, and RV archives. A bad file
    goes to quarantine with its reason, and the run continues; the exit code is then 1.

    `--follow` polls DWD's server for new files until Ctrl-C, and fetches what was missed since its
    last run. `NOWCAST_RADAR_SERVER` and `NOWCAST_RADAR_FILES` set the server and the files. Each
    new frame starts forecasts and verification: in workers with `NOWCAST_REDIS`, else here.

    Example: `nowcast ingest raa01-ry_10000-2009071400-dwd---bin.gz`
    """
    if bool(paths) == follow:
        raise typer.BadParameter("name radar files or folders, or use --follow")
    if follow:
        follow_server(data, metrics_port)
    else:
        ingest_files(paths or [], data, quiet=quiet)


def ingest_files(paths: list[Path], data: Path | None, *, quiet: bool) -> None:
    """Ingest stored files, and print the number of each outcome.

    Raises:
        Exit: A file was quarantined or not read.
    """
    from ingest.sources.stored_folder import files_in
    from service.cli import console
    from service.pipeline import ingest
    from service.pipeline.ingest_batch import ingest_all
    from service.pipeline.replay import ReplayResult

    ingest.log.addHandler(logging.NullHandler())  # each file is printed here
    deployment, out, tally = open_deployment(data), open_console(), ReplayResult()
    files = files_in(paths)
    with console.progress(open_console(stderr=True)) as bar:
        bar.disable = quiet
        task = bar.add_task("ingest", total=len(files), note="")
        for arrival in ingest_all(deployment.archive, deployment.ledger, files, deployment.clock):
            tally.count(arrival)
            bar.update(task, advance=1, note=printable(arrival.name))
            if arrival.outcome in NOT_TAKEN:
                print_error(arrival.outcome, printable(str(arrival.reason)))
    out.print(f"{len(files)} files: {console.outcomes(tally.outcomes)}")
    if tally.outcomes.keys() & NOT_TAKEN:
        raise typer.Exit(1)


def follow_server(data: Path | None, metrics_port: int | None) -> None:
    """Poll the provider's server until interrupted."""
    from threading import Event

    from service.pipeline.poll import sources_of
    from service.runtime.follow import follow
    from service.runtime.in_process import at_work
    from service.runtime.schedule import FOLLOWING

    deployment = open_deployment(data)
    configure_logging("ingest", deployment.settings)
    sources = sources_of(deployment.settings)
    try:
        with (
            metrics_server(deployment, metrics_port),
            at_work(deployment, [FOLLOWING], "cycle", "send_lost", "send_alerts") as soon,
        ):
            follow(deployment, sources, Event(), deployment.clock, lambda: soon("cycle"))
    except KeyboardInterrupt:
        open_console().print("stopped")


@app.command()
def forecast(
    issue: Annotated[
        str, typer.Option(help="Issue time, that of a radar frame, or latest.")
    ] = "latest",
    model: Annotated[
        str | None,
        typer.Option(help="Model name or checkpoint; by default the first served model."),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", help="Write netCDF here.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write a picture here.")] = None,
    lead: Annotated[
        list[int] | None,
        typer.Option(help="Lead time of the picture in minutes; repeat for several.", min=5),
    ] = None,
    data: Data = None,
) -> None:
    """Forecast the two hours after a radar frame of the archive, and store the forecast.

    Example: `nowcast forecast --issue latest --model ms-lstm -o out.nc --png out.png --lead 15`
    """
    from model_zoo import load_forecaster
    from service.archive.atomic import write_atomically
    from service.archive.key import stamp, to_time
    from service.errors import NoFrames
    from service.pipeline.forecast import forecast_model
    from service.plots.fields import of_forecast

    deployment = open_deployment(data)
    start = deployment.archive.latest_frame() if issue == "latest" else to_time(parse_time(issue))
    if start is None:
        raise NoFrames("there is no radar frame in the archive yet; run `nowcast ingest` first")
    name = model or deployment.forecasters.default
    forecaster = load_forecaster(name, weights_folder=deployment.settings.weights)
    key = forecast_model(
        deployment.archive, deployment.ledger, forecaster, start, deployment.clock()
    )
    field = deployment.archive.forecast(key)
    if output is not None:
        write_atomically(output, deployment.archive.forecast_bytes(key))
    if png is not None:
        shown = at_leads(deployment.archive.full_forecast(key), lead) if lead else field
        write_atomically(png, of_forecast(shown, deployment.archive.frame(start)))
    wettest = float(field.max()) if field.notnull().any() else float("nan")
    written = [str(path) for path in (output, png) if path is not None]
    open_console().print(
        f"{forecaster.name} issued at {stamp(start)}: up to {wettest:.1f} mm/h in two hours"
        + (f"; wrote {', '.join(written)}" if written else "")
    )


def at_leads(forecast: "DataArray", minutes: list[int]) -> "DataArray":
    """A forecast (lead_time, y, x) in mm/h at some lead times in minutes.

    Raises:
        BadParameter: It has none of them.
    """
    from ingest.precipitation import lead_minutes_of

    known = lead_minutes_of(forecast)
    if missing := sorted(set(minutes) - set(known)):
        raise typer.BadParameter(
            f"there is no lead time of {', '.join(map(str, missing))} minutes, should be of "
            f"{', '.join(map(str, known))}"
        )
    return forecast.isel(lead_time=[known.index(lead) for lead in sorted(set(minutes))])


@app.command()
def verify(data: Data = None) -> None:
    """Verify all forecasts whose radar frames have arrived, and print the skill."""
    from service.cli import console
    from service.ledger import tables
    from service.pipeline.verify import verify as verify_pending

    deployment, out = open_deployment(data), open_console()
    number = verify_pending(deployment.archive, deployment.ledger, deployment.clock())
    out.print(f"verified {number} leads")
    if rows := deployment.ledger.rows(tables.counts):
        out.print(console.skill_table(rows))


@app.command()
def replay(
    paths: Annotated[list[Path], typer.Argument(help="Radar files or folders of them.")],
    models: Models = None,
    every: Annotated[int, typer.Option(help="Minutes between issue times.", min=5)] = 5,
    data: Data = None,
    quiet: Quiet = False,  # noqa: FBT002  a flag of the command line
) -> None:
    """Run stored radar files through ingest, forecast and verification in the order of their times.

    Existing results are kept, so an interrupted replay is continued by running it again. The exit
    code is 1 if none of the files could be used.

    Example: `nowcast replay ../shared/data/dwd/ry_20200907 --data /tmp/event`
    """
    if every % 5:
        raise typer.BadParameter(f"--every is {every}, should be a multiple of 5 minutes")
    from ingest.sources.stored_folder import files_in
    from service.cli import console
    from service.ledger import tables
    from service.pipeline.replay import replay as run

    deployment, out = open_deployment(data, models), open_console()
    files = files_in(paths)
    with console.progress(open_console(stderr=True)) as bar:
        bar.disable = quiet
        task = bar.add_task("replay", total=len(files), note="")
        tally = run(
            deployment.archive,
            deployment.ledger,
            deployment.forecasters.all_served(),
            files,
            every,
            lambda arrival: bar.update(task, advance=1, note=printable(arrival.name)),
        )
    out.print(
        f"{len(files)} files: {console.outcomes(tally.outcomes)}. {tally.forecasts} forecasts "
        f"({tally.too_early} more lacked earlier frames), {tally.verified} leads verified."
    )
    if rows := deployment.ledger.rows(tables.counts, deployment.forecasters.served):
        out.print(console.skill_table(rows))
    if tally.outcomes and tally.outcomes.keys() <= NOT_TAKEN:
        print_error("replay", "none of the files could be used; the warnings above say why")
        raise typer.Exit(1)


@app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(help="Folder to write the files to.")],
    frames: Annotated[
        int, typer.Option(help="Number of frames, 5 minutes apart.", min=1, max=YEAR)
    ] = 49,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.", min=0)] = 1,
    start: Annotated[str, typer.Option(help="Time of the first frame.")] = "2026-06-21T12:00Z",
    quiet: Quiet = False,  # noqa: FBT002  a flag of the command line
) -> None:
    """Write a simulated rain event as RADOLAN RY files.

    The seed chooses a front, showers or wide rain, and from where it moves at 10 to 25 m/s.

    Example: `nowcast simulate /tmp/event --frames 49 --seed 7`, then `nowcast replay /tmp/event`
    """
    from ingest.simulation.simulate import write
    from ingest.simulation.weather import random_weather
    from service.archive.key import to_time
    from service.cli import console

    with console.progress(open_console(stderr=True)) as bar:
        bar.disable = quiet
        task = bar.add_task("simulate", total=frames, note="")
        begin = to_time(parse_time(start))
        if begin.astype("datetime64[s]").astype(int) % 300:
            raise typer.BadParameter(f"{start!r} should be on a five-minute mark, such as 12:05")
        for path in write(folder, begin, frames, seed, random_weather(seed)):
            bar.update(task, advance=1, note=path.name)
    open_console().print(f"wrote {frames} frames to {folder}")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    models: Models = None,
    data: Data = None,
) -> None:
    """Serve the HTTP API and the map page; /docs describes the API."""
    from service.cli import startup

    settings = open_settings(data, models, host=host, port=port)
    configure_logging("api", settings)
    startup.check_port(settings)
    ledger = startup.check_services(settings)
    startup.check_models(settings)
    from service.runtime.server import opener
    from service.runtime.server import serve as run

    run(settings, opener(settings, ledger))


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop after one round.")] = False,  # noqa: FBT002  a flag of the command line
    live: Annotated[bool, typer.Option("--live", help="Use radar from DWD's server.")] = False,  # noqa: FBT002  a flag of the command line
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 for a free one.")] = None,
    frames: Annotated[
        int, typer.Option(help="Number of frames at the start.", min=43, max=YEAR)
    ] = 49,
    seed: Annotated[int, typer.Option(help="The same seed gives the same weather.", min=0)] = 11,
    data: Data = None,
) -> None:
    """Ingest, forecast, verify and serve a simulated event that ends now.

    Continues with a new radar frame every 5 minutes until Ctrl-C; `--once` stops after one round.
    `--live` uses the newest radar of DWD instead.
    """
    from service.cli import startup

    startup.check_port(open_settings(port=port))
    from service.cli.demo.run import run

    run(open_console(), data, frames=frames, seed=seed, port=port, once=once, live=live)
