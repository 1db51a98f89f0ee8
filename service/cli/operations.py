"""Commands of the service: radar in, forecasts out, how good they were."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import (
    Data,
    MetricsPort,
    Models,
    Quiet,
    complain,
    console,
    deployment,
    log_lines,
    moment,
    telling,
)

app = typer.Typer()


@app.command()
def ingest(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Radar files, or folders of them.")
    ] = None,
    follow: Annotated[  # noqa: FBT002  a flag of the command line
        bool, typer.Option("--follow", help="Take them from the provider's server, as they come.")
    ] = False,
    data: Data = None,
    quiet: Quiet = False,  # noqa: FBT002  a flag of the command line
    metrics_port: MetricsPort = None,
) -> None:
    """Check radar files, bring them to the 5 km grid and keep them in the archive.

    Takes RADOLAN binary (RY, YW, RX, WX; gz, bz2 or plain), ODIM HDF5, and RV archives. A bad file
    goes to quarantine beside its reason, and the run goes on; the exit code is 1 if there was one.

    `--follow` looks for new files on DWD's server until Ctrl-C, and fetches what was missed since
    it last ran. `NOWCAST_RADAR_SERVER` and `NOWCAST_RADAR_FILES` say where and what. Every new
    frame is forecast from and verified with: by workers if there is `NOWCAST_REDIS`, else here.

    Example: `nowcast ingest raa01-ry_10000-2009071400-dwd---bin.gz`
    """
    if bool(paths) == follow:
        raise typer.BadParameter("name radar files or folders of them, or say --follow")
    if follow:
        follow_server(data, metrics_port)
    else:
        ingest_files(paths or [], data, quiet=quiet)


def ingest_files(paths: list[Path], data: Path | None, *, quiet: bool) -> None:
    from ingest.sources.stored_folder import files_in
    from service.cli import console as show
    from service.pipeline.ingest_batch import ingest_all
    from service.pipeline.replay import Tally

    desk, out, tally = deployment(data), console(), Tally()
    files = files_in(paths)
    with show.progress(console(stderr=True)) as bar:
        bar.disable = quiet
        task = bar.add_task("ingest", total=len(files), said="")
        for arrival in ingest_all(desk.archive, desk.ledger, files, desk.clock):
            tally.count(arrival)
            bar.update(task, advance=1, said=arrival.name)
            if arrival.outcome == "quarantined":
                complain("quarantined", arrival.reason)
    out.print(f"{len(files)} files: {show.outcomes(tally.outcomes)}")
    if tally.outcomes.get("quarantined"):
        raise typer.Exit(1)


def follow_server(data: Path | None, metrics_port: int | None) -> None:
    from threading import Event

    from service.pipeline.poll import sources_of
    from service.runtime.follow import follow
    from service.runtime.in_process import at_work
    from service.runtime.schedule import FOLLOWING

    log_lines()
    desk = deployment(data)
    sources = sources_of(desk.settings)
    try:
        with (
            telling(desk, metrics_port),
            at_work(desk, [FOLLOWING], "cycle", "send_lost") as soon,
        ):
            follow(desk, sources, Event(), desk.clock, lambda: soon("cycle"))
    except KeyboardInterrupt:
        console().print("stopped")


@app.command()
def forecast(
    issue: Annotated[
        str, typer.Option(help="Time of the frame to start from, or latest.")
    ] = "latest",
    model: Annotated[
        str | None, typer.Option(help="Name of a model, or a checkpoint; else the first served.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", help="Write netCDF here.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write a picture here.")] = None,
    data: Data = None,
) -> None:
    """Forecast the two hours after a radar frame in the archive, and keep the forecast.

    Example: `nowcast forecast --issue latest --model ms-lstm -o out.nc --png out.png`
    """
    from model_zoo import load_forecaster
    from service.archive.atomic import write_whole
    from service.archive.key import stamp, to_time
    from service.errors import NoFrames
    from service.pipeline.forecast import forecast_model
    from service.plots.fields import of_forecast

    desk = deployment(data)
    start = desk.archive.latest_frame() if issue == "latest" else to_time(moment(issue))
    if start is None:
        raise NoFrames("there is no radar frame in the archive yet; run `nowcast ingest` first")
    name = model or desk.forecasters.default
    forecaster = load_forecaster(name, weights_folder=desk.settings.weights)
    key = forecast_model(desk.archive, desk.ledger, forecaster, start, desk.clock())
    made = desk.archive.forecast(key)
    if output is not None:
        write_whole(output, desk.archive.forecast_bytes(key))
    if png is not None:
        write_whole(png, of_forecast(made, desk.archive.frame(start)))
    wettest = float(made.max()) if made.notnull().any() else float("nan")
    written = [str(path) for path in (output, png) if path is not None]
    console().print(
        f"{forecaster.name} issued at {stamp(start)}: up to {wettest:.1f} mm/h in two hours"
        + (f"; wrote {', '.join(written)}" if written else "")
    )


@app.command()
def verify(data: Data = None) -> None:
    """Verify every forecast whose radar frame has come, and show the skill so far."""
    from service.cli import console as show
    from service.ledger import tables as book
    from service.pipeline.verify import verify as verify_pending

    desk, out = deployment(data), console()
    done = verify_pending(desk.archive, desk.ledger, desk.clock())
    out.print(f"verified {done} leads")
    if rows := desk.ledger.rows(book.counts):
        out.print(show.skill_table(rows))


@app.command()
def replay(
    paths: Annotated[list[Path], typer.Argument(help="Folders of radar files, or files.")],
    models: Models = None,
    every: Annotated[int, typer.Option(help="Minutes between starts of forecasts.", min=5)] = 5,
    data: Data = None,
    quiet: Quiet = False,  # noqa: FBT002  a flag of the command line
) -> None:
    """Run stored radar files through ingest, forecast and verification as it would have happened.

    What is done already is left as it is: a replay that was stopped is simply run again.

    Example: `nowcast replay ../shared/data/dwd/ry_20200907 --data /tmp/event`
    """
    from ingest.sources.stored_folder import files_in
    from service.cli import console as show
    from service.ledger import tables as book
    from service.pipeline.replay import replay as run

    desk, out = deployment(data, models), console()
    files = files_in(paths)
    with show.progress(console(stderr=True)) as bar:
        bar.disable = quiet
        task = bar.add_task("replay", total=len(files), said="")
        tally = run(
            desk.archive,
            desk.ledger,
            desk.forecasters.all_served(),
            files,
            every,
            lambda arrival: bar.update(task, advance=1, said=arrival.name),
        )
    out.print(
        f"{len(files)} files: {show.outcomes(tally.outcomes)}. {tally.forecasts} forecasts "
        f"({tally.too_early} more lacked frames before them), {tally.verified} leads verified."
    )
    if rows := desk.ledger.rows(book.counts, desk.forecasters.served):
        out.print(show.skill_table(rows))


@app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(help="Where to write the files.")],
    frames: Annotated[int, typer.Option(help="How many, 5 minutes apart.", min=1)] = 49,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    start: Annotated[str, typer.Option(help="Time of the first frame.")] = "2026-06-21T12:00Z",
    quiet: Quiet = False,  # noqa: FBT002  a flag of the command line
) -> None:
    """Write a simulated rain event as RADOLAN RY files.

    Example: `nowcast simulate /tmp/event --frames 49 --seed 7`, then `nowcast replay /tmp/event`
    """
    from ingest.simulation.simulate import write
    from service.archive.key import to_time
    from service.cli import console as show

    with show.progress(console(stderr=True)) as bar:
        bar.disable = quiet
        task = bar.add_task("simulate", total=frames, said="")
        for path in write(folder, to_time(moment(start)), frames, seed):
            bar.update(task, advance=1, said=path.name)
    console().print(f"wrote {frames} frames to {folder}")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    models: Models = None,
    data: Data = None,
) -> None:
    """Answer over HTTP: POST /nowcast, GET /nowcasts/latest, places, verification, /docs."""
    from service.runtime.server import serve as run

    log_lines()
    run(deployment(data, models, host=host, port=port))


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop when all has been shown.")] = False,  # noqa: FBT002  a flag of the command line
    live: Annotated[bool, typer.Option("--live", help="Real radar, from DWD's server.")] = False,  # noqa: FBT002  a flag of the command line
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for a free one.")] = 8000,
    frames: Annotated[int, typer.Option(help="Frames to begin with.", min=43)] = 49,
    seed: Annotated[int, typer.Option(help="The same seed simulates the same weather.")] = 1,
    data: Data = None,
) -> None:
    """Do the main job on a simulated event that ends now: ingest, forecast, verify, serve.

    Goes on with a new radar frame every 5 minutes until Ctrl-C; `--once` stops after the first.
    `--live` does the same with the newest real frames.
    """
    from service.cli.demo import run

    run(console(), data, frames=frames, seed=seed, port=port, once=once, live=live)
