"""Whether it rained as often as probabilities told, and what they were worth."""

from collections.abc import Iterator, Sequence

from service.ledger.probability_rows import sums_of
from service.report import charts
from service.report.cases import LEAD
from service.report.charts import Axis, Points
from service.report.markup import Html, element
from service.report.report_data import Facts, name_of
from service.report.tables import table
from service.report.words import figure, percent
from service.skill.verification import Row
from verification import brier, brier_skill, reliability
from verification.probabilistic import FEWEST

ACROSS = Axis(0, 1, [(share, f"{share:.0%}") for share in (0, 0.25, 0.5, 0.75, 1)])


def probabilities(facts: Facts) -> Iterator[Html]:
    """Diagrams an hour ahead, and Brier scores of all leads; of models that tell probabilities."""
    rows = facts.standing.chances
    found = {row["model"] for row in rows}
    models = [*facts.models, *sorted(found - set(facts.models))]
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
        f"Across: the probability told {LEAD} minutes ahead; up: how often so much rain came then. "
        "On the dotted line both are the same; below it rain was told too often. Tenths with fewer "
        f"than {FEWEST} cells are left out.",
        class_="note",
    )
    yield scores(rows, list(looks))


def diagram(rows: Sequence[Row], rate: float, looks: dict[str, str]) -> Html:
    """How often it came against what was told, a line for each model."""
    of: dict[str, Points] = {row["model"]: points(row) for row in rows}
    lines = [
        charts.line(ACROSS, seen, looks[model], 1, with_points=True) for model, seen in of.items()
    ]
    if not any(came is not None for seen in of.values() for _, came in seen):
        lines = [charts.said_instead("not known: too few cells")]
    said = f"How often {rate:g} mm/h or more came, by the probability told: " + "; ".join(
        f"{name_of(model)} "
        + ", ".join(
            f"{percent(at)} told {percent(came)} came" for at, came in seen if came is not None
        )
        for model, seen in of.items()
    )
    drawn = charts.svg(said, charts.grid(1), charts.diagonal(ACROSS), charts.bottom(ACROSS), *lines)
    return element("figure", element("figcaption", f"{rate:g} mm/h or more"), drawn)


def points(row: Row) -> Points:
    """What was told and how often it came, of each bin; None where too few cells tell."""
    found = reliability(sums_of([row])).isel(row=0)
    told, came, number = (found[name].values.tolist() for name in ("told", "came", "number"))
    return [
        (at, share) if cells >= FEWEST else (0.0, None)
        for at, share, cells in zip(told, came, number, strict=True)
    ]


def scores(rows: Sequence[Row], models: Sequence[str]) -> Html:
    """Brier score and skill by lead and model, a pair of columns for each threshold."""
    sums = sums_of(rows)
    values = zip(brier(sums).values.tolist(), brier_skill(sums).values.tolist(), strict=True)
    at = {
        (row["lead_minutes"], row["model"], row["threshold"]): pair
        for row, pair in zip(rows, values, strict=True)
    }
    rates = sorted({rate for _, _, rate in at})
    starts = {(row["lead_minutes"], row["model"]): row["n_valid"] for row in rows}
    lines = []
    for lead in sorted({lead for lead, _ in starts}):
        there = [model for model in models if (lead, model) in starts]
        for number, model in enumerate(there):
            first = element("th", f"+{lead}", scope="rowgroup", rowspan=len(there))
            pairs = [at.get((lead, model, rate), (None, None)) for rate in rates]
            cells = [
                element("td", figure(one, n))
                for pair in pairs
                for one, n in zip(pair, (3, 2), strict=True)
            ]
            lines.append(
                element(
                    "tr",
                    None if number else first,
                    element("th", name_of(model), scope="row"),
                    *cells,
                    element("td", f"{starts[lead, model]:,}"),
                    class_=None if number else "first",
                )
            )
    names = [name for rate in rates for name in (f"Brier {rate:g} mm/h", "skill")]
    return table("Brier score, and Brier skill", ["minutes", "model", *names, "starts"], lines)
