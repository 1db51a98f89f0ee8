"""The command group `plot` (frames, forecasts, differences, skill), and `report`."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import (
    Begin,
    Data,
    End,
    LastDays,
    open_console,
    open_deployment,
    parse_names,
    parse_period,
    parse_time,
)
from service.report.language import Language

if TYPE_CHECKING:
    from service.plots.selection import Selection
    from service.plots.sheet import Sheet
    from service.runtime.deployment import Deployment

group = typer.Typer(
    no_args_is_help=True,
    help="""Draw frames, forecasts, differences and skill.

    The suffix of the output selects the format: .png for a picture, .gif or .webp for an
    animation. No data is hatched and never looks dry; times are UTC.""",
)
app = typer.Typer()
app.add_typer(group, name="plot")

Issue = Annotated[str, typer.Option(help="Issue time, or latest.")]
ANIMATED = ("gif", "webp")


def output(suffixes: str) -> object:
    """The option for the file to write."""
    return typer.Option("-o", "--output", help=f"File to write: {suffixes}.")


Output = Annotated[Path, output(".png, .gif or .webp")]


@group.command()
def frames(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Radar or netCDF files; by default the archive.")
    ] = None,
    path: Output = Path("frames.png"),
    begin: Begin = "",
    end: End = "",
    last: Annotated[int, typer.Option(help="Number of frames, without --from.", min=1)] = 13,
    data: Data = None,
) -> None:
    """Draw radar frames.

    Example: `nowcast plot frames --last 25 -o radar.gif`
    """
    from service.plots.fields import frames_series, frames_sheet

    suffix = parse_format(path)
    field = open_selection(open_deployment(data)).frames(
        files or [], time_or_newest(begin), time_or_newest(end), last
    )
    if suffix == "png":
        save_png(path, frames_sheet(field))
    else:
        save_animation(path, frames_series(field))


@group.command()
def forecast(
    named: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL|FILE]", help="Model or netCDF file; else the default model."
        ),
    ] = None,
    path: Output = Path("forecast.png"),
    issue: Issue = "latest",
    data: Data = None,
) -> None:
    """Draw a forecast with the radar it starts from and the observed rain, where available.

    Example: `nowcast plot forecast ms-lstm -o ms-lstm.webp`, `nowcast plot forecast out.nc`
    """
    from service.plots.fields import forecast_series, forecast_sheet

    suffix = parse_format(path)
    selection = open_selection(open_deployment(data))
    field = selection.forecast(named, time_or_newest(issue))
    if suffix == "png":
        start, observed = selection.before(field, 0), selection.observed(field)
        save_png(path, forecast_sheet(field, start, observed))
    else:
        save_animation(path, forecast_series(field, selection.before(field, 60)))


@group.command()
def difference(
    first: Annotated[str, typer.Argument(metavar="MODEL|FILE", help="Model or netCDF file.")],
    second: Annotated[
        str, typer.Argument(metavar="MODEL|FILE", help="Model or netCDF file to subtract.")
    ],
    path: Output = Path("difference.png"),
    issue: Issue = "latest",
    data: Data = None,
) -> None:
    """Draw two forecasts of the same issue time and their difference.

    Example: `nowcast plot difference ms-lstm advection`
    """
    from service.plots.fields import difference_series, difference_sheet

    suffix = parse_format(path)
    pair = open_selection(open_deployment(data)).pair(first, second, time_or_newest(issue))
    if suffix == "png":
        save_png(path, difference_sheet(*pair))
    else:
        save_animation(path, difference_series(*pair))


@group.command()
def skill(
    path: Annotated[Path, output(".png")] = Path("skill.png"),
    begin: Begin = "",
    end: End = "",
    last: LastDays = 7,
    scores: Annotated[
        str, typer.Option(help="Names of scores, such as csi, separated by commas.")
    ] = "csi,hss,fbias",
    thresholds: Annotated[str, typer.Option(help="mm/h, separated by commas.")] = "0.5,2,5",
    data: Data = None,
) -> None:
    """Draw the skill of all models by lead time, over the forecasts that all of them have.

    Example: `nowcast plot skill --last 30 --scores csi -o csi.png`
    """
    from service.plots.curves import of_skill
    from service.skill.period_summary import compare_models
    from service.skill.scores import SCORES
    from service.skill.verification import THRESHOLDS

    if parse_format(path) != "png":
        raise typer.BadParameter(f"{path} should end in .png: skill is not animated")
    names = parse_names(scores, SCORES, "score")
    rates = parse_names(thresholds, [f"{rate:g}" for rate in THRESHOLDS], "threshold")
    deployment = open_deployment(data)
    period = parse_period(begin, end, last, deployment.clock())
    found = compare_models(deployment.ledger, period)
    content = of_skill(
        found.rows, names, list(map(float, rates)), f"Skill, {period}", found.compared
    )
    save(path, content)


@app.command()
def report(
    path: Annotated[Path, output(".html")] = Path("report.html"),
    begin: Begin = "",
    end: End = "",
    last: LastDays = 7,
    language: Annotated[Language, typer.Option(help="Language of the page.")] = "en",
    data: Data = None,
) -> None:
    """Write the skill of a period as one HTML page that needs no server.

    The page loads nothing from elsewhere. First, on two pages of paper, come a summary in words,
    differences from the baselines, and the best and worst forecasts; behind them scores by model,
    lead time and threshold, and available radar.

    Example: `nowcast report --last 30 -o november.html --language de`
    """
    from service.report.page import write
    from service.report.report_data import gather

    deployment = open_deployment(data)
    now = deployment.clock()
    period = parse_period(begin, end, last, now)
    models = deployment.settings.models
    gathered = gather(deployment.archive, deployment.ledger, models, period, now, language)
    save(path, write(gathered, language))


def open_selection(deployment: "Deployment") -> "Selection":
    """Frames and forecasts of a deployment."""
    from service.plots.selection import Selection

    return Selection(deployment.archive, deployment.ledger, deployment.settings.models[0])


def time_or_newest(text: str) -> datetime | None:
    """A time on the command line, or None for the newest."""
    return None if text in ("", "latest") else parse_time(text)


def parse_format(path: Path) -> str:
    """The picture format of a file name: png, gif or webp.

    Raises:
        BadParameter: The suffix is another one.
    """
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in ("png", *ANIMATED):
        raise typer.BadParameter(f"{path} should end in .png, .gif or .webp")
    return suffix


def save_png(path: Path, sheet: "Sheet") -> None:
    """Save a sheet of maps as PNG."""
    from service.plots.sheet import png

    save(path, png(sheet))


def save_animation(path: Path, sheets: "Iterable[Sheet]") -> None:
    """Save sheets of maps as an animation."""
    from service.plots.animation import play

    save(path, play(sheets, parse_format(path)))


def save(path: Path, content: bytes) -> None:
    """Write a file and print its name."""
    from service.archive.atomic import write_atomically

    write_atomically(path, content)
    open_console().print(f"wrote {path}")
