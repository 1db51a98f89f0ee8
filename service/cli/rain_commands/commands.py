"""The commands `point` and `sums`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.options import Data, open_console, open_deployment, parse_time
from service.report.language import Language

if TYPE_CHECKING:
    from xarray import DataArray

    from ingest.domain import Domain
    from service.api.dependencies import ApiContext
    from service.archive.key import Key
    from service.pipeline.rain_sums.cell_weights import CellWeights

app = typer.Typer()

Model = Annotated[
    str | None, typer.Option("--model", help="Model; by default the first served one.")
]
Issue = Annotated[
    str, typer.Option("--issue", help="Issue time, that of a radar frame, or latest.")
]
Thresholds = Annotated[
    str | None,
    typer.Option(
        "--thresholds", help="Thresholds in mm with commas between; by default those of warnings."
    ),
]
LanguageOption = Annotated[
    Language | None,
    typer.Option("--language", help="Language; by default that of LC_ALL, LC_MESSAGES or LANG."),
]


@app.command()
def point(
    location: Annotated[
        str, typer.Argument(metavar="PLACE", help="Latitude,longitude, a name or a postcode.")
    ],
    model: Model = None,
    issue: Issue = "latest",
    thresholds: Thresholds = None,
    language: LanguageOption = None,
    data: Data = None,
) -> None:
    """Print what a forecast of the archive says of a place: words, rates and rain sums.

    Example: `nowcast point 52.52,13.41`, `nowcast point Berlin --thresholds 5,10`,
    `nowcast point 10115 --language de`
    """
    from service.api.edr.summary import place_summary
    from service.cli.rain_commands.texts import language_of, unbroken
    from service.pipeline.place_wording import wording
    from service.pipeline.rain_sums.cell_weights import cell_of_place

    spoken = language or language_of(os.environ)
    context = context_of(data)
    name, latitude, longitude = named_place(location, context.archive.domain)
    key, forecast = forecast_named(context, model, issue)
    cells = cell_of_place(forecast, longitude, latitude)
    row, column = int(cells.rows[0]), int(cells.columns[0])
    out = open_console()
    out.print(f"{name}: {heading(key, spoken)}")
    words = wording(place_summary(context, forecast, row, column), spoken)
    out.print(unbroken(words, spoken))
    out.print(rates_line(forecast.values[:, row, column].tolist(), forecast, spoken))
    print_document(context, key, forecast, cells, thresholds, spoken)


@app.command()
def sums(
    area: Annotated[Path, typer.Argument(help="GeoJSON file: a polygon, or features of polygons.")],
    model: Model = None,
    issue: Issue = "latest",
    thresholds: Thresholds = None,
    language: LanguageOption = None,
    data: Data = None,
) -> None:
    """Print measured and forecast rain sums over an area: mean, maximum and probabilities.

    Example: `nowcast sums catchment.geojson --thresholds 5,10,20`
    """
    from pydantic import TypeAdapter, ValidationError

    from service.api.routes.sums.areas import GeoJson, geometry_of
    from service.cli.rain_commands.texts import amount, language_of, text_of
    from service.pipeline.rain_sums.cell_weights import cells_of_area

    try:
        content = area.read_bytes()
    except OSError as error:
        raise typer.BadParameter(
            f"{str(area)!r} cannot be read ({error.strerror}), should be a GeoJSON file with a "
            f"polygon; `nowcast point` takes the name of a place"
        ) from error
    try:
        parsed = TypeAdapter[Any](GeoJson).validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise typer.BadParameter(
            f"{area} holds no area, should be GeoJSON with a polygon: {where}: {first['msg']}"
        ) from error
    context = context_of(data)
    key, forecast = forecast_named(context, model, issue)
    cells = cells_of_area(forecast, geometry_of(parsed))
    spoken = language or language_of(os.environ)
    size = text_of(spoken, "size", km2=amount(cells.km2, spoken, ".0f"))
    open_console().print(f"{heading(key, spoken)}, {size}")
    print_document(context, key, forecast, cells, thresholds, spoken)


def context_of(data: Path | None) -> "ApiContext":
    """The parts of a deployment that answers are made of."""
    from service.api.dependencies import ApiContext

    deployment = open_deployment(data)
    return ApiContext(
        settings=deployment.settings,
        archive=deployment.archive,
        ledger=deployment.ledger,
        forecasters=deployment.forecasters,
        jobs=deployment.jobs,
        clock=deployment.clock,
    )


def forecast_named(context: "ApiContext", model: str | None, issue: str) -> "tuple[Key, DataArray]":
    """Key and forecast (lead_time, y, x) in mm/h of a model and an issue time.

    Raises:
        NoForecast: There is none.
    """
    from service.api.routes.sums.rain_sums import forecast_of

    return forecast_of(context, model, None, None if issue == "latest" else parse_time(issue))


def named_place(text: str, domain: "Domain | None") -> tuple[str, float, float]:
    """Name, latitude and longitude of a place, from numbers, a name or a postcode.

    Raises:
        NoItem: There is no such place; the message has similar names.
    """
    from service.pipeline.places.index import places_of

    try:
        latitude, longitude = map(float, text.split(","))
    except ValueError:
        found = places_of(domain).named(text)
        name = found.name if found.state in {"", found.name} else f"{found.name}, {found.state}"
        return name, found.latitude, found.longitude
    return text, latitude, longitude


def heading(key: "Key", language: Language) -> str:
    """Model and issue time."""
    from service.cli.rain_commands.texts import moment, text_of

    return text_of(language, "heading", model=key.model, time=moment(key.issue, language))


def rates_line(rates: list[float], forecast: "DataArray", language: Language) -> str:
    """The rates at the lead times of a forecast (lead_time, y, x) in mm/h; `-` is no data."""
    from ingest.precipitation import lead_minutes_of
    from service.cli.rain_commands.texts import amount, text_of

    shown = (
        f"+{minutes} {amount(rate, language)}"
        for minutes, rate in zip(lead_minutes_of(forecast), rates, strict=True)
    )
    return f"mm/h: {text_of(language, 'separator').join(shown)}"


def print_document(
    context: "ApiContext",
    key: "Key",
    forecast: "DataArray",
    cells: "CellWeights",
    thresholds: str | None,
    language: Language,
) -> None:
    """Print the sums of some cells of a forecast (lead_time, y, x) in mm/h.

    Raises:
        BadQuery: The thresholds are none.
    """
    from service.api.routes.sums.documents import sums_document
    from service.api.routes.sums.rain_sums import levels_of
    from service.cli.rain_commands.tables import print_sums

    levels = levels_of(thresholds)
    document = sums_document(context, key, forecast, cells, levels)
    print_sums(open_console(), document, levels, language)
