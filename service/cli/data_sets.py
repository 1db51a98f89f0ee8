"""The command group `data`: check and prepare data sets for training."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import Quiet, open_console

app = typer.Typer(
    no_args_is_help=True,
    help="""Check data sets for training, and prepare years of radar.

    Each command reads a data set as training does, prints a summary, and fails with an explanation
    where a file is missing or damaged.""",
)

Folder = Annotated[Path, typer.Argument(help="Folder of the data set.")]


@app.command("moving-mnist")
def moving_mnist(folder: Folder) -> None:
    """Check the idx files of MNIST, from which training makes moving digits.

    Requires train-images-idx3-ubyte and t10k-images-idx3-ubyte, plain or with .gz.
    """
    print_survey("moving-mnist", folder)


@app.command()
def taxibj(folder: Folder) -> None:
    """Check BJ13_M32x32_T30_InOut.h5 to BJ16_M32x32_T30_InOut.h5."""
    print_survey("taxibj", folder)


@app.command()
def kth(folder: Folder) -> None:
    """Check folders of frames such as walking/person01_walking_d1/image_0001.png."""
    print_survey("kth", folder)


@app.command()
def corpus(folder: Folder) -> None:
    """Check every event in a folder: npz files with `rate_x100` and `time`, and imported ones."""
    from model_zoo.training.data.data_sets.corpus import event_names, event_path
    from model_zoo.training.data.survey import survey_event
    from model_zoo.training.errors import BadData
    from service.cli import console

    paths = [event_path(folder, name) for name in event_names(folder)]
    if not paths:
        raise BadData(f"{folder} has no events, neither npz files nor imported ones (.zarr)")
    lines, faults = [], []
    for path in paths:
        try:
            lines.append(survey_event(path))
        except BadData as error:
            faults.append(str(error))
    headings = ["event", "from", "frames", "minutes", "rows x columns", "known", "wet", "highest"]
    open_console().print(console.plain_table("corpus", headings, lines))
    for fault in faults:
        open_console().print(f"[red]skipped[/] {fault}")
    if faults:
        raise typer.Exit(1)


@app.command()
def germany(
    source: Annotated[
        Path, typer.Argument(help="RYDL.hdf5, a folder of radar files, or an archive.")
    ],
    store: Annotated[
        Path | None,
        typer.Argument(help="Zarr store to prepare; without it the source is only checked."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Number of processes on this machine.", min=1)
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Dask scheduler, such as tcp://host:8786.")
    ] = None,
    quiet: Quiet = False,  # noqa: FBT002  a flag of the command line
) -> None:
    """Check German composites, or average all of them to 5 km in a Zarr store.

    An interrupted preparation continues where it stopped; unreadable frames are skipped and
    listed. Example: `nowcast data germany RYDL.hdf5 germany.zarr --workers 8`
    """
    from model_zoo.training.data.preparation import prepare
    from model_zoo.training.data.survey import survey_record
    from service.cli import console

    if store is None:
        for line in survey_record(source):
            open_console().print(line)
        return
    with console.progress(open_console(stderr=True)) as bar:
        bar.disable = quiet
        task = bar.add_task("germany", total=None, note="")

        def show_progress(done: int, total: int, faults: list[str]) -> None:
            bar.update(task, completed=done, total=total, note=f"{len(faults)} unreadable")

        faults = prepare(source, store, workers=workers, scheduler=scheduler, report=show_progress)
    for fault in faults:
        open_console().print(f"[red]skipped[/] {fault}")
    open_console().print(f"{store} is ready; {len(faults)} frames skipped")


@app.command()
def simulated(
    folder: Annotated[Path, typer.Argument(help="Folder to write the events to.")],
    events: Annotated[int, typer.Option(help="Number of events.", min=1, max=1_000_000)] = 100,
    frames: Annotated[
        int, typer.Option(help="Frames per event, 5 minutes apart.", min=2, max=10_000)
    ] = 49,
    side: Annotated[int, typer.Option(help="Rows and columns, 5 km each.", min=8, max=2000)] = 180,
    seed: Annotated[int, typer.Option(help="The same seed makes the same events.", min=0)] = 1,
    wet: Annotated[
        tuple[float, float], typer.Option(help="Lowest and highest fraction of the area with rain.")
    ] = (0.03, 0.4),
    workers: Annotated[int, typer.Option(help="Number of processes.", min=1)] = 1,
    quiet: Quiet = False,  # noqa: FBT002  a flag of the command line
) -> None:
    """Write simulated rain events, each with different weather, as files of the corpus.

    Existing events are kept. An experiment trains on them as on any others of the corpus, many
    times faster than on rain simulated during training: train = ["sim-1-*"].
    `--wet 0.01 0.05` makes scattered showers.
    """
    if not 0 < wet[0] <= wet[1] <= 0.5:
        raise typer.BadParameter(
            f"--wet is {wet[0]} {wet[1]}, should be 0 < lowest <= highest <= 0.5"
        )
    from model_zoo.training.data.data_sets.simulated import write_events
    from service.cli import console

    with console.progress(open_console(stderr=True)) as bar:
        bar.disable = quiet
        task = bar.add_task("simulated", total=events, note="")
        for path in write_events(folder, events, seed, frames, side, wet, workers=workers):
            bar.update(task, advance=1, note=path.name)
    open_console().print(f"{events} events are in {folder}")


@app.command("import")
def import_event(
    sources: Annotated[list[Path], typer.Argument(help="Files of composites, or folders of them.")],
    event: Annotated[Path, typer.Option("--output", "-o", help="Event to write, NAME.zarr.")],
    source: Annotated[str, typer.Option(help="Whom to credit, and the product.")],
    licence: Annotated[str, typer.Option(help="SPDX identifier, such as CC-BY-4.0.")],
    cell_km: Annotated[
        float | None, typer.Option(help="Side of cells to average to, in km.", min=0.1, max=100)
    ] = None,
    variable: Annotated[str, typer.Option(help="Variable of netCDF, if several can be.")] = "",
    units: Annotated[str, typer.Option(help="Units, where files state none.")] = "",
    projection: Annotated[str, typer.Option(help="EPSG code, PROJ or WKT, likewise.")] = "",
    minutes: Annotated[
        float,
        typer.Option(help="Accumulation time of amounts; else of the files.", min=0, max=1440),
    ] = 0.0,
    zr: Annotated[tuple[float, float], typer.Option(help="a and b of Z = a R**b, for dBZ.")] = (
        200.0,
        1.6,
    ),
    importer: Annotated[str, typer.Option(help="Importer of pysteps, for other formats.")] = "",
    picture: Annotated[
        Path | None, typer.Option(help="Picture to write; by default beside the event.")
    ] = None,
) -> None:
    """Import composites of any country as an event for training.

    Reads CF netCDF, ODIM HDF5, GeoTIFF and, where pysteps is installed, what its importers read.
    Checks units, orientation, projection and cadence, and draws a picture to look at.

    Example: `nowcast data import radar/*.nc -o events/june.zarr --cell-km 5 --licence CC-BY-4.0
    --source "KNMI, radar composite"`
    """
    if not all(0 < number < 1e6 for number in zr):
        raise typer.BadParameter(f"--zr is {zr[0]:g} {zr[1]:g}, should be two numbers above 0")
    from ingest.composites.event_store import write_event
    from ingest.composites.found import Options
    from ingest.composites.series import open_series

    options = Options(variable, units, projection, minutes, zr, importer=importer)
    series = open_series(sources, options, cell_km)
    if (taken := series.frames[0].variable) and not variable:
        open_console().print(f"the rain is the variable {taken}; --variable names another")
    if series.frames[0].is_turned:
        open_console().print("the files begin in the south; rows are turned, north first")
    write_event(event, series, licence, source)
    show(event, picture or event.with_suffix(".png"))


@app.command()
def show(
    event: Annotated[Path, typer.Argument(help="Imported event, NAME.zarr.")],
    picture: Annotated[
        Path | None, typer.Option("--picture", "-o", help="Picture to write, .png.")
    ] = None,
) -> None:
    """Print what an imported event holds, and draw it.

    Example: `nowcast data show events/june.zarr -o june.png`
    """
    from ingest.composites.event_store import read_event
    from ingest.composites.summary import summary
    from service.archive.atomic import write_atomically

    found = read_event(event)
    for line in summary(found):
        open_console().print(line)
    if picture is not None:
        from service.plots.event_sheet import event_sheet
        from service.plots.sheet import png

        write_atomically(picture, png(event_sheet(found, event.stem)))
        open_console().print(f"wrote {picture}")


def print_survey(source: str, folder: Path) -> None:
    """Print a summary of the splits of a data set."""
    from model_zoo.training.data.survey import survey
    from service.cli import console

    headings = ["split", "samples", "shape", "lowest", "highest", "mean", "ms each"]
    open_console().print(console.plain_table(source, headings, survey(source, folder)))
