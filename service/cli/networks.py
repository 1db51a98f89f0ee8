"""Commands about networks: conversion, table of costs, inspection."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import Data, open_console, open_deployment, parse_names, parse_time

if TYPE_CHECKING:
    from xarray import DataArray

    from service.runtime.deployment import Deployment

app = typer.Typer()


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="Checkpoint: .pt, .pth, .npz or .safetensors.")],
    name: Annotated[str, typer.Argument(help='Published network, such as "MS-LSTM".')],
    destination: Annotated[Path, typer.Argument(help="Checkpoint to write, .safetensors.")],
    scale: Annotated[str, typer.Option(help="Intensity scale of the training.")] = "reflectivity",
) -> None:
    """Convert a checkpoint of a published network to the format of this package.

    Example: `nowcast convert ms_lstm.pt MS-LSTM ms-lstm.safetensors`
    """
    from model_zoo.checkpoints import convert as reference

    reference.convert(source, name, destination, scale=scale)
    open_console().print(f"wrote {destination}")


@app.command()
def models(
    data_sets: Annotated[
        str, typer.Option("--data-sets", help="moving-mnist, taxibj, kth, germany; or all.")
    ] = "germany",
    names: Annotated[str, typer.Option("--names", help="Networks, or all.")] = "all",
    channels: Annotated[int, typer.Option(help="Width of every layer.", min=1)] = 32,
    measure: Annotated[bool, typer.Option("--measure", help="Also time them here.")] = False,  # noqa: FBT002  a flag of the command line
    patience: Annotated[float, typer.Option(help="Time limit of one network in seconds.")] = 300,
    notes: Annotated[
        Path | None, typer.Option(help="File to keep measurements in and to reuse them from.")
    ] = None,
    write: Annotated[Path | None, typer.Option(help="Markdown file to write.")] = None,
) -> None:
    """List all networks with their parameters and cost, beside the figures of the papers.

    With `--measure` also latency, training step and memory on this machine: up to an hour, which
    `--notes FILE` allows to interrupt and continue.

    Example: `nowcast models --data-sets all --measure --write docs/models.md`
    """
    from model_zoo import MODELS
    from model_zoo.profiling import table
    from model_zoo.profiling.papers import DATA_SETS
    from service.archive.atomic import write_atomically
    from service.cli import console

    chosen_names = parse_names(names, MODELS, "network")
    chosen_sets = parse_names(data_sets, DATA_SETS, "data set")
    limit = patience if measure else None
    with console.progress(open_console(stderr=True)) as bar:
        task = bar.add_task("models", total=len(chosen_names) * len(chosen_sets), note="")
        rows = []
        for row in table.rows(
            chosen_names,
            chosen_sets,
            channels,
            limit,
            notes,
            lambda note: bar.update(task, note=note),
        ):
            rows.append(row)
            bar.advance(task)
    for data_set in chosen_sets:
        chosen = [row for row in rows if row.data_set == data_set]
        lines = [table.cells(row) for row in chosen]
        title = DATA_SETS[data_set].title
        open_console().print(console.plain_table(title, table.SHORT_HEADINGS, lines))
        for line in filter(None, map(table.difference, chosen)):
            open_console().print(line, markup=False, soft_wrap=True)
    if write is not None:
        write_atomically(write, table.document(rows, channels, patience).encode())
        open_console().print(f"wrote {write}")


@app.command()
def inspect(
    model: Annotated[str, typer.Argument(help="Network (with random weights) or checkpoint.")],
    folder: Annotated[Path, typer.Option("-o", help="Folder to write the pictures to.")] = Path(),
    channels: Annotated[
        int, typer.Option(help="Width of a network with random weights.", min=1, max=4096)
    ] = 32,
    side: Annotated[int, typer.Option(help="Side of the input in cells.", min=16, max=2000)] = 64,
    issue: Annotated[str, typer.Option(help="Use radar until this time as input.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of weights and input.", min=0)] = 0,
    data: Data = None,
) -> None:
    """Draw the outputs of the layers of a network over time, and its receptive field.

    The input is simulated drifting blobs, or with `--issue` frames of the archive.

    Example: `nowcast inspect ms-lstm -o pictures`, `nowcast inspect my.safetensors --issue latest`
    """
    from model_zoo.profiling import activations
    from service.archive.atomic import write_atomically
    from service.plots import network_figures

    name, network, scale = activations.open_network(model, channels, seed)
    if issue:
        deployment = open_deployment(data)
        frames = activations.scaled_frames(
            past_frames(deployment, issue, activations.GIVEN), scale, network.stack.multiple
        )
    else:
        frames = activations.drifting_blobs(activations.GIVEN, side, batch=8, seed=seed)
    stem = Path(model).stem
    written = {
        folder / f"{stem}-layers.png": network_figures.layers(
            activations.layer_outputs(network, frames[:1], activations.GIVEN),
            activations.GIVEN,
            f"{name}: outputs of the layers",
        ),
        folder / f"{stem}-sight.png": network_figures.sights(
            list(activations.sights(network, frames)), f"{name}: receptive field of the encoder"
        ),
    }
    for path, content in written.items():
        write_atomically(path, content)
        open_console().print(f"wrote {path}")


def past_frames(deployment: "Deployment", issue: str, number: int) -> "DataArray":
    """Frames (time, y, x) of the archive until an issue time, 30 minutes apart, in mm/h.

    Raises:
        NoFrames: The archive lacks one of them.
    """
    from model_zoo.forecasters.contract import LEAD_STEP
    from service.archive.key import stamp, to_time
    from service.errors import NoFrames

    newest = deployment.archive.latest_frame() if issue == "latest" else to_time(parse_time(issue))
    if newest is None:
        raise NoFrames("there is no radar frame in the archive yet; run `nowcast ingest` first")
    times = [newest - age * LEAD_STEP for age in reversed(range(number))]
    if lacking := [stamp(time) for time in times if not deployment.archive.has_frame(time)]:
        raise NoFrames(f"the archive lacks the frames of {', '.join(lacking)}")
    return deployment.archive.frames(times)
