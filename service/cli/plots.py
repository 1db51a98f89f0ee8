"""The group `plot`, frames, forecasts, differences and skill as pictures; and `report`."""

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
    choose,
    console,
    deployment,
    moment,
    period_of,
)

if TYPE_CHECKING:
    from service.plots.selection import Selection
    from service.plots.sheet import Sheet
    from service.runtime.deployment import Deployment

group = typer.Typer(
    no_args_is_help=True,
    help="""Draw frames, forecasts, differences and skill.

    The ending of the output says what is made: .png for a picture, .gif or .webp for one that
    moves. No data is hatched and never looks dry; times are UTC.""",
)
app = typer.Typer()
app.add_typer(group, name="plot")

Issue = Annotated[str, typer.Option(help="Time the forecast starts from, or latest.")]
MOVING = ("gif", "webp")


def output(default: str) -> object:
    return typer.Option("-o", "--output", help=f"File to write: {default}.")


Output = Annotated[Path, output(".png, .gif or .webp")]


@group.command()
def frames(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Radar files or netCDF; else of the archive.")
    ] = None,
    written: Output = Path("frames.png"),
    begin: Begin = "",
    end: End = "",
    last: Annotated[int, typer.Option(help="So many, without --from.", min=1)] = 13,
    data: Data = None,
) -> None:
    """Draw what the radar saw.

    Example: `nowcast plot frames --last 25 -o radar.gif`
    """
    from service.plots.fields import frames_series, frames_sheet

    form = form_of(written)
    found = selection(deployment(data)).frames(files or [], wanted(begin), wanted(end), last)
    if form == "png":
        save_png(written, frames_sheet(found))
    else:
        save_moving(written, frames_series(found))


@group.command()
def forecast(
    named: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL|FILE]", help="Model, or netCDF file; else the default."),
    ] = None,
    written: Output = Path("forecast.png"),
    issue: Issue = "latest",
    data: Data = None,
) -> None:
    """Draw a forecast beside the radar it starts from and what came, as far as these are here.

    Example: `nowcast plot forecast ms-lstm -o ms-lstm.webp`, `nowcast plot forecast out.nc`
    """
    from service.plots.fields import forecast_series, forecast_sheet

    form = form_of(written)
    shown = selection(deployment(data))
    made = shown.forecast(named, wanted(issue))
    if form == "png":
        start, came = shown.before(made, 0), shown.came(made)
        save_png(written, forecast_sheet(made, start, came))
    else:
        save_moving(written, forecast_series(made, shown.before(made, 60)))


@group.command()
def difference(
    one: Annotated[str, typer.Argument(metavar="MODEL|FILE", help="Model, or netCDF file.")],
    other: Annotated[str, typer.Argument(metavar="MODEL|FILE", help="What is taken from it.")],
    written: Output = Path("difference.png"),
    issue: Issue = "latest",
    data: Data = None,
) -> None:
    """Draw two forecasts of the same time, and how much more rain the first has.

    Example: `nowcast plot difference ms-lstm advection`
    """
    from service.plots.fields import difference_series, difference_sheet

    form = form_of(written)
    pair = selection(deployment(data)).pair(one, other, wanted(issue))
    if form == "png":
        save_png(written, difference_sheet(*pair))
    else:
        save_moving(written, difference_series(*pair))


@group.command()
def skill(
    written: Annotated[Path, output(".png")] = Path("skill.png"),
    begin: Begin = "",
    end: End = "",
    last: LastDays = 7,
    scores: Annotated[
        str, typer.Option(help="Names of scores, such as csi, with commas.")
    ] = "csi,hss,fbias",
    thresholds: Annotated[str, typer.Option(help="mm/h, with commas.")] = "0.5,2,5",
    data: Data = None,
) -> None:
    """Draw the skill of all models by lead, over the same forecasts.

    Example: `nowcast plot skill --last 30 --scores csi -o csi.png`
    """
    from service.plots.curves import of_skill
    from service.skill.period_summary import compare_models
    from service.skill.scores import SCORES
    from service.skill.verification import THRESHOLDS

    if form_of(written) != "png":
        raise typer.BadParameter(f"{written} should end in .png: curves of skill do not move")
    names = choose(scores, SCORES, "score")
    rates = choose(thresholds, [f"{rate:g}" for rate in THRESHOLDS], "threshold")
    desk = deployment(data)
    period = period_of(begin, end, last, desk.clock())
    found = compare_models(desk.ledger, period)
    content = of_skill(
        found.rows, names, list(map(float, rates)), f"Skill, {period}", found.compared
    )
    save(written, content)


@app.command()
def report(
    written: Annotated[Path, output(".html")] = Path("report.html"),
    begin: Begin = "",
    end: End = "",
    last: LastDays = 7,
    data: Data = None,
) -> None:
    """Write one HTML page on the skill of a period: to send, to print, to read without a server.

    It holds all it needs and asks nobody for anything: the summary in words, scores by model, lead
    and rain rate, differences to the baselines, the radar that came, the best and worst forecasts.

    Example: `nowcast report --last 30 -o november.html`
    """
    from service.report.page import write
    from service.report.report_data import gather

    desk = deployment(data)
    now = desk.clock()
    period = period_of(begin, end, last, now)
    facts = gather(desk.archive, desk.ledger, desk.settings.models, period, now)
    save(written, write(facts))


def selection(desk: "Deployment") -> "Selection":
    from service.plots.selection import Selection

    return Selection(desk.archive, desk.ledger, desk.settings.models[0])


def wanted(said: str) -> datetime | None:
    """A time on the command line, or None for the newest."""
    return None if said in ("", "latest") else moment(said)


def form_of(path: Path) -> str:
    """What the ending of an output says: png, gif or webp."""
    form = path.suffix.removeprefix(".").lower()
    if form not in ("png", *MOVING):
        raise typer.BadParameter(f"{path} should end in .png, .gif or .webp")
    return form


def save_png(path: Path, sheet: "Sheet") -> None:
    from service.plots.sheet import png

    save(path, png(sheet))


def save_moving(path: Path, sheets: "Iterable[Sheet]") -> None:
    from service.plots.animation import play

    save(path, play(sheets, form_of(path)))


def save(path: Path, content: bytes) -> None:
    from service.archive.atomic import write_whole

    write_whole(path, content)
    console().print(f"wrote {path}")
