"""Commands for training: `train`, `average`, `calibrate`, `evaluate` and the group `data`.

    torchrun --nproc-per-node 4 -m service.cli train germany-ms-lstm --data /data/RYDL -o runs/one

trains on four devices of one machine; see torchrun for several machines.
"""

import logging
import os
import subprocess
import sys
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.data_sets import app as data_app
from service.cli.options import Quiet, configure_logging, open_console, open_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from model_zoo.training.evaluation import Table
    from model_zoo.training.run import TrainingStatus

log = logging.getLogger(__name__)

RADAR_SETS = ("corpus", "germany")
"""Data sets of radar in mm/h, on which any forecaster can be compared."""

app = typer.Typer()
app.add_typer(data_app, name="data")

Files = Annotated[
    Path | None,
    typer.Option("--data", help="Folder or file of the data set.", envvar="NOWCAST_SET"),
]
Device = Annotated[str, typer.Option(help="cpu, cuda, or auto for the GPU if there is one.")]
Workers = Annotated[int, typer.Option(help="Processes that load samples.", min=0)]


@app.command()
def train(
    experiment: Annotated[str, typer.Argument(help="TOML file, or name of a shipped experiment.")],
    folder: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.")],
    data: Files = None,
    start: Annotated[Path | None, typer.Option(help="Checkpoint to start from.")] = None,
    guess: Annotated[
        Path | None, typer.Option(help="Checkpoint to take the first guess from.")
    ] = None,
    device: Device = "auto",
    workers: Workers = 0,
    save_every: Annotated[int, typer.Option(help="Steps between saved states.", min=1)] = 200,
    log_every: Annotated[int, typer.Option(help="Steps between rows of the log.", min=1)] = 20,
    quiet: Quiet = False,  # noqa: FBT002  a flag of the command line
) -> None:
    """Train the network of an experiment, or continue an interrupted training.

    Writes best.safetensors and last.safetensors, training.csv and validation.csv to the folder;
    while it runs, current.safetensors at least every two minutes. Where stderr is no terminal, it
    logs a line for the first step and then at least every half minute.

    Example: `nowcast train moving-mnist-ms-lstm --data /data/mnist -o runs/mnist`
    """
    from model_zoo.device import check_device
    from model_zoo.training.experiment import read_experiment
    from model_zoo.training.loop import train as run
    from model_zoo.training.run import Run

    chosen = read_experiment(experiment)
    check_device(device)
    is_first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started
    with reporting(chosen.name, shown=is_first and not quiet) as report:
        best = run(
            chosen,
            Run(
                folder,
                data,
                start=start,
                guess=guess,
                device=device,
                workers=workers,
                log_every=log_every,
                save_every=save_every,
                about={"revision": revision()},
                report=report,
            ),
        )
    if is_first:
        open_console().print(f"the best weights are in {best}")


@contextmanager
def reporting(name: str, *, shown: bool) -> "Iterator[Callable[[TrainingStatus], None]]":
    """Show the progress of a training: as a bar in a terminal, else as lines of the log.

    Args:
        name: Name of the experiment.
        shown: Whether to show anything.

    Yields:
        The function to report to.
    """
    from service.cli import console

    if shown and not sys.stderr.isatty():
        configure_logging("train", open_settings())
        yield log_status
        return
    with console.progress(open_console(stderr=True)) as bar:
        bar.disable = not shown
        task = bar.add_task(name, total=None, note="")

        def show(moment: "TrainingStatus") -> None:
            bar.update(task, completed=moment.step, total=moment.steps, note=describe(moment))

        yield show


def log_status(moment: "TrainingStatus") -> None:
    """Log the progress of a training."""
    values = {
        "loss": moment.loss,
        "rate": moment.rate,
        "steps_per_second": moment.steps_per_second,
        "minutes_left": moment.seconds_left / 60,
    }
    if moment.validation is not None:
        values["validation"] = moment.validation
    log.info("step %d of %d", moment.step, moment.steps, extra=values)


