"""Reliability diagrams and Brier scores of exceedance probabilities."""

from collections.abc import Iterator, Sequence

from service.ledger.probability_rows import sums_of
from service.report import charts
from service.report.cases import LEAD
from service.report.charts import Axis, Points
from service.report.language import number, translate
from service.report.markup import Html, element
from service.report.report_data import ReportData, name_of
from service.report.tables import table
from service.report.words import figure, percent
from service.skill.scores import PROBABILITY_SCORES
from service.skill.verification import Row
from verification import reliability
from verification.probabilistic import FEWEST

ACROSS = Axis(0, 1, [(share, f"{share:.0%}") for share in (0, 0.25, 0.5, 0.75, 1)])


def probabilities(report: ReportData) -> Iterator[Html]:
    """Yield reliability diagrams one hour ahead, and scores of all lead times."""
    rows = report.comparison.probabilities
    found = {row["model"] for row in rows}
    models = [*report.models, *sorted(found - set(report.models))]
    looks = {model: look for model, look in charts.classes(models).items() if model in found}
    yield charts.legend(looks)
    ahead = [row for row in rows if row["lead_minutes"] == LEAD]
    rates = sorted({row["threshold"] for row in rows})
    drawn = (
        diagram([row for row in ahead if row["threshold"] == rate], rate, looks) for rate in rates
    )
    yield element("div", *drawn, class_="charts")
    yield element(
        "p",
        translate(
            "Horizontal axis: forecast probability, {minutes} minutes ahead; vertical axis: "
            "observed frequency. On the dotted line they are equal; below it the forecast "
            "probability is too high. Bins with fewer than {cells} cells are left out.",
            minutes=LEAD,
            cells=number(FEWEST),
        ),
        class_="note",
    )
    yield scores(rows, list(looks))


def diagram(rows: Sequence[Row], rate: float, looks: dict[str, str]) -> Html:
    """Return the reliability diagram of a threshold in mm/h, a line for each model."""
    of: dict[str, Points] = {row["model"]: points(row) for row in rows}
    lines = [
        charts.line(ACROSS, seen, looks[model], 1, with_points=True) for model, seen in of.items()
    ]
    if not any(frequency is not None for seen in of.values() for _, frequency in seen):
        lines = [charts.message(translate("not known: too few cells"))]
    shown_rate = translate("{rate} mm/h or more", rate=number(rate, "g"))
    pair = translate("forecast {probability} observed {frequency}")
    description = f"{translate('Reliability diagram')}, {shown_rate}: " + "; ".join(
        f"{name_of(model)} "
        + ", ".join(
            pair.format(probability=percent(probability), frequency=percent(frequency))
            for probability, frequency in seen
            if frequency is not None
        )
        for model, seen in of.items()
    )
    drawn = charts.svg(
        description, charts.grid(1), charts.diagonal(ACROSS), charts.bottom(ACROSS), *lines
    )
    return element("figure", element("figcaption", shown_rate), drawn)


def points(row: Row) -> Points:
    """Return forecast probability and observed frequency of each bin, None for too few cells."""
    found = reliability(sums_of([row])).isel(row=0)
    names = ("forecast_probability", "observed_frequency", "number")
    probability, frequency, counted = (found[name].values.tolist() for name in names)
    return [
        (forecast, observed) if cells >= FEWEST else (0.0, None)
        for forecast, observed, cells in zip(probability, frequency, counted, strict=True)
    ]


def scores(rows: Sequence[Row], models: Sequence[str]) -> Html:
    """Return scores by lead time and model, a group of columns for each threshold."""
    sums = sums_of(rows)
    columns = [score.function(sums).values.tolist() for score in PROBABILITY_SCORES.values()]
    values = zip(*columns, strict=True)
    by_key = {
        (row["lead_minutes"], row["model"], row["threshold"]): found
        for row, found in zip(rows, values, strict=True)
    }
    rates = sorted({rate for _, _, rate in by_key})
    numbers = {(row["lead_minutes"], row["model"]): row["n_valid"] for row in rows}
    lines = []
    for lead in sorted({lead for lead, _ in numbers}):
        there = [model for model in models if (lead, model) in numbers]
        for rank, model in enumerate(there):
            first = element("th", f"+{lead}", scope="rowgroup", rowspan=len(there))
            missing = [None] * len(columns)
            groups = [by_key.get((lead, model, rate), missing) for rate in rates]
            cells = [element("td", figure(value, 3)) for group in groups for value in group]
            lines.append(
                element(
                    "tr",
                    None if rank else first,
                    element("th", name_of(model), scope="row"),
                    *cells,
                    element("td", number(numbers[lead, model])),
                    class_=None if rank else "first",
                )
            )
    names = [
        f"{translate(score.title)}, {number(rate, 'g')} mm/h"
        for rate in rates
        for score in PROBABILITY_SCORES.values()
    ]
    caption = translate("Scores of probabilities")
    return table(caption, ["minutes", "model", *names, "forecasts"], lines)
