"""The group `data`: look at a data set before training on it, and prepare what needs it."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import Quiet, console

app = typer.Typer(
    no_args_is_help=True,
    help="""Check data sets for training, and prepare years of radar.

    Each command reads a data set as an experiment would, says what it holds, and fails with a
    sentence where a file is missing or damaged.""",
)

Folder = Annotated[Path, typer.Argument(help="Folder of its files.")]


@app.command("moving-mnist")
def moving_mnist(folder: Folder) -> None:
    """Check the idx files of MNIST, of which digits moving about are made in training.

    Needs train-images-idx3-ubyte and t10k-images-idx3-ubyte, plain or with .gz.
    """
    look("moving-mnist", folder)


@app.command()
def taxibj(folder: Folder) -> None:
    """Check BJ13_M32x32_T30_InOut.h5 to BJ16_M32x32_T30_InOut.h5."""
    look("taxibj", folder)


@app.command()
def kth(folder: Folder) -> None:
    """Check folders of frames such as walking/person01_walking_d1/image_0001.png."""
    look("kth", folder)


@app.command()
def corpus(folder: Folder) -> None:
    """Check every npz file with `rate_x100` and `time` in a folder."""
    from model_zoo.training.data.survey import survey_event
    from model_zoo.training.errors import BadData
    from service.cli import console as show

    paths = sorted(folder.glob("*.npz"))
    if not paths:
        raise BadData(f"{folder} has no npz files")
    lines, faults = [], []
    for path in paths:
        try:
            lines.append(survey_event(path))
        except BadData as error:
            faults.append(str(error))
    headings = ["event", "from", "frames", "minutes", "rows x columns", "known", "wet", "highest"]
    console().print(show.plain_table("corpus", headings, lines))
    for fault in faults:
        console().print(f"[red]left out[/] {fault}")
    if faults:
        raise typer.Exit(1)


@app.command()
def germany(
    source: Annotated[
        Path, typer.Argument(help="RYDL.hdf5, a folder of radar files, or an archive.")
    ],
    store: Annotated[
        Path | None, typer.Argument(help="Zarr store to prepare; only a look without.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes on this machine.", min=1)] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Dask scheduler, such as tcp://host:8786.")
    ] = None,
    quiet: Quiet = False,  # noqa: FBT002  a flag of the command line
) -> None:
    """Check German composites, or bring all of them to 5 km in a store that is read fast.

    A preparation that was stopped goes on where it was; frames that cannot be read are left out
    and told. Example: `nowcast data germany RYDL.hdf5 germany.zarr --workers 8`
    """
    from model_zoo.training.data.preparation import prepare
    from model_zoo.training.data.survey import survey_record
    from service.cli import console as show

    if store is None:
        for line in survey_record(source):
            console().print(line)
        return
    with show.progress(console(stderr=True)) as bar:
        bar.disable = quiet
        task = bar.add_task("germany", total=None, said="")

        def tell(done: int, total: int, faults: list[str]) -> None:
            bar.update(task, completed=done, total=total, said=f"{len(faults)} unread")

        faults = prepare(source, store, workers=workers, scheduler=scheduler, report=tell)
    for fault in faults:
        console().print(f"[red]left out[/] {fault}")
    console().print(f"{store} is ready, without {len(faults)} frames")


@app.command()
def simulated(
    folder: Annotated[Path, typer.Argument(help="Where to write the events.")],
    events: Annotated[int, typer.Option(help="How many.", min=1)] = 100,
    frames: Annotated[int, typer.Option(help="In each, 5 minutes apart.", min=2)] = 49,
    side: Annotated[int, typer.Option(help="Rows and columns, 5 km each.", min=8)] = 180,
    seed: Annotated[int, typer.Option(help="The same seed makes the same events.")] = 1,
    wet: Annotated[
        tuple[float, float], typer.Option(help="Lowest and highest share of the area with rain.")
    ] = (0.03, 0.4),
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 1,
    quiet: Quiet = False,  # noqa: FBT002  a flag of the command line
) -> None:
    """Write events of simulated rain, each of its own weather, as files of the corpus.

    Events that are there already stay. An experiment trains on them as on any of the corpus, and
    many times faster than on rain that is simulated as it is asked for: train = ["sim-1-*"].
    `--wet 0.01 0.05` makes scattered showers.
    """
    if not 0 < wet[0] <= wet[1] <= 0.5:
        raise typer.BadParameter(
            f"--wet is {wet[0]} {wet[1]}, should be 0 < lowest <= highest <= 0.5"
        )
    from model_zoo.training.data.data_sets.simulated import write_events
    from service.cli import console as show

    with show.progress(console(stderr=True)) as bar:
        bar.disable = quiet
        task = bar.add_task("simulated", total=events, said="")
        for path in write_events(folder, events, seed, frames, side, wet, workers=workers):
            bar.update(task, advance=1, said=path.name)
    console().print(f"{events} events are in {folder}")


def look(source: str, folder: Path) -> None:
    """Say what the splits of a data set hold."""
    from model_zoo.training.data.survey import survey
    from service.cli import console as show

    headings = ["split", "samples", "shape", "lowest", "highest", "mean", "ms each"]
    console().print(show.plain_table(source, headings, survey(source, folder)))