def revision() -> str:
    """The git revision of this project, or its version outside a git repository."""
    describe = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        result = subprocess.run(describe, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return f"version {version('nowcast')}"
    return result.stdout.strip()


def describe(moment: "TrainingStatus") -> str:
    """The progress of a training as text."""
    validation = "" if moment.validation is None else f", validation {moment.validation:.4g}"
    return f"loss {moment.loss:.4g}{validation}, {moment.samples_per_second:.3g} samples/s"


@app.command()
def average(
    checkpoints: Annotated[list[Path], typer.Argument(help="Two or more of one network.")],
    destination: Annotated[Path, typer.Option("--output", "-o", help="Checkpoint to write.")],
) -> None:
    """Write the mean of the weights of several checkpoints of one network.

    It is often better calibrated than each of them, and costs as much as one. Calibrate it next.

    Example: `nowcast average one/last.safetensors two/last.safetensors -o mean.safetensors`
    """
    from model_zoo.checkpoints.mean_weights import average as average_checkpoints

    average_checkpoints(checkpoints, destination)


@app.command()
def calibrate(
    checkpoint: Annotated[Path, typer.Argument(help="Trained network, .safetensors.")],
    destination: Annotated[Path, typer.Argument(help="Checkpoint to write, calibrated.")],
    data: Files = None,
    windows: Annotated[
        int, typer.Option(help="Windows of each validation event; a tenth of each other.", min=10)
    ] = 30,
    device: Device = "auto",
    quiet: Quiet = False,  # noqa: FBT002  a flag of the command line
) -> None:
    """Calibrate the probabilities and rain areas of a network on the events of its training.

    Prints by which factor the area of each threshold grows up to each lead.

    Example: `nowcast calibrate runs/one/last.safetensors ms-lstm.safetensors --data /data/corpus`
    """
    from model_zoo.checkpoints.checkpoint import load
    from model_zoo.device import check_device
    from model_zoo.training.calibration import calibrate as calibrate_checkpoint
    from service.cli import console

    check_device(device)
    with console.progress(open_console(stderr=True)) as bar:
        bar.disable = quiet
        task = bar.add_task("calibrate", total=None, note="")

        def show_progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        calibration = calibrate_checkpoint(
            checkpoint,
            data,
            destination,
            validation_windows=windows,
            training_windows=windows // 10,
            device=device,
            report=show_progress,
        )
    headings = ["frame", *(f"{threshold:g} mm/h" for threshold in load(destination).thresholds)]
    lines = [
        [f"+{lead}", *(f"{factor:.2f}" for factor in row)]
        for lead, row in enumerate(calibration.growth, start=1)
    ]
    open_console().print(console.plain_table("growth of the area", headings, lines))


@app.command()
def blend(
    destination: Annotated[Path, typer.Argument(help="Table of weights to write, .json.")],
    corpus: Annotated[Path, typer.Option("--data", help="Folder of events.", envvar="NOWCAST_SET")],
    weights: Annotated[
        Path | None, typer.Option(help="Folder of checkpoints that come before the shipped ones.")
    ] = None,
    quiet: Quiet = False,  # noqa: FBT002  a flag of the command line
) -> None:
    """Choose the weights of the blend of networks and S-PROG on the events of the corpus.

    Example: `nowcast blend blend.json --data /data/corpus`
    """
    from model_zoo.training.blending import EVENTS
    from model_zoo.training.blending import blend as choose_weights

    def show_event(name: str) -> None:
        if not quiet:
            open_console(stderr=True).print(name)

    choose_weights(corpus, destination, EVENTS, weights_folder=weights, report=show_event)


@app.command()
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Trained network, .safetensors.")],
    data_set: Annotated[str, typer.Argument(help="moving-mnist, taxibj, kth, germany, corpus.")],
    data: Files = None,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    samples: Annotated[
        int | None, typer.Option(help="Number of samples, spread evenly.", min=1)
    ] = None,
    batch: Annotated[int, typer.Option(help="Batch size.", min=1)] = 4,
    device: Device = "auto",
    workers: Workers = 0,
    beside: Annotated[
        str,
        typer.Option(help="Forecasters to compare with on radar, separated by commas; or none."),
    ] = "persistence,advection,s-prog,ms-lstm,ms-preciplstm",
    every: Annotated[
        int, typer.Option(help="Minutes between two starts of the comparison.", min=5)
    ] = 60,
    quiet: Quiet = False,  # noqa: FBT002  a flag of the command line
) -> None:
    """Score a trained network by the protocol of the papers, beside their figures.

    On radar (corpus, germany) also beside other forecasters, in mm/h and as the service forecasts,
    with 90 % intervals of a bootstrap.

    Example: `nowcast evaluate runs/mnist/best.safetensors moving-mnist --data /data/mnist`,
    `nowcast evaluate runs/one/best.safetensors corpus --data /data/corpus`
    """
    from model_zoo.device import check_device
    from model_zoo.training.data.sample import Split
    from model_zoo.training.evaluation import evaluate as score
    from service.cli import console

    if split.upper() not in Split.__members__:
        raise typer.BadParameter(f"no split {split!r}, only train, validation and test")
    check_device(device)
    with console.progress(open_console(stderr=True)) as bar:
        bar.disable = quiet
        task = bar.add_task("evaluate", total=None, note="")
        found = score(
            checkpoint,
            data_set,
            data,
            split=Split[split.upper()],
            samples=samples,
            batch=batch,
            device=device,
            workers=workers,
            report=lambda done, total: bar.update(task, completed=done, total=total),
        )
    papers = [found.paper] if found.paper is not None else []
    tables = [found.beside_paper, *papers, found.by_frame]
    if data_set in RADAR_SETS and beside != "none":
        tables += compare_network(checkpoint, data_set, data, split, beside, every, quiet=quiet)
    for table in tables:
        open_console().print(console.plain_table(table.title, table.headings, table.lines))


def compare_network(
    checkpoint: Path,
    data_set: str,
    data: Path | None,
    split: str,
    beside: str,
    every: int,
    *,
    quiet: bool,
) -> "list[Table]":
    """The tables of a network beside other forecasters; see `evaluate`."""
    from model_zoo.training.comparison.beside import compare
    from model_zoo.training.data.sample import Split

    def show_event(name: str) -> None:
        if not quiet:
            open_console(stderr=True).print(f"comparing on {name}", markup=False)

    names = [name.strip() for name in beside.split(",") if name.strip()]
    chosen = Split[split.upper()]
    return compare(
        checkpoint,
        data_set,
        data,
        split=chosen,
        beside=names,
        every_minutes=every,
        report=show_event,
    )
