"""Commands about networks: what there is, what it costs, what it looks like inside."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import Data, choose, console, deployment, moment

if TYPE_CHECKING:
    from xarray import DataArray

    from service.runtime.deployment import Deployment

app = typer.Typer()


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="Checkpoint: .pt, .pth, .npz or .safetensors.")],
    name: Annotated[str, typer.Argument(help='Published network, such as "MS-LSTM".')],
    destination: Annotated[Path, typer.Argument(help="Checkpoint to write, .safetensors.")],
    scale: Annotated[
        str, typer.Option(help="Intensity scale it was trained with.")
    ] = "reflectivity",
) -> None:
    """Turn a checkpoint of a published reference network into one of ours.

    Example: `nowcast convert ms_lstm.pt MS-LSTM ms-lstm.safetensors`
    """
    from model_zoo.checkpoints import convert as reference

    reference.convert(source, name, destination, scale=scale)
    console().print(f"wrote {destination}")


@app.command()
def models(
    data_sets: Annotated[
        str, typer.Option("--data-sets", help="moving-mnist, taxibj, kth, germany; or all.")
    ] = "germany",
    names: Annotated[str, typer.Option("--names", help="Networks, or all.")] = "all",
    channels: Annotated[int, typer.Option(help="Width of every layer.", min=1)] = 32,
    measure: Annotated[bool, typer.Option("--measure", help="Time them on this machine.")] = False,  # noqa: FBT002  a flag of the command line
    patience: Annotated[float, typer.Option(help="Seconds for one network before a dash.")] = 300,
    notes: Annotated[
        Path | None, typer.Option(help="Keep measurements here, and take those that are there.")
    ] = None,
    write: Annotated[Path | None, typer.Option(help="Write the table here as Markdown.")] = None,
) -> None:
    """List every network with its parameters and cost, the papers' figures beside ours.

    With `--measure` also latency, training step and memory on this machine: up to an hour, which
    `--notes FILE` lets you stop and go on with.

    Example: `nowcast models --data-sets all --measure --write docs/models.md`
    """
    from model_zoo import MODELS
    from model_zoo.profiling import table
    from model_zoo.profiling.papers import DATA_SETS
    from service.archive.atomic import write_whole
    from service.cli import console as show

    chosen_names = choose(names, MODELS, "network")
    chosen_sets = choose(data_sets, DATA_SETS, "data set")
    limit = patience if measure else None
    with show.progress(console(stderr=True)) as bar:
        task = bar.add_task("models", total=len(chosen_names) * len(chosen_sets), said="")
        found = []
        for row in table.rows(
            chosen_names,
            chosen_sets,
            channels,
            limit,
            notes,
            lambda said: bar.update(task, said=said),
        ):
            found.append(row)
            bar.advance(task)
    for data_set in chosen_sets:
        lines = [table.cells(row) for row in found if row.data_set == data_set]
        title = DATA_SETS[data_set].title
        console().print(show.plain_table(title, table.SHORT_HEADINGS, lines))
    if write is not None:
        write_whole(write, table.document(found, channels, patience).encode())
        console().print(f"wrote {write}")


@app.command()
def inspect(
    model: Annotated[str, typer.Argument(help="Network, with random weights, or a checkpoint.")],
    folder: Annotated[Path, typer.Option("-o", help="Where to write the pictures.")] = Path(),
    channels: Annotated[int, typer.Option(help="Width, for random weights.", min=1)] = 32,
    side: Annotated[int, typer.Option(help="Side of the input in cells.", min=16)] = 64,
    issue: Annotated[str, typer.Option(help="Look at radar up to this time instead.")] = "",
    seed: Annotated[int, typer.Option(help="Of weights and input.")] = 0,
    data: Data = None,
) -> None:
    """Draw what the layers of a network give out over time, and what they look at.

    The input is made-up drifting blobs, or with `--issue` the frames of the archive.

    Example: `nowcast inspect ms-lstm -o pictures`, `nowcast inspect my.safetensors --issue latest`
    """
    from model_zoo.profiling import activations
    from service.archive.atomic import write_whole
    from service.plots import network_figures

    name, network, scale = activations.open_network(model, channels, seed)
    if issue:
        desk = deployment(data)
        frames = activations.scaled_frames(
            past_frames(desk, issue, activations.GIVEN), scale, network.stack.multiple
        )
    else:
        frames = activations.drifting_blobs(activations.GIVEN, side, batch=8, seed=seed)
    stem = Path(model).stem
    written = {
        folder / f"{stem}-layers.png": network_figures.layers(
            activations.layer_outputs(network, frames[:1], activations.GIVEN),
            activations.GIVEN,
            f"{name}: what its layers give out",
        ),
        folder / f"{stem}-sight.png": network_figures.sights(
            list(activations.sights(network, frames)), f"{name}: what its encoder looks at"
        ),
    }
    for path, content in written.items():
        write_whole(path, content)
        console().print(f"wrote {path}")


def past_frames(desk: "Deployment", issue: str, number: int) -> "DataArray":
    """The frames of the archive up to a time, 30 minutes apart."""
    from model_zoo.forecasters.contract import LEAD_STEP
    from service.archive.key import stamp, to_time
    from service.errors import NoFrames

    newest = desk.archive.latest_frame() if issue == "latest" else to_time(moment(issue))
    if newest is None:
        raise NoFrames("there is no radar frame in the archive yet; run `nowcast ingest` first")
    times = [newest - age * LEAD_STEP for age in reversed(range(number))]
    if lacking := [stamp(time) for time in times if not desk.archive.has_frame(time)]:
        raise NoFrames(f"the archive lacks the frames of {', '.join(lacking)}")
    return desk.archive.frames(times)
